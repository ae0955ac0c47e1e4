/**
 * A hostile MCP server and a hostile authorization server against the transports of both SDKs: who was asked how
 * often, who got which secret, and what the application was told. The SDKs over undici's fetch are in the same
 * table. Ends with 1 where ours lets anything through.
 *
 *   npm run test:oauth [-- --seconds N]
 */
import { parseArgs } from 'node:util';
import { printTable } from '../../scripts/table.js';
import { explainTlsError } from '../../src/index.js';
import { ATTACKS, type Attack } from './attacks.js';
import { KINDS, type Kind } from './support/kinds.js';
import { Provider } from './support/provider.js';
import { type Party, World } from './support/world.js';
import { WAYS, type Way } from './ways.js';

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '0.5' } } });
const ms = Number(values.seconds) * 1_000;

// SDK v2 repeats there what it was answered.
console.warn = () => {};
process.on('unhandledRejection', () => {});

const rows: string[][] = [];
let violations = 0;
for (const attack of ATTACKS) {
  for (const kind of KINDS) {
    for (const [way, make] of Object.entries(WAYS)) {
      const { cells, wrong } = await run(attack, kind, make);
      // Without a list nobody has said who the authorization server is, and this provider keeps no `issuer`.
      const isOpen = way === 'plain, no list' && attack.name === 'takes the place of its own';
      if (!way.startsWith('control') && !isOpen) violations += wrong.length;
      const verdict = wrong.length === 0 ? 'ok' : wrong.join(', ');
      rows.push([attack.name, kind.name, way, ...cells, verdict]);
    }
  }
}
const HEADS = ['attack', 'transport', 'way', 'mcp', 'as', 'internal', 'tokens', 'CPU ms', 'told'];
printTable([...HEADS, 'after ms', 'code', 'verdict'], rows);
console.log(`\n${rows.length} runs of ${ms} ms, ${violations} violations`);
process.exit(violations === 0 ? 0 : 1);

async function run(attack: Attack, kind: Kind, make: Way) {
  await using world = await World.start(attack.world);
  const tokens = { access_token: 'old', refresh_token: 'REFRESH', token_type: 'Bearer' };
  world.refreshTokens.add('REFRESH');
  const client = { client_id: 'gateway', client_secret: 'SECRET' };
  const isNew = attack.name.startsWith('registration');
  const authProvider = new Provider(isNew ? {} : { client, tokens });
  const requestInit = { headers: { 'x-api-key': 'KEY' } };
  const made = await make(kind, world, { authProvider, requestInit });
  const [startedAt, cpuBefore] = [performance.now(), process.cpuUsage()];
  const told: { error: unknown; at: number }[] = [];
  const tell = (error: unknown): void =>
    void told.push({ error, at: performance.now() - startedAt });
  const one = kind.client();
  one.onerror = tell;
  one.connect(made.transport).catch(tell);
  await new Promise((resolve) => setTimeout(resolve, ms));
  const { user, system } = process.cpuUsage(cpuBefore);
  const counts = [world.mcp, world.as, world.internal].map(({ seen }) => String(seen.length));
  const got = world.grants.length;
  const wrong = wrongsOf(attack, world, told.length);
  await one.close().catch(() => {});
  await made.close().catch(() => {});
  const code = told.map(({ error }) => explainTlsError(error)?.code).find(Boolean);
  const at = told[0] === undefined ? '' : String(Math.round(told[0].at));
  const cpu = String(Math.round((user + system) / 1_000));
  return { cells: [...counts, String(got), cpu, String(told.length), at, code ?? ''], wrong };
}

function wrongsOf(attack: Attack, world: World, told: number): string[] {
  const { mcp, as, internal } = world;
  const wrong: string[] = [];
  if (internal.seen.length > 0) wrong.push('INTERNAL SERVICE ASKED');
  if (has(internal, /REFRESH|SECRET|U0VDUkVU/)) wrong.push('SECRET TO INTERNAL');
  if (has(as, /KEY/) || has(internal, /KEY/)) wrong.push('API KEY LEFT');
  const atMcp = mcp.seen.filter(({ path }) => path === '/token');
  if (atMcp.some(({ body }) => body.includes('REFRESH'))) wrong.push('REFRESH TOKEN TO MCP');
  if (has(mcp, /INTERNAL-TOKEN/)) wrong.push('INTERNAL TOKEN TO MCP');
  if (world.revoked) wrong.push('REFRESH TOKEN USED TWICE');
  if (world.grants.length > attack.tokens) wrong.push('TOO MANY TOKENS');
  const isQuiet = told === 0 && attack.name.startsWith('storm');
  if (isQuiet && mcp.seen.length > 6) wrong.push('NOBODY TOLD');
  return wrong;
}

function has({ seen }: Party, secret: RegExp): boolean {
  return seen.some(({ headers, body }) => {
    const basic = headers.authorization?.replace(/^Basic /, '') ?? '';
    const plain = Buffer.from(basic, 'base64').toString();
    return secret.test(`${body} ${JSON.stringify(headers)} ${plain}`);
  });
}

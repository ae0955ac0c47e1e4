/**
 * A hostile MCP server and a hostile authorization server against the transports of both SDKs: which of six origins
 * was asked how often, who got which secret, and what the application was told. The SDKs over undici's fetch are in
 * the same tables, as what it is without ours. Ends with 1 where ours lets anything through.
 *
 *   npm run test:oauth [-- --fast]
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Cell, printTable } from '../../scripts/table.js';
import { ATTACKS, type Attack, STORMS } from './attacks.js';
import { type Outcome, runAttack } from './run-attack.js';
import { KINDS, type Kind } from './support/kinds.js';
import { COMPANY, companyCertificates, PARTY_NAMES } from './support/parties.js';
import { WAYS, type Way } from './ways.js';

const { values } = parseArgs({ options: { fast: { type: 'boolean' } } });
if (process.env[COMPANY] === undefined) process.exit(await runBehindCompany());

// SDK v2 repeats there what it was answered.
console.warn = () => {};
process.on('unhandledRejection', () => {});

const kinds = KINDS.filter(({ name }) => values.fast !== true || name === 'v1 http');
let [violations, open, runs] = [0, 0, 0];

const rows = await each(ATTACKS, WAYS, undefined, ({ seen, tokens, told, toldAfterMs, code }) => [
  ...PARTY_NAMES.map((name) => seen[name]),
  ...[tokens, told, toldAfterMs ?? '', code ?? ''].map(String),
]);
console.log(
  'Requests that each origin saw, and in them: R refresh token, S client secret, C code of the login at as.test,\n' +
    'K API key of requestInit.headers, I token of the internal service.\n',
);
const HEADS = ['attack', 'transport', 'way'];
printTable([...HEADS, ...PARTY_NAMES, 'tokens', 'told', 'after ms', 'code', 'verdict'], rows);

if (values.fast !== true) {
  const watched = { fromMs: 500, forMs: 1_000 };
  const perMinute = (count: number): string => String(count * 60);
  const ways = WAYS.filter(({ name }) => /control|, list|^registry$/.test(name));
  const storms = await each(STORMS, ways, watched, (one) => [
    perMinute(one.lately),
    perMinute(one.cpuLatelyMs),
    ...[one.tokens, one.told, one.toldAfterMs ?? '', one.code ?? ''].map(String),
  ]);
  console.log(
    `\nStorms, as long as they last: of the second that begins half a second after connect(), 60 times\n`,
  );
  const heads = ['requests/min', 'CPU ms/min', 'tokens', 'told', 'after ms', 'code', 'verdict'];
  printTable([...HEADS, ...heads], storms);
}
console.log(`\n${runs} runs, ${violations} violations; ${open} first contacts without a list`);
process.exit(violations === 0 ? 0 : 1);

async function each(
  attacks: readonly Attack[],
  ways: readonly Way[],
  watched: { fromMs: number; forMs: number } | undefined,
  cells: (outcome: Outcome) => Cell[],
): Promise<Cell[][]> {
  const made: Cell[][] = [];
  for (const attack of attacks) {
    for (const kind of kinds) {
      const run = async (way: Way): Promise<Cell[]> => row(attack, kind, way, watched, cells);
      // What is not measured by its CPU time need not be alone.
      if (watched === undefined) made.push(...(await Promise.all(ways.map(run))));
      else for (const way of ways) made.push(await run(way));
    }
  }
  return made;
}

async function row(
  attack: Attack,
  kind: Kind,
  way: Way,
  watched: { fromMs: number; forMs: number } | undefined,
  cells: (outcome: Outcome) => Cell[],
): Promise<Cell[]> {
  const outcome = await runAttack(attack, kind, way, watched);
  const { wrong, isOpen } = outcome;
  const isOurs = way.reaches !== 'everywhere';
  runs++;
  if (isOurs && isOpen && wrong.length > 0) open++;
  else if (isOurs) violations += wrong.length;
  const prefix = isOurs && isOpen ? 'first contact: ' : '';
  const verdict = wrong.length === 0 ? 'ok' : prefix + wrong.join(', ');
  return [attack.name, kind.name, way.name, ...cells(outcome), verdict];
}

/** Again, in a process whose extra CAs have signed all the certificates, as a company's has. */
async function runBehindCompany(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'mcp-tls-oauth-'));
  const [ca, all] = [join(folder, 'ca.pem'), join(folder, 'all.json')];
  const made = await companyCertificates();
  writeFileSync(ca, made.ca);
  writeFileSync(all, made.json, { mode: 0o600 });
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: ca, [COMPANY]: all };
  const program = [...process.execArgv, import.meta.filename, ...process.argv.slice(2)];
  try {
    execFileSync(process.execPath, program, { env, stdio: 'inherit' });
    return 0;
  } catch (error) {
    return (error as { status?: number }).status ?? 1;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

import { explainTlsError } from '../../src/index.js';
import type { Attack } from './attacks.js';
import type { Kind } from './support/kinds.js';
import { PARTY_NAMES, type Party, type PartyName } from './support/parties.js';
import { Provider } from './support/provider.js';
import { World } from './support/world.js';
import type { Way } from './ways.js';

/** What an attack came to. */
export interface Outcome {
  /** Requests that each origin saw, and which secrets, by the letters of {@link SECRETS}. */
  readonly seen: Readonly<Record<PartyName, string>>;
  /** Requests to all origins, in the time that was watched last. */
  readonly lately: number;
  readonly tokens: number;
  readonly cpuMs: number;
  readonly cpuLatelyMs: number;
  /** What the application was told: how often, after how many ms for the first time, and our code. */
  readonly told: number;
  readonly toldAfterMs: number | undefined;
  readonly code: string | undefined;
  /** What must not have happened. */
  readonly wrong: readonly string[];
  /** Of these, what nobody could know: first contact, without a list. */
  readonly isOpen: boolean;
}

/** Letters of the table. */
const SECRETS: Readonly<Record<string, RegExp>> = {
  R: /REFRESH/,
  S: /SECRET/,
  C: /\bcode=CODE/,
  K: /"x-api-key":"KEY"/,
  I: /INTERNAL-TOKEN/,
};

/** How long what is no storm may take. */
const LONGEST_MS = 5_000;

/**
 * Runs it for as long as it takes, or, where it is watched, for that long: what happens after `fromMs` is counted apart.
 */
export async function runAttack(
  attack: Attack,
  kind: Kind,
  way: Way,
  watched?: { readonly fromMs: number; readonly forMs: number },
): Promise<Outcome> {
  await using world = await World.start(attack.world());
  world.refreshTokens.add('REFRESH');
  const provider = new UnstampedProvider(attack.isNew === true ? {} : stored());
  const options = { authProvider: provider, requestInit: { headers: { 'x-api-key': 'KEY' } } };
  const made = await way.make(kind, world, options);
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  const told: { error: unknown; at: number }[] = [];
  const tell = (error: unknown): void =>
    void told.push({ error, at: performance.now() - startedAt });
  const client = kind.client();
  client.onerror = tell;
  const connecting = client.connect(made.transport).catch(tell);
  // Whoever was sent to a login comes back with a code.
  const loggedIn = connecting.then(async () => {
    if (provider.sentTo.length > 0) await made.transport.finishAuth('CODE').catch(() => {});
    else if (told.length === 0) await client.listTools().catch(tell);
  });
  await (watched ? pause(watched.fromMs) : Promise.race([loggedIn, pause(LONGEST_MS)]));
  const [before, cpuBefore] = [requests(world), process.cpuUsage()];
  // Longer than what the SDKs do beside it takes.
  await pause(watched?.forMs ?? 50);
  const outcome = {
    seen: seenOf(world),
    lately: requests(world) - before,
    tokens: world.grants.length,
    cpuMs: sum(process.cpuUsage(cpu)),
    cpuLatelyMs: sum(process.cpuUsage(cpuBefore)),
    told: told.length,
    toldAfterMs: told[0] && Math.round(told[0].at),
    code: told.map(({ error }) => explainTlsError(error)?.code).find(Boolean),
    wrong: wrongsOf(attack, way, world, provider, told.length),
    isOpen: attack.isFirstContact === true && way.reaches !== 'list',
  };
  await client.close().catch(() => {});
  await made.close().catch(() => {});
  await Promise.race([loggedIn, pause(200)]);
  return outcome;
}

/** Columns of a table, none of them for the `issuer`. */
class UnstampedProvider extends Provider {
  override saveTokens(tokens: object): Promise<void> {
    return super.saveTokens({ ...tokens, issuer: undefined });
  }
  override saveClientInformation(client: object): Promise<void> {
    return super.saveClientInformation({ ...client, issuer: undefined });
  }
}

const stored = () => ({
  client: { client_id: 'gateway', client_secret: 'SECRET' },
  tokens: { access_token: 'old', refresh_token: 'REFRESH', token_type: 'Bearer' },
});

function wrongsOf(
  attack: Attack,
  { reaches }: Way,
  world: World,
  provider: Provider,
  told: number,
): string[] {
  const wrong: string[] = [];
  const { mcp, as, evil, internal, elsewhere, meta } = world;
  // In these ways nothing that is not listed may be asked; redirects lead out of the origin in none.
  const closed = reaches === 'anywhere' ? [elsewhere] : [evil, internal, elsewhere, meta];
  for (const party of closed) {
    if (party.seen.length > 0) wrong.push(`${party.name} ASKED`);
  }
  const others = [mcp, evil, internal, elsewhere, meta];
  for (const [what, letter] of [
    ['REFRESH TOKEN', 'R'],
    ['CLIENT SECRET', 'S'],
    ['CODE', 'C'],
  ] as const) {
    // A code is of the login that the user was sent to last.
    const isOfAs = provider.sentTo.every(({ origin }) => origin === as.origin);
    if (letter === 'C' && !isOfAs) continue;
    for (const party of others) if (got(party, letter)) wrong.push(`${what} TO ${party.name}`);
  }
  for (const party of [as, evil, internal, elsewhere, meta]) {
    if (got(party, 'K')) wrong.push(`API KEY TO ${party.name}`);
  }
  if (got(mcp, 'I') && reaches !== 'anywhere') wrong.push('INTERNAL TOKEN TO mcp');
  if (world.revoked) wrong.push('REFRESH TOKEN USED TWICE');
  if (world.grants.length > attack.tokens) wrong.push('TOO MANY TOKENS');
  if (attack.isStorm === true && told === 0 && mcp.seen.length > 6) wrong.push('NOBODY TOLD');
  return wrong;
}

function seenOf(world: World): Record<PartyName, string> {
  const cell = (party: Party): string => {
    const letters = Object.keys(SECRETS).filter((letter) => got(party, letter));
    return [party.seen.length, ...letters].join(' ');
  };
  const cells = PARTY_NAMES.map((name) => [name, cell(world[name])] as const);
  return Object.fromEntries(cells) as Record<PartyName, string>;
}

function got({ seen }: Party, letter: string): boolean {
  return seen.some(({ headers, body }) => {
    const basic = headers.authorization?.replace(/^Basic /, '') ?? '';
    const plain = Buffer.from(basic, 'base64').toString();
    return SECRETS[letter]?.test(`${body} ${JSON.stringify(headers)} ${plain}`);
  });
}

const requests = (world: World): number =>
  PARTY_NAMES.reduce((all, name) => all + world[name].seen.length, 0);
const sum = ({ user, system }: NodeJS.CpuUsage): number => Math.round((user + system) / 1_000);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

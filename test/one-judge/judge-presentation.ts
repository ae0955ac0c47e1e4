import { setTimeout as pause } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { CustomClientFactory, ServerRegistry, TrustInput } from '../../src/index.js';
import {
  type Answer,
  askClient,
  askOnce,
  askProbe,
  askRegistry,
  type ProbeAnswer,
} from './judges.js';
import { askOpenssl, expectation, opensslKey } from './oracle.js';
import { FOR_LONG_CHAINS, type PolicyCase } from './policies.js';
import type { PresentationCase } from './presentations.js';
import { type PresentingServer, present } from './support/present.js';
import type { Twins } from './support/twins.js';

/** One policy and one presentation. */
export interface Cell {
  readonly policy: string;
  readonly presentation: string;
  readonly trusted: boolean;
  readonly openssl: string;
  /** What is not as it must be; empty in a cell that passes. */
  readonly faults: readonly string[];
}

export interface PresentationResult {
  readonly name: string;
  readonly certificates: number;
  readonly cells: readonly Cell[];
  /** Suggestions that were tried. */
  readonly suggestions: number;
}

interface Setting {
  readonly shown: PresentationCase;
  /** With the factory of each, which lives as long as the run: contexts of all roots are dear. */
  readonly policies: ReadonlyMap<PolicyCase, CustomClientFactory>;
  readonly registry: ServerRegistry;
  readonly twins: Twins;
}

let ids = 0;

/** Puts one server under every policy, one after the other, so that its bytes are each one's own. */
export async function judgePresentation(setting: Setting): Promise<PresentationResult> {
  const { shown, policies } = setting;
  await using server = await present(shown.chain, shown.server);
  const openssl = new Map<string, string>();
  const tried = new Map<string, readonly string[]>();
  const cells: Cell[] = [];
  for (const [policy, factory] of policies) {
    if (shown.isLong && !FOR_LONG_CHAINS.has(policy.name)) continue;
    const key = opensslKey(policy);
    const said = openssl.get(key) ?? (await askOpenssl(policy, shown.host, server.port));
    openssl.set(key, said);
    cells.push(await judgeCell({ ...setting, policy, factory, server, openssl: said, tried }));
  }
  // Bytes on their way are bytes, too.
  const before = server.bytes();
  await pause(10);
  if (server.bytes() !== before) {
    const last = cells.at(-1) as Cell;
    cells[cells.length - 1] = { ...last, faults: [...last.faults, 'bytes came late'] };
  }
  const { name, chain } = shown;
  return { name, certificates: chain.length, cells, suggestions: tried.size };
}

interface CellSetting extends Setting {
  readonly policy: PolicyCase;
  readonly factory: CustomClientFactory;
  readonly server: PresentingServer;
  readonly openssl: string;
  /** By suggestion: what was wrong with it. */
  readonly tried: Map<string, readonly string[]>;
}

async function judgeCell(setting: CellSetting): Promise<Cell> {
  const { shown, policy, factory, server, registry, openssl, tried } = setting;
  const { trust } = policy;
  const url = `https://${shown.host}:${server.port}/mcp`;
  const start = server.bytes();
  const client = await askClient(url, factory);
  const afterClient = server.bytes();
  const probe = await askProbe(url, trust);
  const afterProbe = server.bytes();
  ids += 1;
  const stored = await askRegistry(registry, `server-${ids}`, url, trust);
  const expected = expectation(policy, shown, openssl === 'ok');
  const faults = [
    ...differences(expected, client, probe, stored),
    ...problemFaults(probe),
    ...foreignErrors(client, probe, stored),
  ];
  // A TLS 1.3 server misses a client certificate only after the handshake: it was trusted.
  const mtls = shown.server.clientCa !== undefined;
  if (!client.trusted && afterClient > start && !mtls) {
    faults.push(`refused after ${afterClient - start} bytes`);
  }
  if (client.trusted && afterClient === start) faults.push('trusted without a byte');
  if (afterProbe > afterClient) faults.push('the probe sent bytes');
  if (!stored.trusted && server.bytes() > afterProbe) faults.push('the try-out sent bytes');
  const { suggestedPolicy } = probe;
  if (probe.trusted) {
    faults.push(...givenBackFaults(policy, suggestedPolicy));
  } else if (suggestedPolicy !== undefined) {
    const key = JSON.stringify(suggestedPolicy);
    const found = tried.get(key) ?? (await suggestionFaults(setting, url, suggestedPolicy));
    tried.set(key, found);
    faults.push(...found);
  }
  const { name: presentation } = shown;
  return { policy: policy.name, presentation, trusted: client.trusted, openssl, faults };
}

function differences(
  expected: boolean | undefined,
  client: Answer,
  probe: ProbeAnswer,
  stored: Answer,
): string[] {
  const said = (name: string, { trusted, why }: Answer) =>
    `${name}: ${trusted ? 'trusted' : 'refused'}${why && ` (${why})`}`;
  const all = [said('client', client), said('probe', probe), said('registry', stored)].join(', ');
  const agree = client.trusted === probe.trusted && probe.trusted === stored.trusted;
  const faults: string[] = [];
  if (!agree) faults.push(`they differ: ${all}`);
  if (expected !== undefined && client.trusted !== expected) {
    faults.push(`must be ${expected ? 'trusted' : 'refused'}; ${all}`);
  }
  if (stored.trusted && stored.why !== '') faults.push(`registry: ${stored.why}`);
  return faults;
}

function problemFaults({ trusted, problems }: ProbeAnswer): string[] {
  if (problems === undefined || trusted === (problems.length === 0)) return [];
  return [trusted ? `trusted with problems: ${problems.join(' ')}` : 'refused without a problem'];
}

function foreignErrors(...answers: readonly Answer[]): string[] {
  return answers.filter(({ why }) => why.startsWith('NOT OURS')).map(({ why }) => why);
}

/** A suggestion must connect, and must not let in anybody else. */
async function suggestionFaults(
  { shown, twins, policy }: CellSetting,
  url: string,
  suggested: TrustInput,
): Promise<string[]> {
  const name = `the suggestion ${describe(suggested)}`;
  const usable = withClientCertificate(suggested, shown);
  const answer = await askOnce(url, usable);
  const faults = answer.trusted ? [] : [`${name} does not connect (${answer.why})`];
  if (isDeepStrictEqual(suggested, policy.trust) && shown.server.clientCa === undefined) {
    faults.push(`${name} is what was given, and refused`);
  }
  // Where the roots vouch and only a client certificate is missing, the roots are what is suggested:
  // others whom they vouch for are let in as well.
  const isByRoots = (suggested as { roots?: unknown } | null)?.roots === 'default';
  if (isByRoots && shown.server.clientCa !== undefined) return faults;
  for (const { name: twin, server } of twins.servers) {
    const { trusted } = await askOnce(`https://${shown.host}:${server.port}/mcp`, usable);
    if (trusted) faults.push(`${name} lets in the ${twin}`);
  }
  return faults;
}

/** What the user adds where the server demands it: a suggestion cannot know it. */
function withClientCertificate(suggested: TrustInput, { server }: PresentationCase): TrustInput {
  const { clientCa } = server;
  if (clientCa === undefined || typeof suggested !== 'object' || suggested === null)
    return suggested;
  const clientCertificate = { cert: clientCa.pem, key: clientCa.keyPem };
  return { ...suggested, clientCertificate } as TrustInput;
}

/** Where there is trust, the suggestion is what was given, without a client's key in plain view. */
function givenBackFaults({ trust, client }: PolicyCase, suggested: TrustInput | undefined) {
  if (suggested === undefined) return ['trusted, and suggests nothing'];
  if (client === undefined) {
    return isDeepStrictEqual(suggested, trust) ? [] : ['suggests another trust than the given'];
  }
  return JSON.stringify(suggested).includes('PRIVATE KEY') ? ['gives out a private key'] : [];
}

function describe(trust: TrustInput): string {
  if (typeof trust !== 'object' || trust === null) return String(trust);
  const { ca, ...rest } = trust as { ca?: unknown };
  return JSON.stringify(ca === undefined ? rest : { ca: '<pem>', ...rest });
}

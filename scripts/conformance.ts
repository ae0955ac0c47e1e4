/**
 * Runs every client scenario of the MCP conformance suite over https, through this library.
 *
 *   tsx scripts/conformance.ts [part of a scenario's name] [--sdk v1]
 *
 * The client is the MCP SDK v1 on Node.js 20 and 24, and the SDK v2 in its ways of beginning: `legacy` on 20, and on
 * 24 `auto`, which asks for protocol 2026-07-28 first, where the suite's servers speak the versions before it; and
 * `{ pin: '2026-07-28' }` over the scenarios that a pre-release of the suite requires of that version.
 * Each scenario is also run against servers whose certificate is not the trusted one, where the client has to refuse
 * before any request arrives. What fails is run once more over plain http by the SDK alone: where that fails too, it is
 * the SDK's, or the suite's, and shown as such.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { heldCertificate } from '../src/testing/held-certificate.js';
import { cacheFolder, installInCache } from './install-in-cache.js';
import { type NodeLine, nodeLines } from './node-lines.js';
import { type Cell, printTable } from './table.js';

const ROOT = join(import.meta.dirname, '..');
const PACKAGE = 'node_modules/@modelcontextprotocol/conformance';
/** The first that has scenarios of the protocol 2026-07-28, and which are required for it. */
const MODERN_SUITE = '0.2.0-alpha.12';
const MODERN = '2026-07-28';
/** As many at a time as the smallest machines of continuous integration have cores. */
const CONCURRENCY = 2;
const SCENARIOS = 26;
const MODERN_SCENARIOS = 32;

type Sdk = 'v1' | 'v2-legacy' | 'v2-auto' | 'v2-modern';

/** The suite of scenarios, and the Node.js that runs it: 22 or later, whatever the client runs on. */
interface Suite {
  readonly program: string;
  readonly binary: string;
  readonly options: readonly string[];
  readonly scenarios: readonly string[];
}

interface Run {
  readonly scenario: string;
  readonly sdk: Sdk;
  readonly node: NodeLine;
  /** Which certificate the servers have: the trusted one, or another with the same names. */
  readonly server: 'trusted' | 'other';
}

interface Result extends Run {
  readonly suite: Suite;
  /** `foreign`: the SDK by itself, over plain http, fails too. */
  readonly outcome: 'passed' | 'failed' | 'foreign';
  /** What to print of it: why it failed, or how it was refused. */
  readonly note: string;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { sdk: { type: 'string', default: '' } },
});

const folder = await mkdtemp(join(tmpdir(), 'mcp-tls-conformance-'));
try {
  process.exitCode = (await main()) ? 0 : 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function main(): Promise<boolean> {
  const [node20, node24] = (await nodeLines([20, 24])) as [NodeLine, NodeLine];
  await writeCertificate('trusted');
  await writeCertificate('other');
  const clients: readonly [Sdk, NodeLine][] = [
    ['v1', node20],
    ['v1', node24],
    ['v2-legacy', node20],
    ['v2-auto', node24],
    ['v2-modern', node24],
  ];
  const wanted = clients.filter(([sdk]) => sdk.startsWith(values.sdk));
  const legacy = await legacySuite(node24);
  const modern = wanted.some(([sdk]) => sdk === 'v2-modern') ? await modernSuite(node24) : legacy;
  const runs = wanted.flatMap(([sdk, node]) => {
    const suite = sdk === 'v2-modern' ? modern : legacy;
    return (['trusted', 'other'] as const).flatMap((server) =>
      suite.scenarios
        .filter((scenario) => scenario.includes(positionals[0] ?? ''))
        .map((scenario): [Run, Suite] => [{ scenario, sdk, node, server }, suite]),
    );
  });
  const results = await inParallel(runs, ([run, suite]) => runScenario(run, suite));
  print(results);
  return results.length > 0 && results.every(({ outcome }) => outcome !== 'failed');
}

async function legacySuite({ binary }: NodeLine): Promise<Suite> {
  const program = join(ROOT, PACKAGE, 'dist/index.js');
  const { stdout } = await start(binary, [program, 'list', '--client'], process.env);
  const scenarios = [...stdout.matchAll(/^ +- (\S+)/gm)].map(([, name]) => String(name));
  if (scenarios.length !== SCENARIOS) throw new Error(`expected ${SCENARIOS}: ${scenarios}`);
  return { program, binary, options: [], scenarios };
}

/** What the suite lists as required of clients of protocol 2026-07-28. */
async function modernSuite({ binary }: NodeLine): Promise<Suite> {
  const name = `conformance-${MODERN_SUITE}`;
  await installInCache(name, `@modelcontextprotocol/conformance@${MODERN_SUITE}`);
  const folder = join(cacheFolder(name), PACKAGE);
  const list = await readFile(join(folder, `requirements/${MODERN}.yaml`), 'utf8');
  const ofClients = /^client:\n((?: +- .*\n)+)/m.exec(list)?.[1] ?? '';
  const scenarios = [...ofClients.matchAll(/- (\S+)/g)].map(([, one]) => String(one));
  if (scenarios.length !== MODERN_SCENARIOS)
    throw new Error(`expected ${MODERN_SCENARIOS}: ${list}`);
  const options = ['--spec-version', MODERN];
  return { program: join(folder, 'dist/index.js'), binary, options, scenarios };
}

/** A throw-away certificate for localhost and 127.0.0.1, and its key. */
async function writeCertificate(name: Run['server']): Promise<void> {
  const { pem: certificatePem, keyPem } = await heldCertificate({ commonName: 'localhost' });
  await writeFile(certificateFile(name), certificatePem);
  await writeFile(join(folder, `${name}.key.pem`), keyPem, { mode: 0o600 });
}

function certificateFile(name: Run['server']): string {
  return join(folder, `${name}.pem`);
}

async function runScenario(run: Run, suite: Suite): Promise<Result> {
  const { note, exitCode, outcome, requests, stderr } = await runOnce(run, suite, false);
  const passed =
    run.server === 'trusted'
      ? exitCode === 0 && outcome === 'done' && Number(requests) > 0
      : // Not by the runner's verdict: auth/resource-mismatch passes with a client that never comes.
        outcome === 'refused MCP_TLS_SELF_SIGNED' && requests === '0';
  if (passed) return { ...run, suite, outcome: 'passed', note };
  const why = `${note}\n${indent(stderr)}`;
  if (run.server === 'other') return { ...run, suite, outcome: 'failed', note: why };
  const control = await runOnce(run, suite, true);
  const isForeign = control.exitCode !== 0 || control.outcome !== 'done';
  return { ...run, suite, outcome: isForeign ? 'foreign' : 'failed', note: why };
}

/** @param isControl the SDK alone, over plain http */
async function runOnce(run: Run, suite: Suite, isControl: boolean) {
  const { scenario, sdk, node, server } = run;
  const kind = isControl ? 'control' : server;
  const results = join(folder, `${scenario.replaceAll('/', '-')}-${sdk}-${node.line}-${kind}`);
  await mkdir(results);
  const preload = join(ROOT, 'scripts/conformance-https.mjs');
  // Split at blanks by the runner, then given to a shell: the paths go by the environment.
  const command = '"$CLIENT_NODE" --import tsx test/conformance/client.ts';
  const { exitCode, stderr } = await start(
    suite.binary,
    // As an option, not in NODE_OPTIONS, so that the client does not inherit the preload.
    [
      ...(isControl ? [] : ['--import', preload]),
      suite.program,
      'client',
      ...['--scenario', scenario, '--command', command, '--output-dir', results],
      ...suite.options,
    ],
    {
      ...process.env,
      CLIENT_NODE: node.binary,
      CONFORMANCE_SDK: sdk,
      TRUSTED_CERTIFICATE: certificateFile('trusted'),
      CONFORMANCE_CERTIFICATE: certificateFile(server),
      CONFORMANCE_KEY: join(folder, `${server}.key.pem`),
      CONFORMANCE_REQUESTS: join(results, 'requests'),
      ...(isControl && { CONFORMANCE_CONTROL: '1' }),
    },
  );
  const outcome = await clientOutcome(results);
  const requests = await readFile(join(results, 'requests'), 'utf8').catch(() => 'unknown');
  return { exitCode, stderr, outcome, requests, note: `${outcome}, ${requests} requests` };
}

/** The outcome that the client printed last; the runner keeps its output in a folder of its own. */
async function clientOutcome(results: string): Promise<string> {
  const files = await readdir(results, { recursive: true });
  const file = files.find((name) => name.endsWith('stdout.txt'));
  const output = file === undefined ? '' : await readFile(join(results, file), 'utf8');
  return /^outcome: (.*)$/m.exec(output)?.[1] ?? 'no outcome';
}

interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

function start(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { cwd: ROOT, env, timeout: 60_000, maxBuffer: 64 << 20 };
    execFile(command, args, options, (error, stdout, stderr) => {
      const exitCode = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
      resolve({ exitCode, stdout, stderr });
    });
  });
}

async function inParallel<T, R>(items: readonly T[], run: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const index = next++;
      results[index] = await run(items[index] as T);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  return results;
}

function print(results: readonly Result[]): void {
  const columns = [...new Set(results.map(column))];
  const scenarios = [...new Set(results.map(({ scenario }) => scenario))];
  printTable(
    ['scenario', ...columns],
    scenarios.map((scenario): Cell[] => [
      scenario,
      ...columns.map((wanted) =>
        cell(results.find((result) => result.scenario === scenario && column(result) === wanted)),
      ),
    ]),
  );
  const having = (outcome: Result['outcome']): readonly Result[] =>
    results.filter((result) => result.outcome === outcome);
  for (const result of [...having('foreign'), ...having('failed')]) {
    console.log(`\n${result.scenario}, ${column(result)}: ${result.note}`);
  }
  console.log(
    '\npass: the suite passed and the client ended as the scenario wants.' +
      '\nnot ours: it did not, and the SDK by itself over plain http does not either.' +
      '\nrefused: with servers of another certificate the suite fails, because the client refused' +
      '\nwith MCP_TLS_SELF_SIGNED and no request arrived.\n',
  );
  const [passed, failed, foreign] = [having('passed'), having('failed'), having('foreign')];
  console.log(`${passed.length} passed, ${failed.length} failed, ${foreign.length} not ours`);
}

function column({ node, sdk, server }: Run): string {
  return `${sdk}, ${node.line}${server === 'trusted' ? '' : ', wrong certificate'}`;
}

function cell(result: Result | undefined): Cell {
  if (result === undefined) return '';
  if (result.outcome === 'failed') return { text: 'FAIL', colour: 'red' };
  if (result.outcome === 'foreign') return { text: 'not ours', colour: 'yellow' };
  return { text: result.server === 'trusted' ? 'pass' : 'refused', colour: 'green' };
}

function indent(text: string): string {
  return text.trimEnd().replace(/^/gm, '    ');
}

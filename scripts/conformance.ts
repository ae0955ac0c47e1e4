/**
 * Runs every client scenario of the MCP conformance suite over https, through this library.
 *
 *   tsx scripts/conformance.ts [part of a scenario's name] [--sdk v1]
 *
 * The client is the MCP SDK v1 on Node.js 20 and 24, and the SDK v2 in its two ways of beginning: `legacy` on 20, and
 * on 24 `auto`, which asks for protocol 2026-07-28 first. The suite's own servers speak the versions before it.
 * Each scenario is also run against servers whose
 * certificate is not the trusted one, where the client has to refuse before any request arrives.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { heldCertificate } from '../src/testing/held-certificate.js';
import { type NodeLine, nodeLines } from './node-lines.js';
import { type Cell, printTable } from './table.js';

const ROOT = join(import.meta.dirname, '..');
const RUNNER = join(ROOT, 'node_modules/@modelcontextprotocol/conformance/dist/index.js');
/** As many at a time as the smallest machines of continuous integration have cores. */
const CONCURRENCY = 2;
const SCENARIOS = 26;

type Sdk = 'v1' | 'v2-legacy' | 'v2-auto';

interface Run {
  readonly scenario: string;
  readonly sdk: Sdk;
  readonly node: NodeLine;
  /** Which certificate the servers have: the trusted one, or another with the same names. */
  readonly server: 'trusted' | 'other';
}

interface Result extends Run {
  readonly passed: boolean;
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
  const all = await listScenarios(node24);
  if (all.length !== SCENARIOS) throw new Error(`expected ${SCENARIOS} scenarios: ${all}`);
  const scenarios = all.filter((scenario) => scenario.includes(positionals[0] ?? ''));

  const clients: readonly [Sdk, NodeLine][] = [
    ['v1', node20],
    ['v1', node24],
    ['v2-legacy', node20],
    ['v2-auto', node24],
  ];
  const runs = clients
    .filter(([sdk]) => sdk.startsWith(values.sdk))
    .flatMap(([sdk, node]) =>
      (['trusted', 'other'] as const).flatMap((server) =>
        scenarios.map((scenario): Run => ({ scenario, sdk, node, server })),
      ),
    );
  // The runner needs Node.js 22 or later, whatever the client runs on.
  const results = await inParallel(runs, (run) => runScenario(run, node24));
  print(results);
  return results.every(({ passed }) => passed);
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

async function listScenarios({ binary }: NodeLine): Promise<readonly string[]> {
  const { stdout } = await start(binary, [RUNNER, 'list', '--client'], process.env);
  return [...stdout.matchAll(/^ +- (\S+)/gm)].map(([, name]) => String(name));
}

async function runScenario(run: Run, runner: NodeLine): Promise<Result> {
  const { scenario, sdk, node, server } = run;
  const results = join(folder, `${scenario.replaceAll('/', '-')}-${sdk}-${node.line}-${server}`);
  await mkdir(results);
  const preload = join(ROOT, 'scripts/conformance-https.mjs');
  // Split at blanks by the runner, then given to a shell: the paths go by the environment.
  const command = '"$CLIENT_NODE" --import tsx test/conformance/client.ts';
  const { exitCode, stderr } = await start(
    runner.binary,
    // As an option, not in NODE_OPTIONS, so that the client does not inherit the preload.
    [
      '--import',
      preload,
      RUNNER,
      'client',
      ...['--scenario', scenario, '--command', command, '--output-dir', results],
    ],
    {
      ...process.env,
      CLIENT_NODE: node.binary,
      CONFORMANCE_SDK: sdk,
      TRUSTED_CERTIFICATE: certificateFile('trusted'),
      CONFORMANCE_CERTIFICATE: certificateFile(server),
      CONFORMANCE_KEY: join(folder, `${server}.key.pem`),
      CONFORMANCE_REQUESTS: join(results, 'requests'),
    },
  );
  const outcome = await clientOutcome(results);
  const requests = await readFile(join(results, 'requests'), 'utf8').catch(() => 'unknown');
  const note = `${outcome}, ${requests} requests`;
  if (server === 'trusted') {
    const passed = exitCode === 0 && outcome === 'done' && Number(requests) > 0;
    return { ...run, passed, note: passed ? note : `${note}\n${indent(stderr)}` };
  }
  // Not by the runner's verdict: auth/resource-mismatch passes with a client that never comes.
  const refused = outcome === 'refused MCP_TLS_SELF_SIGNED' && requests === '0';
  return { ...run, passed: refused, note: refused ? note : `${note}\n${indent(stderr)}` };
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
  const failed = results.filter(({ passed }) => !passed);
  for (const result of failed) {
    console.log(`\n${result.scenario}, ${column(result)}: ${result.note}`);
  }
  console.log(
    '\npass: the suite passed and the client ended as the scenario wants.' +
      '\nrefused: with servers of another certificate the suite fails, because the client refused' +
      '\nwith MCP_TLS_SELF_SIGNED and no request arrived.\n',
  );
  console.log(`${results.length - failed.length} passed, ${failed.length} failed`);
}

function column({ node, sdk, server }: Run): string {
  return `${sdk}, ${node.line}${server === 'trusted' ? '' : ', wrong certificate'}`;
}

function cell(result: Result | undefined): Cell {
  if (result === undefined) return '';
  if (!result.passed) return { text: 'FAIL', colour: 'red' };
  return { text: result.server === 'trusted' ? 'pass' : 'refused', colour: 'green' };
}

function indent(text: string): string {
  return text.trimEnd().replace(/^/gm, '    ');
}

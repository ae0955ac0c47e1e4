/**
 * Runs the programs of examples/hosts, each with its host installed, against the server that it pins and
 * against an impostor whose certificate the default roots accept: whatever a host does not send over the
 * fetch or transport that it was given reaches the impostor. Then puts each host through the pinning battery
 * (test/hosts/connect says how it connects). Writes the table of docs/hosts.md.
 *
 *   npm run test:hosts                  all, on Node.js 24
 *   npm run test:hosts -- --host mastra those whose names hold "mastra"; writes their rows
 */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { cacheFolder } from '../../scripts/install-in-cache.js';
import { nodeLines } from '../../scripts/node-lines.js';
import { type Cell, printTable } from '../../scripts/table.js';
import {
  type BatteryReport,
  heldCertificate,
  type McpTestServer,
  startMcpServer,
} from '../../src/testing/index.js';
import { pack } from '../support/packed.js';
import { HOSTS, type Host, type Transport } from './hosts.js';
import { installHost } from './install.js';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');
const DOCUMENT = join(ROOT, 'docs/hosts.md');
const TIMEOUT_MS = 120_000;
const BATTERY_TIMEOUT_MS = 600_000;

interface Result {
  readonly host: Host;
  readonly version: string;
  readonly transport: Transport;
  /** Whether a tool call over the right server came to its end. */
  readonly works: boolean;
  readonly refused: boolean;
  /** That got as far as the impostor. */
  readonly requests: number;
  readonly report: BatteryReport;
  readonly uncaught: readonly string[];
  readonly output: string;
}

const { values } = parseArgs({ options: { host: { type: 'string', default: '' } } });
const hosts = HOSTS.filter(({ name }) => name.includes(values.host));
const [line] = await nodeLines([24]);
if (line === undefined) throw new Error('no Node.js 24');
const { binary, version: nodeVersion } = line;

const folder = await mkdtemp(join(tmpdir(), 'mcp-tls-hosts-'));
const certificate = await heldCertificate();
const other = await heldCertificate();
await using server = await startMcpServer({ certificate, transport: 'both' });
await using impostor = await startMcpServer({ certificate: other, transport: 'both' });
await writeFile(join(folder, 'ca.pem'), certificate.pem);
await writeFile(join(folder, 'roots.pem'), other.pem);

const results: Result[] = [];
try {
  const { tarball } = await pack(cacheFolder('hosts/packed'));
  for (const host of hosts) {
    const { cwd, version } = await installHost(host, tarball);
    await cp(join(ROOT, 'examples/hosts'), cwd, { recursive: true });
    await cp(join(import.meta.dirname, 'passes-by'), cwd, { recursive: true });
    await cp(join(import.meta.dirname, 'connect'), join(cwd, 'connect'), { recursive: true });
    await cp(join(import.meta.dirname, 'battery.mjs'), join(cwd, 'battery.mjs'));
    for (const transport of host.transports)
      results.push(await tryHost(host, transport, cwd, version));
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}

const wrong = results.filter((result) => !asExpected(result));
for (const { host, transport, output } of wrong) {
  console.log(`${host.name}, ${transport}:\n${output.slice(-2000)}\n`);
}
for (const { host, transport, report, uncaught } of results) {
  const failed = report.results.filter(({ passed }) => passed === false);
  if (failed.length > 0 || uncaught.length > 0) console.log(`${host.name}, ${transport}, battery:`);
  for (const { id, got, error = '' } of failed)
    console.log(`  ${id}: ${got} ${error.slice(0, 120)}`);
  for (const message of uncaught) console.log(`  uncaught: ${message.slice(0, 120)}`);
}
printTable(
  [
    'host',
    'version',
    'transport',
    'right server',
    'impostor',
    'requests there',
    'refused',
    'works',
    'not made',
  ],
  results.map((result): Cell[] => [
    result.host.name,
    result.version,
    result.transport,
    result.works ? 'works' : { text: 'FAILS', colour: 'red' },
    result.refused
      ? 'refused'
      : { text: 'reached', colour: result.host.passesBy ? 'yellow' : 'red' },
    String(result.requests),
    ...batteryCells(result.report),
  ]),
);
await writeTable();
console.log(`\n${results.length - wrong.length} passed, ${wrong.length} failed`);
process.exitCode = wrong.length === 0 && results.length > 0 ? 0 : 1;

/** Those that are known to pass by what they are given have to do so: the table would be wrong otherwise. */
function asExpected({ host, works, refused, requests, report }: Result): boolean {
  if (host.passesBy) return requests > 0 && report.attacks.failed > 0;
  const known = host.knownFailures ?? [];
  const isKnown = ({ id, passed }: BatteryReport['results'][number]): boolean =>
    passed !== false || known.includes(id);
  return works && refused && requests === 0 && report.results.every(isKnown);
}

function batteryCells({ attacks, works }: BatteryReport): string[] {
  const of = (count: typeof attacks): string => `${count.passed} of ${count.passed + count.failed}`;
  const left = attacks.pending + works.pending + attacks.notMade + works.notMade;
  return [of(attacks), of(works), String(left)];
}

async function runBattery(
  { program }: Host,
  transport: Transport,
  cwd: string,
): Promise<Pick<Result, 'report' | 'uncaught'>> {
  const file = join(folder, 'report.json');
  await rm(file, { force: true });
  const kit = pathToFileURL(join(ROOT, 'dist/testing.js')).href;
  const args = ['battery.mjs', kit, program, transport, file];
  const options = { cwd, timeout: BATTERY_TIMEOUT_MS, maxBuffer: 1e8 };
  await run(binary, args, options);
  return JSON.parse(await readFile(file, 'utf8'));
}

async function tryHost(
  host: Host,
  transport: Transport,
  cwd: string,
  version: string,
): Promise<Result> {
  const right = await runHost(host, transport, cwd, server);
  const wrong = await runHost(host, transport, cwd, impostor);
  return {
    host,
    version,
    transport,
    works: right.isRight,
    refused: !wrong.isRight,
    requests: wrong.requests,
    ...(await runBattery(host, transport, cwd)),
    output: `${right.output}\n--\n${wrong.output}`,
  };
}

async function runHost(
  { program }: Host,
  transport: Transport,
  cwd: string,
  target: McpTestServer,
): Promise<{ isRight: boolean; requests: number; output: string }> {
  target.clearRecords();
  const env = {
    ...process.env,
    MCP_URL: transport === 'sse' ? target.sseUrl : target.mcpUrl,
    MCP_TRANSPORT: transport,
    MCP_CA: join(folder, 'ca.pem'),
    // Stands for a public CA that signed the impostor's certificate.
    NODE_EXTRA_CA_CERTS: join(folder, 'roots.pem'),
  };
  const { stdout, stderr, code } = await run(binary, [program], {
    cwd,
    env,
    timeout: TIMEOUT_MS,
  }).then(
    (output) => ({ ...output, code: 0 }),
    (error: { stdout: string; stderr: string; code: number | null }) => error,
  );
  const isRight = code === 0 && /^5$/m.test(stdout);
  return { isRight, requests: target.records.requests.length, output: `${stdout}\n${stderr}` };
}

/** The rows of the hosts that were run; the others stay as they are. */
async function writeTable(): Promise<void> {
  const text = await readFile(DOCUMENT, 'utf8');
  const marked = /(<!-- hosts -->\n)[\s\S]*?(\n<!-- \/hosts -->)/;
  const before = marked.exec(text)?.[0].split('\n') ?? [];
  if (before.length === 0) throw new Error(`${DOCUMENT} has no place for the table`);
  const rows = HOSTS.map((host) => {
    if (hosts.includes(host)) return rowOf(host);
    const row = before.find((line) => line.includes(` | ${host.takes} | `));
    return row ?? `| ${host.shown} | ${host.takes} | not tried |  |  |  |  |  |`;
  });
  const table = [
    '| Host | Takes | Tried | An impostor | Attacks refused | Exchanges work | Not made | Program |',
    '|---|---|---|---|---|---|---|---|',
    ...rows,
    '',
    `By \`npm run test:hosts\`, on Node.js ${nodeVersion}.`,
  ].join('\n');
  await writeFile(DOCUMENT, text.replace(marked, `$1${table}$2`));
}

function rowOf(host: Host): string {
  const of = results.filter((result) => result.host === host);
  const impostors = of.every(({ refused, requests }) => refused && requests === 0)
    ? 'refused, 0 requests'
    : '**reached**';
  const transports = of.map(({ transport }) => transport).join(', ');
  const example = host.passesBy ? '' : `[${host.program}](../examples/hosts/${host.program})`;
  const [attacks, works, left] = [0, 1, 2].map((i) => {
    const cells = of.map(({ report }) => batteryCells(report)[i] ?? '');
    return (new Set(cells).size === 1 ? cells.slice(0, 1) : cells).join(', ');
  });
  const refused = host.passesBy ? `**${attacks}**` : attacks;
  return `| ${host.shown} ${of[0]?.version} | ${host.takes} | ${transports} | ${impostors} | ${refused} | ${works} | ${left} | ${example} |`;
}

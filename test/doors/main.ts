/**
 * Goes into a program by every door: module systems, package managers, test runners, bundlers. Behind each,
 * what is installed connects to a pinned server, is refused by an impostor, describes a certificate, opens a
 * store and runs the test kit. With one SDK alone, each entry of the package works or names the one to import.
 *
 *   npm run test:doors                                 all, on Node.js 20 and 24
 *   npm run test:doors -- --node 20 --door jest        the doors whose names hold "jest"
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { cacheFolder } from '../../scripts/install-in-cache.js';
import { type NodeLine, nodeLines } from '../../scripts/node-lines.js';
import { type Cell, printTable } from '../../scripts/table.js';
import { describeCertificate } from '../../src/core.js';
import { heldCertificate, startMcpServer } from '../../src/testing/index.js';
import { freePort } from '../support/waiting.js';
import { DOORS, type Door } from './doors.js';
import { installDoors } from './install.js';

const run = promisify(execFile);
const STEPS = ['http', 'sse', 'impostor', 'describe', 'store', 'kit', 'entries'] as const;
const NOT_PART = '–';
const TIMEOUT_MS = 120_000;

const { values } = parseArgs({
  options: {
    node: { type: 'string', multiple: true, default: ['20', '24'] },
    door: { type: 'string', default: '' },
  },
});
const doors = DOORS.filter(({ name }) => name.toLowerCase().includes(values.door.toLowerCase()));
const apart = await mkdtemp(join(tmpdir(), 'mcp-tls-doors-'));
const folderOf = await installDoors(new Set(doors.map(({ folder = 'all' }) => folder)), apart);

const certificate = await heldCertificate();
await using server = await startMcpServer({ certificate, transport: 'both' });
await using impostor = await startMcpServer({ certificate: await heldCertificate() });

const rows: Cell[][] = [];
const reasons: string[] = [];
let passed = 0;
let failed = 0;
for (const line of await nodeLines(values.node.map(Number))) {
  for (const door of doors) {
    const told = await goThrough(door, line);
    failed += told.filter((each) => !isGood(each)).length;
    passed += told.filter((each) => each === 'ok').length;
    rows.push([line.version, door.name, ...told.map(cell)]);
    for (const [i, each] of told.entries()) {
      if (!isGood(each)) reasons.push(`${line.version}, ${door.name}, ${STEPS[i]}: ${each}`);
    }
  }
}

await rm(apart, { recursive: true, force: true });
if (reasons.length > 0) console.log(`${reasons.join('\n\n')}\n`);
printTable(['Node', 'door', ...STEPS], rows);
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && rows.length > 0 ? 0 : 1;

/** What became of each step: `ok`, or why it failed. */
async function goThrough(door: Door, { binary, version }: NodeLine): Promise<readonly string[]> {
  const cwd = folderOf(door.folder ?? 'all');
  const folder = await mkdtemp(join(tmpdir(), 'mcp-tls-door-'));
  const result = join(folder, 'result.json');
  const env = {
    ...process.env,
    ...door.env,
    DOOR_URL: server.mcpUrl,
    DOOR_SSE_URL: server.sseUrl,
    DOOR_IMPOSTOR_URL: impostor.mcpUrl,
    DOOR_PEM: certificate.pem,
    DOOR_FINGERPRINT: (await describeCertificate(certificate.pem)).fingerprint,
    DOOR_FOLDER: join(folder, 'store'),
    DOOR_RESULT: result,
    DOOR_PORT: String(await freePort()),
  };
  const options = { cwd, env, timeout: TIMEOUT_MS, maxBuffer: 1e8 };
  try {
    for (const command of door.build ?? []) await run(binary, [...command], options);
    const command = door.run.map((part) =>
      part.replace('{node}', version).replace('{cache}', cacheFolder('doors')),
    );
    const [program = '', ...args] = door.standsAlone ? command : [binary, ...command];
    await run(program, args, options);
    const told: string[] = JSON.parse(await readFile(result, 'utf8'));
    return STEPS.map((step) =>
      step === 'entries' && !door.entries ? NOT_PART : resultOf(told, step),
    );
  } catch (error) {
    const { stdout = '', stderr = '', message = '' } = error as Record<string, string>;
    const why = `${stdout}\n${stderr}`.trim() || message;
    return STEPS.map((_, i) => (i === 0 ? why.slice(-1500) : 'see above'));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function resultOf(told: readonly string[], step: string): string {
  const line = told.find((each) => each.startsWith(`${step} `));
  return line?.slice(step.length + 1) ?? 'it was not reached';
}

function isGood(told: string): boolean {
  return told === 'ok' || told === NOT_PART;
}

function cell(told: string): Cell {
  if (told === NOT_PART) return told;
  return told === 'ok' ? { text: 'ok', colour: 'green' } : { text: 'FAIL', colour: 'red' };
}

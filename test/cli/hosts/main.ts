/**
 * Programs that can be told of no CA and no pin, over `mcp-tls bridge`: against the server that the bridge trusts, and
 * against an impostor whose certificate the default roots accept. Installs them, so it is no part of `npm test`.
 *
 *   npm run test:cli:hosts                     all, on Node.js 24
 *   npm run test:cli:hosts -- --host mcporter  those whose names hold "mcporter"
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { cacheFolder, installInCache } from '../../../scripts/install-in-cache.js';
import { nodeLines } from '../../../scripts/node-lines.js';
import { type Cell, printTable } from '../../../scripts/table.js';
import { heldCertificate, type McpTestServer, startMcpServer } from '../../../src/testing/index.js';
import { eventually } from '../../support/waiting.js';
import { CLI } from '../support/run-cli.js';
import { runNode } from '../support/run-program.js';
import { BRIDGED_HOSTS, type BridgedHost, type Target, type Way } from './hosts.js';

const run = promisify(execFile);
const TIMEOUT_MS = 60_000;

interface Tried {
  /** What the program made of the tool call. */
  readonly isRight: boolean;
  readonly output: string;
}

const { values } = parseArgs({ options: { host: { type: 'string', default: '' } } });
const [line] = await nodeLines([24]);
if (line === undefined) throw new Error('no Node.js 24');
const node = line.binary;

const folder = await mkdtemp(join(tmpdir(), 'mcp-tls-bridged-'));
const certificate = await heldCertificate();
const other = await heldCertificate();
await using server = await startMcpServer({ certificate, transport: 'both' });
await using impostor = await startMcpServer({ certificate: other, transport: 'both' });
const ca = join(folder, 'ca.pem');
await writeFile(ca, certificate.pem);
await writeFile(join(folder, 'roots.pem'), other.pem);

const rows: Cell[][] = [];
let failed = 0;
try {
  for (const host of BRIDGED_HOSTS.filter(({ name }) => name.includes(values.host))) {
    const name = `bridge-hosts/${host.binary}`;
    await mkdir(cacheFolder(name), { recursive: true });
    await installInCache(name, host.spec);
    for (const way of Object.keys(host.ways) as Way[]) rows.push(await tryWay(host, way, name));
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
printTable(['program', 'over', 'right server', 'impostor', 'requests there', 'reason shown'], rows);
console.log(`\n${rows.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 && rows.length > 0 ? 0 : 1;

async function tryWay(host: BridgedHost, way: Way, name: string): Promise<Cell[]> {
  const binary = join(cacheFolder(name), 'node_modules/.bin', host.binary);
  const right = await over(server, way, (target) => ask(host, binary, way, target));
  impostor.clearRecords();
  const wrong = await over(impostor, way, (target) => ask(host, binary, way, target));
  const requests = impostor.records.requests.length;
  const isGood = right.isRight && !wrong.isRight && requests === 0;
  if (!isGood) {
    failed += 1;
    console.log(
      `${host.name}, ${way}:\n${right.output.slice(-1500)}\n--\n${wrong.output.slice(-1500)}`,
    );
  }
  return [
    host.name,
    way,
    right.isRight ? 'works' : { text: 'FAILS', colour: 'red' },
    wrong.isRight ? { text: 'reached', colour: 'red' } : 'refused',
    String(requests),
    /self-signed|MCP_TLS_/.test(wrong.output) ? 'yes' : 'no',
  ];
}

/** Starts the bridge where it is one of http. */
async function over(
  target: McpTestServer,
  way: Way,
  use: (target: Target) => Promise<Tried>,
): Promise<Tried> {
  const args = [CLI, 'bridge', way === 'sse' ? target.sseUrl : target.mcpUrl, '--ca', ca];
  if (way === 'stdio') return use({ url: '', command: [process.execPath, ...args] });
  const bridge = runNode([...args, '--port', '0', '--json']);
  try {
    const { url } = await eventually(() => JSON.parse(bridge.output.stdout) as { url: string });
    return await use({ url, command: [] });
  } finally {
    bridge.child.kill('SIGTERM');
    await bridge.exited;
  }
}

async function ask(host: BridgedHost, binary: string, way: Way, target: Target): Promise<Tried> {
  const args = [binary, ...(host.ways[way]?.(target) ?? [])];
  const env = {
    ...(process.env as Record<string, string>),
    HOME: folder,
    MCP_REMOTE_CONFIG_DIR: join(folder, 'mcp-remote'),
    MCP_CATALOG_PATH: join(folder, 'catalog.json'),
    // Stands for a public CA that signed the impostor's certificate.
    NODE_EXTRA_CA_CERTS: join(folder, 'roots.pem'),
  };
  if (host.isServer) return askServer(args, env);
  const { stdout, stderr } = await run(node, args, { cwd: folder, env, timeout: TIMEOUT_MS }).catch(
    (error: { stdout: string; stderr: string }) => error,
  );
  return { isRight: /(?<!\d)5(?!\d)/.test(stdout), output: `${stdout}\n${stderr}` };
}

async function askServer(args: readonly string[], env: Record<string, string>): Promise<Tried> {
  const transport = new StdioClientTransport({
    ...{ command: node, args: [...args], env, cwd: folder, stderr: 'pipe' },
  });
  let output = '';
  transport.stderr?.on('data', (chunk) => {
    output += chunk;
  });
  const client = new Client({ name: 'test', version: '1' });
  try {
    await client.connect(transport as Transport, { timeout: 20_000 });
    const call = { name: 'add', arguments: { a: 2, b: 3 } };
    const result = await client.callTool(call, undefined, { timeout: 20_000 });
    output += JSON.stringify(result);
    return { isRight: JSON.stringify(result.content).includes('"5"'), output };
  } catch (error) {
    return { isRight: false, output: `${output}\n${error}` };
  } finally {
    await client.close();
  }
}

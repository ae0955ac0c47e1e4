/**
 * Asks everything that judges a server about the same servers (test/one-judge), on Node.js 20 and 24.
 *
 *   tsx scripts/one-judge.ts [Node.js lines] [part of a presentation's name]
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { heldCertificate } from '../src/testing/index.js';
import { nodeLines } from './node-lines.js';

const ROOT = join(import.meta.dirname, '..');
const [given = [], rest = []] = [
  process.argv.slice(2).filter((one) => /^\d\d$/.test(one)),
  process.argv.slice(2).filter((one) => !/^\d\d$/.test(one)),
];
const lines = await nodeLines(given.length > 0 ? given.map(Number) : [20, 24]);
const folder = await mkdtemp(join(tmpdir(), 'mcp-tls-one-judge-'));
const extra = await writeRoots();
const failed: string[] = [];
for (const { version, binary } of lines) {
  console.log(`\nNode.js ${version}`);
  if ((await run(binary)) !== 0) failed.push(version);
}
await rm(folder, { recursive: true });
console.log(failed.length === 0 ? '\none judge' : `\nfailed on ${failed.join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;

/**
 * Two certificates play public roots: one as they are, one an intermediate whose own issuer is not
 * there. Node.js reads them only when it starts.
 */
async function writeRoots(): Promise<string> {
  const p = await heldCertificate({ isCa: true, commonName: 'public root P' });
  const absent = await heldCertificate({ isCa: true });
  const px = await heldCertificate({ isCa: true, commonName: 'PX', signedBy: absent });
  for (const [name, { pem: certificatePem, keyPem }] of Object.entries({ p, px })) {
    await writeFile(join(folder, `${name}.pem`), certificatePem);
    await writeFile(join(folder, `${name}.key`), keyPem, { mode: 0o600 });
  }
  const file = join(folder, 'roots.pem');
  await writeFile(file, p.pem + px.pem);
  return file;
}

function run(binary: string): Promise<number | null> {
  const program = join(ROOT, 'test/one-judge/main.ts');
  const child = spawn(binary, ['--import', 'tsx', program, folder, ...rest], {
    cwd: ROOT,
    stdio: 'inherit',
    env: { ...process.env, NODE_EXTRA_CA_CERTS: extra },
  });
  return new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
}

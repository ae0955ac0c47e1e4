/**
 * Registers a server that a default root vouches for, then puts an attacker in its place and renews;
 * prints what came of it, as JSON. FOLDER holds the root, which is in NODE_EXTRA_CA_CERTS, and its key.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { explainTlsError } from '../../../src/index.js';
import { heldCertificate } from '../../../src/testing/index.js';
import { startAlternatingServer } from './alternating-server.js';
import { rootFrom } from './crafted.js';
import { scratchRegistry } from './scratch-registry.js';

const folder = process.argv[2] ?? '';
const read = (name: string) => readFileSync(join(folder, name), 'utf8');
const publicRoot = rootFrom(read('root.pem'), read('root.key'));
const good = [await heldCertificate({ signedBy: publicRoot })];
const attackersRoot = await heldCertificate({ isCa: true });
const issuer = await heldCertificate({ signedBy: attackersRoot, keyUsages: [] });
const leaf = await heldCertificate({ signedBy: issuer });

await using server = await startAlternatingServer();
await using scratch = scratchRegistry();
const { registry } = scratch;

async function outcome<T>(action: () => Promise<T>): Promise<T | string> {
  try {
    return await action();
  } catch (error) {
    return explainTlsError(error)?.code ?? String(error);
  }
}
async function ask(): Promise<number> {
  const factory = await registry.clientFactory('a');
  return (await factory()(server.url, { headers: { authorization: 'Bearer canary' } })).status;
}

server.show([good], 'round');
const registered = await outcome(async () => {
  await registry.register('a', server.url);
  return 'resolved';
});
const first = await outcome(ask);
const before = server.bytes;
server.show([[leaf, issuer], [leaf]], 'once');
const renewed = await outcome(async () => (await registry.renew('a')).changed);
const second = await outcome(ask);
const attackerBytes = server.bytes - before;
server.show([good], 'round');
const goodAgain = await outcome(ask);
console.log(
  JSON.stringify({
    registered,
    good: first,
    renewed,
    refused: second !== 200,
    attackerBytes,
    goodAgain,
  }),
);

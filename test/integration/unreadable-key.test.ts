import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { explainTlsError, fetchPeerCertificate, makeCustomClientFactory } from '../../src/core.js';
import { heldCertificate, startTlsServer } from '../../src/testing/index.js';

/**
 * A server whose leaf has a key that OpenSSL cannot read: over TLS 1.2, Node.js 20 to 26 end the process when they
 * are asked for the verdict on it (found by `npm run fuzz`).
 */

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** id-ecPublicKey, RFC 5480 §2.1.1. */
const EC_PUBLIC_KEY = Buffer.from('06072a8648ce3d0201', 'hex');

/** Passes bytes on to `port`, and makes another algorithm of the key's in what the server sends. */
async function startDamager(port: number): Promise<string> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {});
    }
    client.pipe(upstream);
    upstream.on('data', (bytes: Buffer) => {
      const at = bytes.indexOf(EC_PUBLIC_KEY);
      if (at !== -1) bytes[at + EC_PUBLIC_KEY.length - 1] = 0x7f;
      client.write(bytes);
    });
    upstream.on('close', () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `https://127.0.0.1:${(server.address() as { port: number }).port}`;
}

it.each(['TLSv1.2', 'TLSv1.3'] as const)(
  'a leaf whose key cannot be read is refused over %s, and ends nothing',
  async (maxVersion) => {
    const certificate = await heldCertificate();
    const server = await startTlsServer({ certificate, maxVersion });
    closing.push(() => server.close());
    const url = await startDamager(server.port);
    const factory = makeCustomClientFactory(certificate.pem);
    closing.push(() => factory.close());
    const error = await factory({ url })(url).catch((reason: unknown) => reason);
    // Over TLS 1.3 the certificate is encrypted: the bytes are not found, and nothing is damaged.
    if (maxVersion === 'TLSv1.3') expect((error as Response).status).toBe(200);
    else expect(explainTlsError(error)).toBeDefined();
    const probe = fetchPeerCertificate(url, { trust: certificate.pem });
    if (maxVersion === 'TLSv1.2') {
      const seen = await probe.catch((reason: unknown) => explainTlsError(reason));
      expect(seen).toBeDefined();
      expect((seen as { trusted?: boolean }).trusted).not.toBe(true);
    } else await expect(probe).resolves.toMatchObject({ trusted: true });
  },
);

import { getDiffieHellman } from 'node:crypto';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { SecureVersion, TLSSocket } from 'node:tls';
import { integer, sequence } from '../../../src/testing/der.js';
import { type HeldCertificate, startTlsServer } from '../../../src/testing/index.js';

/** How a server speaks TLS, apart from its certificates. */
export interface ServerSettings {
  readonly minVersion?: SecureVersion;
  readonly maxVersion?: SecureVersion;
  readonly ciphers?: string;
  readonly clientCa?: HeldCertificate;
  /** Finite-field Diffie-Hellman with 1024 bits, as old appliances do. Needs an RSA key. */
  readonly weakDh?: boolean;
}

/** A server that shows a chain, and counts what it is sent. */
export interface PresentingServer extends AsyncDisposable {
  readonly port: number;
  /** Application data that arrived, decrypted. */
  readonly bytes: () => number;
}

export async function present(
  chain: readonly HeldCertificate[],
  { weakDh, ...settings }: ServerSettings = {},
): Promise<PresentingServer> {
  const cert = chain.map(({ pem }) => pem).join('');
  const key = (chain[0] as HeldCertificate).keyPem;
  if (weakDh) return presentWithWeakDh(cert, key);
  const server = await startTlsServer({ certificate: { cert, key }, ...settings });
  return {
    port: server.port,
    bytes: () => server.records.applicationBytes,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function presentWithWeakDh(cert: string, key: string): Promise<PresentingServer> {
  const open = new Set<Socket>();
  const seen: TLSSocket[] = [];
  const server = createServer(
    {
      cert,
      key,
      maxVersion: 'TLSv1.2',
      ciphers: 'DHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0',
      dhparam: weakGroup(),
    },
    (request, response) => request.resume().on('end', () => response.end('{"ok":true}')),
  );
  server.on('connection', (socket: Socket) => {
    open.add(socket.on('error', () => {}).on('close', () => open.delete(socket)));
  });
  server.on('secureConnection', (socket) => seen.push(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    bytes: () => seen.reduce((sum, { bytesRead }) => sum + bytesRead, 0),
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** DHParameter (PKCS #3) of the second Oakley group, 1024 bits. */
export function weakGroup(): string {
  const group = getDiffieHellman('modp2');
  const number = (hex: string) => integer(BigInt(`0x${hex}`));
  const der = sequence(number(group.getPrime('hex')), number(group.getGenerator('hex')));
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return ['-----BEGIN DH PARAMETERS-----', ...lines, '-----END DH PARAMETERS-----', ''].join('\n');
}

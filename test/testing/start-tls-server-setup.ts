import { connect as connectTls } from 'node:tls';
import { type HeldCertificate, heldCertificate } from '../../src/testing/index.js';
import { hangUp } from './clients.js';

export const certificate: HeldCertificate = await heldCertificate();

export const ca = certificate.pem;

export const { keyPem: otherKey } = await heldCertificate();

/** With TLS 1.3 the ticket follows the handshake, so the server has to be waited for. */
export async function sessionOf(port: number): Promise<Buffer> {
  const socket = connectTls({ host: '127.0.0.1', port, ca });
  const session = await new Promise<Buffer>((resolve) => socket.once('session', resolve));
  await hangUp(socket);
  return session;
}

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { HeldCertificate } from '../../../src/testing/index.js';

/**
 * Doubles of key services, over HTTPS on this machine: neither Vault nor KMS runs here. They speak the part of
 * the protocol that the examples use, and their keys really encrypt.
 */
export interface KeyService {
  readonly url: string;
  readonly calls: string[];
  /** Answers everything with this status from now on. `undefined`: as usual. */
  fail: number | undefined;
  /** The version that wraps, of Vault. */
  version: number;
  close(): Promise<void>;
}

type Answer = readonly [status: number, body: object];
type Handler = (service: KeyService, call: string, body: Record<string, string>) => Answer;

const master = randomBytes(32);

function wrap(plaintext: string): string {
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', master, iv);
  const sealed = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString('base64');
}

function unwrap(wrapped: string): string {
  const blob = Buffer.from(wrapped, 'base64');
  const decipher = createDecipheriv('aes-256-gcm', master, blob.subarray(0, 12), {
    authTagLength: 16,
  });
  decipher.setAuthTag(blob.subarray(12, 28));
  return Buffer.concat([decipher.update(blob.subarray(28)), decipher.final()]).toString();
}

/** `POST /v1/transit/encrypt/gateway` and `.../decrypt/gateway`, with a token. */
export const startVaultDouble = (certificate: HeldCertificate): Promise<KeyService> =>
  start(certificate, (service, call, body) => {
    if (!call.endsWith(' the-token')) return [403, { errors: ['permission denied'] }];
    if (!call.includes('/gateway ')) return [400, { errors: ['encryption key not found'] }];
    if (call.startsWith('/v1/transit/encrypt/')) {
      const ciphertext = `vault:v${service.version}:${wrap(body['plaintext'] ?? '')}`;
      return [200, { data: { ciphertext } }];
    }
    return [200, { data: { plaintext: unwrap((body['ciphertext'] ?? '').split(':')[2] ?? '') } }];
  });

/** `TrentService.Encrypt` and `.Decrypt` of the JSON protocol 1.1, without signatures. */
export const startKmsDouble = (certificate: HeldCertificate): Promise<KeyService> =>
  start(certificate, (_, call, body) => {
    const context = JSON.stringify(body['EncryptionContext']);
    if (call.includes('TrentService.Encrypt')) {
      return [200, { CiphertextBlob: wrap(`${body['KeyId']} ${context} ${body['Plaintext']}`) }];
    }
    const [keyId, bound, plaintext] = unwrap(body['CiphertextBlob'] ?? '').split(' ');
    if (keyId !== body['KeyId']) return [400, { __type: 'IncorrectKeyException' }];
    return bound === context
      ? [200, { Plaintext: plaintext }]
      : [400, { __type: 'InvalidCiphertextException' }];
  });

async function start({ keyPem, pem }: HeldCertificate, handle: Handler): Promise<KeyService> {
  const server: Server = createServer({ key: keyPem, cert: pem }, async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { 'x-vault-token': token = '', 'x-amz-target': target = '' } = request.headers;
    const call = `${request.url} ${target}${token}`;
    service.calls.push(call);
    const [status, body] =
      service.fail === undefined
        ? handle(service, call, JSON.parse(Buffer.concat(chunks).toString()))
        : [
            service.fail,
            { errors: ['the double was told to fail'], __type: 'KMSInternalException' },
          ];
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const service: KeyService = {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls: [],
    fail: undefined,
    version: 1,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return service;
}

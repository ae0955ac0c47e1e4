import { Buffer } from 'node:buffer';
import { afterEach, beforeAll } from 'vitest';
import {
  type CustomClientFactory,
  type CustomClientFactoryOptions,
  makeCustomClientFactory,
  type TrustInput,
} from '../../src/index.js';
import {
  type HeldCertificate,
  heldCertificate,
  type RequestHandler,
  startTlsServer,
  type TlsServer,
} from '../../src/testing/index.js';

export let certificate: HeldCertificate;

export const opened: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  certificate = await heldCertificate();
});

afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()));
});

export async function serve(onRequest?: RequestHandler): Promise<TlsServer> {
  const server = await startTlsServer({ certificate, ...(onRequest && { onRequest }) });
  opened.push(server);
  return server;
}

export function factoryFor(
  trust: TrustInput = certificate.pem,
  options?: CustomClientFactoryOptions,
): CustomClientFactory {
  const factory = makeCustomClientFactory(trust, options);
  opened.push(factory);
  return factory;
}

export const echo: RequestHandler = async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const { method, url, headers } = request;
  response.setHeader('content-type', 'application/json');
  response.setHeader('set-cookie', ['a=1', 'b=2']);
  response.end(JSON.stringify({ method, url, headers, body: Buffer.concat(chunks).toString() }));
};

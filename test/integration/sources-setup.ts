import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll } from 'vitest';
import {
  type DiagnosticChannel,
  explainTlsError,
  makeCustomClientFactory,
  onDiagnostic,
  type TrustInput,
} from '../../src/index.js';
import {
  type HeldCertificate,
  heldCertificate,
  startTlsServer,
  type TlsServer,
} from '../../src/testing/index.js';

/** Trust that lives: files and functions as sources of certificates, lists and keys. */

export const cleanups: (() => unknown)[] = [];

export let [oldCa, newCa]: HeldCertificate[] = [];

export let [oldLeaf, newLeaf]: HeldCertificate[] = [];

let directory = '';

beforeAll(async () => {
  oldCa = await heldCertificate({ isCa: true, commonName: 'old CA' });
  newCa = await heldCertificate({ isCa: true, commonName: 'new CA' });
  oldLeaf = await heldCertificate({ signedBy: oldCa });
  newLeaf = await heldCertificate({ signedBy: newCa });
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

export function folder(): string {
  directory = mkdtempSync(join(tmpdir(), 'mcp-tls-sources-'));
  cleanups.push(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** As cert-manager and its like do: whole, and then in place at once. */
export function replace(path: string, text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

export async function serve(certificate = oldLeaf as HeldCertificate): Promise<TlsServer> {
  const server = await startTlsServer({
    certificate,
    keepAliveMs: 0,
    onRequest: (request, response) => {
      if (!request.url?.startsWith('/stream')) return void response.end('ok');
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const timer = setInterval(() => response.write('data: x\n\n'), 20);
      response.once('close', () => clearInterval(timer));
    },
  });
  cleanups.push(() => server.close());
  return server;
}

export function factoryOf(trust: TrustInput) {
  const factory = makeCustomClientFactory(trust);
  cleanups.push(() => factory.close());
  return factory;
}

export function heard<Name extends DiagnosticChannel>(channel: Name) {
  const messages: unknown[] = [];
  const listening = onDiagnostic(channel, (message) => void messages.push(message));
  cleanups.push(() => listening[Symbol.dispose]());
  return messages;
}

export const pemOf = (...held: (HeldCertificate | undefined)[]) =>
  held.map((one) => one?.pem).join('');

/** Reads a stream until it ends; says with what. */
export async function endOf(response: Response): Promise<unknown> {
  try {
    for await (const _ of response.body as ReadableStream<Uint8Array>);
    return 'ended';
  } catch (error) {
    return explainTlsError(error)?.code;
  }
}

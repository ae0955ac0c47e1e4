import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, beforeEach } from 'vitest';
import { explainTlsError } from '../../src/index.js';
import {
  type HeldCertificate,
  heldCertificate,
  startTlsServer,
  type TlsServer,
} from '../../src/testing/index.js';
import { registryParts } from '../support/registry-parts.js';
import {
  cleanups,
  endOf,
  heard,
  newCa,
  newLeaf,
  oldCa,
  oldLeaf,
  pemOf,
  replace,
} from './sources-setup.js';

/** Records that name files: each process reads its own, and the record holds none of it. */

export const { open, memoryStore } = registryParts();

export { cleanups, endOf, heard, newCa, newLeaf, oldCa, oldLeaf, pemOf, replace };

export let clientCa: HeldCertificate;

export let [me, other]: HeldCertificate[] = [];

export let folder = '';

export let ca = '';

beforeAll(async () => {
  clientCa = await heldCertificate({ isCa: true, commonName: 'client CA' });
  me = await heldCertificate({ signedBy: clientCa, commonName: 'me' });
  other = await heldCertificate({ signedBy: clientCa, commonName: 'other' });
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mcp-tls-record-sources-'));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  ca = join(folder, 'ca.crt');
  writeFileSync(ca, pemOf(oldCa));
});

export const DROP = { dropConnections: true };

export function write(name: string, text: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

export async function serve(more: { clientCa?: HeldCertificate } = {}): Promise<TlsServer> {
  const server = await startTlsServer({
    certificate: oldLeaf as HeldCertificate,
    keepAliveMs: 0,
    ...more,
    onRequest: (request, response) => {
      if (request.url?.startsWith('/stream')) {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        const timer = setInterval(() => response.write('data: x\n\n'), 20);
        response.once('close', () => clearInterval(timer));
        return;
      }
      // As much of MCP as a check asks for.
      response.setHeader('content-type', 'application/json');
      request.on('data', (body) => {
        const { id } = JSON.parse(String(body));
        const result = {
          protocolVersion: '2025-06-18',
          capabilities: {},
          serverInfo: { name: 'a', version: '1' },
        };
        response.end(JSON.stringify({ jsonrpc: '2.0', id, result }));
      });
      if (request.method === 'GET') response.end('{"ok":true}');
    },
  });
  cleanups.push(() => server.close());
  return server;
}

const codeOf = (error: unknown) => explainTlsError(error)?.code;

/** What a request of a registered server comes to: a status, or the code of its error. */
export async function ask(registry: ReturnType<typeof open>, id = 'a'): Promise<unknown> {
  const client = (await registry.clientFactory(id))();
  try {
    const { url } = await registry.get(id);
    return (await client(url)).status;
  } catch (error) {
    return codeOf(error);
  } finally {
    await client.close();
  }
}

export function only<T extends object, K extends keyof T>(value: T, ...keys: K[]): Pick<T, K> {
  return Object.fromEntries(keys.map((key) => [key, value[key]])) as Pick<T, K>;
}

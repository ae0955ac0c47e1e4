import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { beforeAll } from 'vitest';
import { explainTlsError, type RegisterOptions } from '../../src/index.js';
import {
  type HeldCertificate,
  heldCertificate,
  type McpServerOptions,
  type McpTestServer,
  startMcpServer,
} from '../../src/testing/index.js';
import { registryParts } from '../support/registry-parts.js';

/** The registry over real servers and real stores. */

export const { cleanups, key, memoryStore, open } = registryParts();

export let certificate: HeldCertificate;

beforeAll(async () => {
  certificate = await heldCertificate();
});

export async function serve(options: Partial<McpServerOptions> = {}): Promise<McpTestServer> {
  const server = await startMcpServer({ certificate, transport: 'both', ...options });
  cleanups.push(() => server.close());
  return server;
}

export async function connect(transport: Transport): Promise<Client> {
  const client = new Client({ name: 'registry-test', version: '1' });
  cleanups.push(() => client.close());
  await client.connect(transport);
  return client;
}

export async function echo(client: Client, text = 'hello'): Promise<unknown> {
  const { content } = await client.callTool({ name: 'echo', arguments: { text } });
  return (content as { text: string }[])[0]?.text;
}

export async function failure(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  return 'no error';
}

export const codeOf = async (promise: Promise<unknown>) => {
  const error = await failure(promise);
  return explainTlsError(error)?.code ?? error;
};

export const approved = (): RegisterOptions => ({ expectFingerprint: certificate.fingerprint });

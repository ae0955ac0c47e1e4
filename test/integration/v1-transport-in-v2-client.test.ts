import { Client } from '@modelcontextprotocol/client';
import { afterEach, describe, expect, it } from 'vitest';
import { explainTlsError, sseClient, streamableHttpClient } from '../../src/index.js';
import { heldCertificate, type McpTestServer, startMcpServer } from '../../src/testing/index.js';

describe('a transport of SDK v1 in a client of SDK v2', () => {
  let server: McpTestServer;
  afterEach(() => server.close());

  it.each(['http', 'sse'] as const)('says which entry to import, over %s', async (kind) => {
    const certificate = await heldCertificate();
    server = await startMcpServer({ certificate, transport: 'both' });
    const trust = certificate.pem;
    const transport =
      kind === 'http'
        ? streamableHttpClient(server.mcpUrl, { trust })
        : sseClient(server.sseUrl, { trust });
    const client = new Client(
      { name: 'modern', version: '1' },
      { versionNegotiation: { mode: { pin: '2026-07-28' } } },
    );
    const error = await client.connect(transport as never).then(
      () => undefined,
      (reason: Error) => reason,
    );
    const ours = explainTlsError(error);
    expect(ours?.message).toContain('speaks protocol 2026-07-28 over a transport of SDK v1');
    expect(ours?.hint).toContain("Import the transport from 'mcp-tls/v2'");
    await client.close();
  });
});

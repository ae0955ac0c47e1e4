import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import {
  type CustomClient,
  explainTlsError,
  fetchPeerCertificate,
  McpTlsError,
  makeCustomClientFactory,
  type PeerCertificate,
  sseClient,
  streamableHttpClient,
  type TrustPolicy,
} from 'mcp-tls';

const policy: TrustPolicy = { ca: 'PEM', minVersion: 'TLSv1.3' };
const factory = makeCustomClientFactory(policy, { origins: { 'https://auth.example': null } });
const presented: PeerCertificate = await fetchPeerCertificate('https://mcp.example');
const custom: CustomClient = factory({ url: 'https://mcp.example', headers: { 'x-a': 'b' } });
const response: Response = await custom('https://mcp.example', { method: 'POST', body: '{}' });

const client = new Client({ name: 'consumer', version: '1.0.0' });
// Both transports are taken for the SDK's own.
await client.connect(streamableHttpClient('https://mcp.example/mcp', { trust: 'PEM' }));
await client.connect(sseClient('https://mcp.example/sse', { clientFactory: factory }));

export function codeOf(error: unknown): string | undefined {
  return error instanceof McpTlsError ? error.code : explainTlsError(error)?.code;
}
export const used: unknown[] = [presented, response];

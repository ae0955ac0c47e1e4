import { Client } from '@modelcontextprotocol/client';
import {
  type CertificateStore,
  createServerRegistry,
  sseClient,
  streamableHttpClient,
} from 'mcp-tls/v2';

declare const store: CertificateStore;
export async function connect(): Promise<void> {
  const client = new Client({ name: 'consumer', version: '1.0.0' });
  await client.connect(streamableHttpClient('https://mcp.example/mcp', { trust: 'PEM' }));
  await client.connect(sseClient('https://mcp.example/sse', { trust: null }));
  await client.connect(await createServerRegistry({ store }).streamableHttpClient('a'));
}

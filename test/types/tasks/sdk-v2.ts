/** 13. A client of the MCP SDK v2. */
import { Client } from '@modelcontextprotocol/client';
import { streamableHttpClient } from 'mcp-tls/v2';

export async function connect(url: string, pem: string, token: string): Promise<Client> {
  const client = new Client({ name: 'app', version: '1.0.0' });
  await client.connect(streamableHttpClient(url, { trust: pem, auth: token }));
  return client;
}

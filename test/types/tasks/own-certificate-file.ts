/** 1. A server whose certificate is in a file. */
import { readFileSync } from 'node:fs';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { streamableHttpClient } from 'mcp-tls';

export async function connect(url: string, path: string): Promise<Client> {
  const client = new Client({ name: 'app', version: '1.0.0' });
  await client.connect(streamableHttpClient(url, { trust: { ca: readFileSync(path) } }));
  return client;
}

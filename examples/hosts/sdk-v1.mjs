// The MCP SDK v1: its own transports, made by mcp-tls.
import { readFileSync } from 'node:fs';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { sseClient, streamableHttpClient } from 'mcp-tls';

const trust = readFileSync(process.env.MCP_CA, 'utf8');
const makeTransport = process.env.MCP_TRANSPORT === 'sse' ? sseClient : streamableHttpClient;
const client = new Client({ name: 'sdk-v1-host', version: '1.0.0' });
await client.connect(makeTransport(process.env.MCP_URL, { trust }));
const { content } = await client.callTool({ name: 'add', arguments: { a: 2, b: 3 } });
console.log(content[0].text);
await client.close();

import { Client } from '@modelcontextprotocol/sdk/client/index.js';

import tls = require('mcp-tls');

const factory: tls.CustomClientFactory = tls.makeCustomClientFactory(null);
const client = new Client({ name: 'consumer', version: '1.0.0' });
export const connected: Promise<void> = client.connect(
  tls.streamableHttpClient('https://mcp.example/mcp', { clientFactory: factory }),
);

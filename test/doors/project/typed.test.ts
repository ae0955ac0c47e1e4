// Compiled to CommonJS with the classic resolution of modules, and with its types checked.
import { writeFileSync } from 'node:fs';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import * as mcp from 'mcp-tls';
import * as testing from 'mcp-tls/testing';

const { runSteps } = require('./steps.cjs');

test('the door', async () => {
  const url: string = process.env['DOOR_URL'] ?? '';
  const transport = mcp.streamableHttpClient(url, { trust: process.env['DOOR_PEM'] ?? '' });
  await transport.close();
  const told: string[] = await runSteps({ mcp, testing, Client, env: process.env });
  writeFileSync(process.env['DOOR_RESULT'] ?? '', JSON.stringify(told));
}, 60_000);

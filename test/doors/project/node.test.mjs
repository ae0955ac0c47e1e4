import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import * as mcp from 'mcp-tls';
import * as testing from 'mcp-tls/testing';
import { runSteps } from './steps.mjs';

test('the door', async () => {
  const told = await runSteps({ mcp, testing, Client, env: process.env });
  writeFileSync(process.env.DOOR_RESULT, JSON.stringify(told));
});

// For test runners that load modules and give `test`, or `it`.
import { writeFileSync } from 'node:fs';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import * as mcp from 'mcp-tls';
import * as testing from 'mcp-tls/testing';
import { runSteps } from './steps.mjs';

(globalThis.test ?? globalThis.it)(
  'the door',
  async () => {
    const told = await runSteps({ mcp, testing, Client, env: process.env });
    writeFileSync(process.env.DOOR_RESULT, JSON.stringify(told));
  },
  60_000,
);

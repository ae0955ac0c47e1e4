import { writeFileSync } from 'node:fs';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import * as mcp from 'mcp-tls';
import * as testing from 'mcp-tls/testing';
import { runSteps } from './steps.mjs';

runSteps({ mcp, testing, Client, env: process.env }).then((told) => {
  writeFileSync(process.env.DOOR_RESULT, JSON.stringify(told));
});

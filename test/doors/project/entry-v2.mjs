// As entry.mjs, where the SDK v2 is the only one.
import { writeFileSync } from 'node:fs';
import { Client } from '@modelcontextprotocol/client';
import * as testing from 'mcp-tls/testing';
import * as mcp from 'mcp-tls/v2';
import { tryEntries } from './entries.mjs';
import { runSteps } from './steps.mjs';

const told = await runSteps({ mcp, testing, Client, env: process.env });
const missing = { '': ['mcp-tls/v2', 'mcp-tls/core'] };
const entries = await tryEntries((name) => import(name), missing).then(
  () => 'ok',
  (error) => String(error?.stack ?? error),
);
writeFileSync(process.env.DOOR_RESULT, JSON.stringify([...told, `entries ${entries}`]));

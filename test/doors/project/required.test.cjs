// For test runners that load CommonJS and give `test`, or `it`.
const { writeFileSync } = require('node:fs');
const { Client } = require('@modelcontextprotocol/sdk/client/index.js');
const mcp = require('mcp-tls');
const testing = require('mcp-tls/testing');
const { runSteps } = require('./steps.cjs');

(globalThis.test ?? globalThis.it)(
  'the door',
  async () => {
    const told = await runSteps({ mcp, testing, Client, env: process.env });
    writeFileSync(process.env.DOOR_RESULT, JSON.stringify(told));
  },
  60_000,
);

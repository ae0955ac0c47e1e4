// As entry.cjs, where the SDK v2 is the only one.
const { writeFileSync } = require('node:fs');
const { Client } = require('@modelcontextprotocol/client');
const testing = require('mcp-tls/testing');
const mcp = require('mcp-tls/v2');
const { runSteps } = require('./steps.cjs');

(async () => {
  const { tryEntries } = await import('./entries.mjs');
  const told = await runSteps({ mcp, testing, Client, env: process.env });
  const missing = { '': ['mcp-tls/v2', 'mcp-tls/core'] };
  const entries = await tryEntries((name) => require(name), missing).then(
    () => 'ok',
    (error) => String(error?.stack ?? error),
  );
  writeFileSync(process.env.DOOR_RESULT, JSON.stringify([...told, `entries ${entries}`]));
})();

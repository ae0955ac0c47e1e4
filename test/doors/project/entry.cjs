const { writeFileSync } = require('node:fs');
const { Client } = require('@modelcontextprotocol/sdk/client/index.js');
const mcp = require('mcp-tls');
const testing = require('mcp-tls/testing');
const { runSteps } = require('./steps.cjs');

runSteps({ mcp, testing, Client, env: process.env }).then((told) => {
  writeFileSync(process.env.DOOR_RESULT, JSON.stringify(told));
});

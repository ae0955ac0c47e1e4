'use strict';
const { Client } = require('@modelcontextprotocol/sdk/client/index.js');
const tls = require('mcp-tls');
const core = require('mcp-tls/core');
const { exerciseCore, exerciseTransports } = require('./exercise.cjs');

(async () => {
  await exerciseCore(core);
  await exerciseCore(tls);
  await exerciseTransports(tls, Client);
})();

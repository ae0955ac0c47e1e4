'use strict';
const { Client } = require('@modelcontextprotocol/client');
const core = require('mcp-tls/core');
const tls = require('mcp-tls/v2');
const { exerciseCore, exerciseTransports } = require('./exercise.cjs');

(async () => {
  await exerciseCore(core);
  await exerciseCore(tls);
  await exerciseTransports(tls, Client);
})();

'use strict';
const core = require('mcp-tls/core');
const { exerciseCore } = require('./exercise.cjs');

exerciseCore(core);

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import * as tls from 'mcp-tls';
import * as core from 'mcp-tls/core';
import { exerciseCore, exerciseTransports } from './exercise.cjs';

await exerciseCore(core);
await exerciseCore(tls);
await exerciseTransports(tls, Client);

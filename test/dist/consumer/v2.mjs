import { Client } from '@modelcontextprotocol/client';
import * as core from 'mcp-tls/core';
import * as tls from 'mcp-tls/v2';
import { exerciseCore, exerciseTransports } from './exercise.cjs';

await exerciseCore(core);
await exerciseCore(tls);
await exerciseTransports(tls, Client);

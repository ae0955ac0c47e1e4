import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import * as mcp from 'mcp-tls';
import * as testing from 'mcp-tls/testing';
import { runSteps } from '../../steps.mjs';

export const dynamic = 'force-dynamic';

export async function GET() {
  return Response.json(await runSteps({ mcp, testing, Client, env: process.env }));
}

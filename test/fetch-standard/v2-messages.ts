import type { ServerResponse } from 'node:http';
import type { JSONRPCMessage } from '@modelcontextprotocol/client';
import type { Answer, Asked, V2World } from './v2-world.js';

/** Something that the documentation of the SDK v2 promises of its transports. */
export interface Scenario {
  readonly name: string;
  readonly answer: Answer;
  /** What is to be the same over both; `expected` is what the SDK promises of it. */
  readonly run: (world: V2World) => Promise<unknown>;
  readonly expected: unknown;
}

// Messages, and how scripted servers answer with them.
export const call = (id: number, more: object = {}): JSONRPCMessage => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name: 'add', arguments: {}, ...more },
});
export const MODERN = {
  _meta: {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: 'c', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
  },
};
export const INITIALIZE: JSONRPCMessage = {
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'c', version: '1' },
  },
};
export const INITIALIZED: JSONRPCMessage = { jsonrpc: '2.0', method: 'notifications/initialized' };
export const result = (id: unknown) => ({ jsonrpc: '2.0', id, result: {} });
export const progress = (n: number) => ({
  jsonrpc: '2.0',
  method: 'notifications/progress',
  params: { progressToken: 1, progress: n },
});

export const idOf = (asked: Asked): unknown => (asked.body as { id?: unknown } | undefined)?.id;
export const json = (response: ServerResponse, status: number, body: unknown, headers = {}) =>
  response
    .writeHead(status, { 'content-type': 'application/json', ...headers })
    .end(JSON.stringify(body));
export const stream = (response: ServerResponse): ServerResponse => {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  return response;
};
export const event = (message: unknown, fields = ''): string =>
  `${fields}data: ${JSON.stringify(message)}\n\n`;
export const answered: Answer = (asked, response) => json(response, 200, result(idOf(asked)));
export const head = ({ method, headers }: Asked, ...names: string[]) => [
  method,
  ...names.map((name) => headers[name]),
];

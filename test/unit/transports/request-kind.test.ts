import { expect, it } from 'vitest';
import { isMcp, kindOf, type RequestKind } from '../../../src/transports/request-kind.js';

const server = new URL('https://mcp.example/mcp');
const json = (value: object) => ({ method: 'POST', body: JSON.stringify(value) });
const CALL = json({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { redirect_uris: [] } });
const CLIENT = json({ redirect_uris: ['http://127.0.0.1/callback'] });

it.each<[kind: RequestKind, url: string, init: RequestInit | undefined]>([
  ['message', '/mcp', CALL],
  ['message', '/messages', CALL],
  ['message', '/mcp', json({ quoted: '"jsonrpc":"2.0"' })],
  ['stream', '/mcp', { headers: { accept: 'text/event-stream' } }],
  ['end', '/mcp', { method: 'DELETE' }],
  ['token', '/token', { method: 'POST', body: new URLSearchParams({ code: 'c' }) }],
  // A server may name its own URL for tokens and registrations: it gets no more trust by that.
  ['token', '/mcp', { method: 'POST', body: new URLSearchParams({ code: 'c' }) }],
  ['registration', '/mcp', CLIENT],
  ['registration', '/register', json({ quoted: '"jsonrpc":"2.0"' })],
  ['resource metadata', '/.well-known/oauth-protected-resource/mcp', undefined],
  ['authorization server metadata', '/.well-known/oauth-authorization-server/a', undefined],
  ['authorization server metadata', '/a/.well-known/openid-configuration', undefined],
])('a request of kind "%s" is recognized: %s', (kind, path, init) => {
  expect(kindOf(server, new URL(path, server), init)).toBe(kind);
  expect(isMcp(kind)).toBe(['message', 'stream', 'end'].includes(kind));
});

import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { admit } from '../../../src/bridge/http/admission.js';

/** A request of that Host and Origin, with the right token, to a bridge at that port. */
const admitted = (port: number, host: string, origin?: string) => {
  const headers = { host, ...(origin !== undefined && { origin }) };
  const rawHeaders = Object.entries(headers).flat();
  const request = { url: '/a-token-of-the-bridge/mcp', rawHeaders, headers };
  const rules = { port, token: 'a-token-of-the-bridge', allowedOrigins: new Set<string>() };
  const result = admit(request as unknown as IncomingMessage, rules);
  return 'path' in result ? result.path : result.status;
};

describe('admit', () => {
  it.each(['127.0.0.1', 'localhost', '[::1]'])(
    'takes %s without its port where that is 80, which clients leave out, and nowhere else',
    (name) => {
      expect(admitted(80, name, `http://${name}`)).toBe('/mcp');
      expect(admitted(80, `${name}:80`)).toBe('/mcp');
      expect(admitted(80, `${name}:81`)).toBe(403);
      expect(admitted(8080, name)).toBe(403);
      expect(admitted(8080, `${name}:8080`, `http://${name}`)).toBe(403);
    },
  );
});

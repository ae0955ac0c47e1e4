import { describe, expect, it } from 'vitest';
import { makeDecoders } from '../../../src/client/content-encoding.js';
import { PlainBody } from '../../../src/client/plain-body.js';
import { redirectTarget } from '../../../src/client/redirect.js';

describe('a redirect', () => {
  const follow = (location: string) =>
    redirectTarget(
      { method: 'GET', redirect: 'follow', body: null } as never,
      new URL('https://a.test/mcp'),
      { status: 307, location },
      0,
      [],
    );

  it('within the origin is followed', () => {
    expect(follow('/other')?.href).toBe('https://a.test/other');
  });

  it.each(['https://user@a.test/', 'https://user:secret@a.test/mcp', '//:secret@a.test/'])(
    'with credentials is refused, without repeating them: %s',
    (location) => {
      const refused = expect.objectContaining({ code: 'MCP_TLS_REDIRECT_REFUSED' });
      expect(() => follow(location)).toThrow(refused);
      expect(() => follow(location)).not.toThrow(/secret|user/);
    },
  );
});

describe('the message of a refused redirect', () => {
  const TOKEN = 'sk-live-4f9a8b';
  const basic = Buffer.from('ops:hunter-2').toString('base64');
  const shown = (location: string): string => {
    const headers = ['authorization', `Bearer ${TOKEN}`, 'x-other', `Basic ${basic}`];
    const request = { method: 'GET', redirect: 'follow', body: 'grant=qwertz' };
    try {
      const from = new URL('https://a.test/mcp/path-key?code=querykey');
      redirectTarget(request as never, from, { status: 302, location }, 0, headers);
    } catch (error) {
      return JSON.stringify([(error as Error).message, error]);
    }
    return 'followed';
  };

  it.each([
    `${TOKEN}:x`,
    `${TOKEN}://a`,
    `https://${TOKEN}.evil.test/`,
    `https://x.${TOKEN.toUpperCase()}/`,
    'https://hunter-2.evil.test/',
    'https://path-key.evil.test/',
    'https://querykey.evil.test/',
    'https://qwertz.evil.test/',
  ])('repeats nothing of the request: %s', (location) => {
    expect(shown(location)).toContain('MCP_TLS_REDIRECT_REFUSED');
    expect(shown(location)).not.toMatch(/sk-live|hunter-2|path-key|querykey|qwertz/i);
  });

  it('names another host and port', () => {
    expect(shown('https://login.example:8443/x')).toContain('302 to https://login.example:8443)');
  });
});

describe('a content-encoding', () => {
  it('of five codings is decoded', () => {
    expect(makeDecoders('gzip, gzip, br, deflate, gzip')).toHaveLength(5);
  });

  it.each([6, 100])('of %i codings is refused, as undici refuses it', (count) => {
    expect(() => makeDecoders(Array(count).fill('gzip').join(', '))).toThrow(RangeError);
  });
});

it('the end of a body is reported to all who wait for it', () => {
  const source = { pause() {}, resume() {}, cancel() {}, aborted: () => undefined, listen() {} };
  const body = new PlainBody(source);
  const heard: string[] = [];
  for (const name of ['a fetch of many origins', 'a transport']) {
    body.onComplete(() => heard.push(name));
  }
  body.end();
  expect(heard).toHaveLength(2);
});

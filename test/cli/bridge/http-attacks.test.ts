import { describe, expect, it } from 'vitest';
import { rawRequest, statusOf } from '../support/raw-request.js';
import { asks, bridge, refused, reports, server } from './http-attacks-setup.js';

describe('who may use the http bridge', () => {
  const HOST = () => `host: 127.0.0.1:${bridge.port}`;

  it('lets a program with the token through, by each name of this machine', async () => {
    for (const name of ['127.0.0.1', 'localhost', 'LOCALHOST', '[::1]']) {
      const text = await rawRequest(bridge.port, asks({}, [`host: ${name}:${bridge.port}`]));
      expect(statusOf(text), name).toBe(200);
    }
  });

  it.each([
    'evil.example',
    'evil.example:PORT',
    '127.0.0.1',
    '127.0.0.1:1',
    '127.0.0.1.evil.example:PORT',
    '0.0.0.0:PORT',
    '127.0.0.2:PORT',
    'localhost.:PORT',
    'user@127.0.0.1:PORT',
    '127.0.0.1:PORT, evil.example',
  ])('refuses the Host %s', async (host) => {
    const named = host.replace('PORT', String(bridge.port));
    expect(await refused(asks({}, [`host: ${named}`]))).toBe(403);
  });

  it('refuses no Host, two Hosts, and HTTP/1.0 without one', async () => {
    expect(await refused(asks({}, []))).toBe(400);
    expect(await refused(asks({}, [HOST(), HOST()]))).toBe(400);
    expect(await refused(asks({}, [HOST(), 'host: evil.example']))).toBe(400);
    expect(await refused(asks({ version: '1.0' }, []))).toBe(400);
  });

  it.each([
    'https://evil.example',
    'null',
    '',
    'http://127.0.0.1',
    'http://127.0.0.1:1',
    'https://127.0.0.1:PORT',
    'http://localhost:PORT.evil.example',
    'http://PAGE.example:6274',
    'http://page.example:6274/',
  ])('refuses the Origin %j', async (origin) => {
    const named = origin.replace('PORT', String(bridge.port));
    expect(await refused(asks({}, [HOST(), `origin: ${named}`]))).toBe(403);
  });

  it('lets pages of its own origin and of an allowed one through, and says so to the browser', async () => {
    const own = await rawRequest(
      bridge.port,
      asks({}, [HOST(), `origin: http://localhost:${bridge.port}`]),
    );
    expect(statusOf(own)).toBe(200);
    expect(own).not.toMatch(/access-control/i);
    const page = await rawRequest(
      bridge.port,
      asks({}, [HOST(), 'origin: http://page.example:6274']),
    );
    expect(statusOf(page)).toBe(200);
    expect(page).toMatch(/access-control-allow-origin: http:\/\/page\.example:6274/);
    const preflight = asks({ method: 'OPTIONS', target: '/mcp' }, [
      HOST(),
      'origin: http://page.example:6274',
      'access-control-request-method: POST',
    ]);
    server.clearRecords();
    expect(await refused(preflight)).toBe(204);
  });

  it('refuses no token, a wrong one, a part of it, and more than it', async () => {
    const { token } = bridge;
    const targets = [
      '/mcp',
      '/',
      '//mcp',
      `/${'x'.repeat(token.length)}/mcp`,
      `/${token.slice(0, -1)}/mcp`,
      `/${token.slice(1)}/mcp`,
      `/${token}x/mcp`,
      `/${token.toLowerCase()}/mcp`,
      `/x/${token}/mcp`,
      `/mcp?token=${token}`,
      `/.well-known/oauth-protected-resource/mcp`,
    ];
    for (const target of targets) {
      const status = await refused(asks({ target }));
      expect([400, 401], target).toContain(status);
    }
    for (const given of ['', 'x', token.slice(0, -1), `${token},${token}`]) {
      const status = await refused(asks({ target: '/mcp' }, [HOST(), `mcp-tls-token: ${given}`]));
      expect(status, given).toBe(401);
    }
  });

  it.each([
    ['another path', '/TOKEN/admin', 404],
    ['the root of the server', '/TOKEN/', 404],
    ['nothing behind the token', '/TOKEN', 404],
    ['a path that only begins alike', '/TOKEN/mcpx', 404],
    ['`..`', '/TOKEN/mcp/../admin', 400],
    ['`..` at its end', '/TOKEN/mcp/..', 400],
    ['`..` in front of the token', '/x/../TOKEN/mcp', 400],
    ['`%2e%2e`', '/TOKEN/mcp/%2e%2e/admin', 400],
    ['`.%2E`', '/TOKEN/mcp/.%2E/admin', 400],
    ['an encoded slash', '/TOKEN/mcp%2fadmin', 400],
    ['a backslash', '/TOKEN/mcp\\..\\admin', 400],
    ['an encoded backslash', '/TOKEN/mcp%5c..%5cadmin', 400],
    ['a fragment', '/TOKEN/mcp#x', 400],
    ['a zero byte', '/TOKEN/mcp%00', 400],
    ['`..` with a parameter', '/TOKEN/mcp/..;/admin', 400],
    ['`.` and `..` with parameters', '/TOKEN/mcp/.;x/..;x/admin', 400],
    ['`..` with an encoded parameter', '/TOKEN/mcp/..%3b/admin', 400],
    ['`..` with a space', '/TOKEN/mcp/..%20/admin', 400],
    ['`..` with a byte that is no text', '/TOKEN/mcp/..%ff/admin', 400],
    ['`..` with a tab', '/TOKEN/mcp/..%09/admin', 400],
    ['a tab', '/TOKEN/mcp/x%09', 400],
    ['`..` that is encoded twice', '/TOKEN/mcp/%252e%252e/admin', 400],
    ['a slash that is encoded twice', '/TOKEN/mcp/x%252fadmin', 400],
    ['a backslash that is encoded twice', '/TOKEN/mcp/x%255Cadmin', 400],
    ['a percent sign that is encoded thrice', '/TOKEN/mcp/x%25252fadmin', 400],
    ['dots in too many bytes', '/TOKEN/mcp/%c0%ae%c0%ae/admin', 400],
    ['a slash in too many bytes', '/TOKEN/mcp/x%C1%9cadmin', 400],
    ['an escape that is none', '/TOKEN/mcp/x%u2215admin', 400],
    ['two slashes', '/TOKEN/mcp//admin', 400],
    ['two slashes behind the token', '/TOKEN//mcp', 400],
    ['a well-known part within', '/TOKEN/admin/.well-known/openid-configuration/x', 404],
    ['an absolute form of the server', 'https://127.0.0.1/TOKEN/mcp', 400],
    ['an absolute form of another server', 'http://evil.example/TOKEN/mcp', 400],
    ['two slashes in front', '//evil.example/TOKEN/mcp', 400],
    ['an asterisk', '*', 400],
  ])('refuses a target with %s', async (_, target, status) => {
    expect(await refused(asks({ target: target.replace('TOKEN', bridge.token) }))).toBe(status);
  });

  it('carries no other methods, makes no tunnel and upgrades nothing', async () => {
    for (const method of ['PUT', 'PATCH', 'TRACE', 'HEAD', 'OPTIONS']) {
      expect(await refused(asks({ method })), method).toBe(405);
    }
    expect(
      await rawRequest(bridge.port, asks({ method: 'CONNECT', target: 'evil.example:443' })),
    ).toBe('');
    const upgrade = [
      HOST(),
      'upgrade: websocket',
      'sec-websocket-key: x',
      'sec-websocket-version: 13',
    ];
    const text = await rawRequest(bridge.port, asks({}, upgrade));
    expect(statusOf(text)).toBe(200);
    expect(Object.keys(server.records.requests[0]?.headers ?? {})).not.toContain('upgrade');
  });

  it('refuses what two parsers could read in two ways', async () => {
    const post = { method: 'POST' };
    const bodies: [readonly string[], string][] = [
      [['content-length: 5', 'content-length: 6'], 'hello!'],
      [['content-length: 5', 'transfer-encoding: chunked'], '0\r\n\r\n'],
      [['transfer-encoding: chunked, identity'], '0\r\n\r\n'],
      [['transfer-encoding: xchunked'], '0\r\n\r\n'],
      [['transfer-encoding: gzip, chunked'], '0\r\n\r\n'],
      [['transfer-encoding: chunked, chunked'], '0\r\n\r\n'],
      [['content-length: +5'], 'hello'],
      [['content-length : 5'], 'hello'],
      [['x: a\nx-smuggled: b'], ''],
    ];
    for (const [headers, body] of bodies) {
      const status = await refused(asks(post, [HOST(), ...headers]) + body);
      expect([400, 501], headers[0]).toContain(status);
    }
  });

  it('refuses a coding of the body other than chunks, of any method', async () => {
    for (const method of ['GET', 'POST', 'DELETE']) {
      for (const coding of ['identity', 'gzip', 'gzip, chunked', 'xchunked']) {
        const head = asks({ method }, [HOST(), `transfer-encoding: ${coding}`]);
        const status = await refused(`${head}0\r\n\r\n`);
        expect([400, 501], `${method} ${coding}`).toContain(status);
      }
    }
  });

  it('refuses huge headers', async () => {
    expect(await refused(asks({}, [HOST(), `x-large: ${'x'.repeat(100_000)}`]))).toBe(431);
  });

  it('gives no token away, in no answer and no line for people', async () => {
    const text = await rawRequest(bridge.port, asks({ target: `/${bridge.token}/admin` }));
    await rawRequest(bridge.port, asks({ target: '/mcp' }));
    expect(text + reports.join('')).not.toContain(bridge.token);
  });
});

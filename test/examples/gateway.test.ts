import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type HeldCertificate,
  heldCertificate,
  type McpTestServer,
  startMcpServer,
} from '../../src/testing/index.js';
import { debianProgram } from '../support/debian-program.js';
import { eventually } from '../support/waiting.js';
import { freshDataDir, type Gateway, startGateway } from './support/start-gateway.js';

/** The API of examples/gateway over its real processes, as its README documents it. */

const EXAMPLE = new URL('../../examples/gateway/', import.meta.url);
const run = promisify(execFile);

let certificate: HeldCertificate;
let server: McpTestServer;
const dataDir = freshDataDir();
let gateway: Gateway;

beforeAll(async () => {
  certificate = await heldCertificate({ commonName: 'weather.internal' });
  server = await startMcpServer({ certificate, transport: 'both' });
  gateway = await startGateway({ dataDir });
}, 60_000);

afterAll(async () => {
  await gateway?.stop();
  await server?.close();
  rmSync(dataDir, { recursive: true, force: true });
});

const add = { arguments: { a: 2, b: 3 } };
const five = { content: [{ type: 'text', text: '5' }], isError: false };

describe('the first start', () => {
  it('makes a key and a token that only its user can read, and prints where the page is', () => {
    for (const name of ['store-key', 'admin-token']) {
      expect(statSync(join(dataDir, name)).mode & 0o777, name).toBe(0o600);
    }
    expect(readFileSync(join(dataDir, 'admin-token'), 'utf8').trim()).toBe(gateway.token);
    expect(gateway.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    expect(gateway.workers).toHaveLength(2);
    expect(gateway.output()).not.toContain(readFileSync(join(dataDir, 'store-key'), 'utf8').trim());
  });
});

describe('who may ask', () => {
  it.each([
    ['without a token', 401, { token: undefined }],
    ['with another token', 401, { token: 'not-the-admin-token' }],
    ['by a name that was pointed here (DNS rebinding)', 421, { headers: { Host: 'evil.example' } }],
    ['from the page of another origin', 403, { headers: { Origin: 'http://evil.example' } }],
    ['from another port of this machine', 403, { headers: { Origin: 'http://127.0.0.1:1' } }],
    ['from a page without an origin', 403, { headers: { Origin: 'null' } }],
  ])('not one %s', async (_name, status, how) => {
    const body = { id: 'weather', url: server.mcpUrl, fingerprint: certificate.fingerprint };
    for (const what of [how, { ...how, body }, { ...how, method: 'DELETE' }]) {
      expect(await gateway.ask('servers', what)).toMatchObject({ status });
    }
    expect((await gateway.ask('servers')).body.servers).toEqual([]);
  });

  it('takes no form of another page for JSON', async () => {
    const headers = { 'Content-Type': 'text/plain' };
    const body = { id: 'weather', url: server.mcpUrl, trust: 'key' };
    expect(await gateway.ask('servers', { body, headers })).toMatchObject({ status: 400 });
  });

  it('serves the page to anybody here, with a policy that lets nothing else in', async () => {
    const page = await gateway.ask('../', { token: undefined });
    expect(page).toMatchObject({ status: 200, body: expect.stringContaining('<!doctype html>') });
    expect(page.headers['content-security-policy']).toContain("default-src 'none'");
    expect(page.headers['content-security-policy']).toContain("frame-ancestors 'none'");
    expect(page.body).not.toContain(gateway.token);
  });
});

describe('the flow, over two worker processes', () => {
  it('shows what a server presents', async () => {
    const { body } = await gateway.ask('inspect', { body: { url: server.mcpUrl } });
    expect(body.presented).toMatchObject({
      subject: 'CN=weather.internal',
      fingerprint: certificate.fingerprint,
    });
    expect(body.problems).toMatchObject([{ code: 'self-signed' }]);
  });

  it('registers nothing that nobody approved', async () => {
    const body = { id: 'weather', url: server.mcpUrl };
    const asked = await gateway.ask('servers', { body });
    expect(asked).toMatchObject({
      status: 428,
      body: {
        error: { code: 'MCP_TLS_APPROVAL_REQUIRED' },
        presented: { fingerprint: certificate.fingerprint },
        problems: [{ code: 'self-signed' }],
        current: null,
      },
    });
    const wrong = { ...body, fingerprint: 'AB'.repeat(32) };
    const refused = await gateway.ask('servers', { body: wrong });
    expect(refused).toMatchObject({
      status: 409,
      body: { error: { code: 'MCP_TLS_FINGERPRINT_MISMATCH' } },
    });
    expect((await gateway.ask('servers')).body.servers).toEqual([]);
    expect(server.records.applicationBytes).toBe(0);
  });

  it('registers by the fingerprint, for every worker', async () => {
    // Each has looked, and may remember that there is none.
    for (const { body } of await gateway.askAll('servers/weather/check', { method: 'POST' })) {
      expect(body.error.code).toBe('MCP_TLS_NOT_REGISTERED');
    }
    const body = {
      id: 'weather',
      url: server.mcpUrl,
      fingerprint: certificate.fingerprint,
      approvedBy: 'ada',
    };
    const registered = await gateway.ask('servers', { body });
    expect(registered).toMatchObject({
      status: 201,
      body: { server: { id: 'weather', isSelfSigned: true, approvedBy: 'ada' } },
    });
    for (const { body } of await gateway.askAll('servers')) {
      expect(body.servers).toMatchObject([{ id: 'weather', kind: 'certificate' }]);
    }
    expect(await gateway.ask('servers', { body })).toMatchObject({
      status: 409,
      body: { error: { code: 'MCP_TLS_ALREADY_REGISTERED' } },
    });
  });

  it.each(['streamable-http', 'sse'])(
    'calls a tool over %s, in every worker',
    async (transport) => {
      const tools = await gateway.ask(`servers/weather/tools?transport=${transport}`);
      expect(tools.body.tools.map(({ name }: { name: string }) => name)).toContain('add');
      const body = { ...add, transport };
      for (const answer of await gateway.askAll('servers/weather/tools/add', { body })) {
        expect(answer).toMatchObject({ status: 200, body: { ...five, transport } });
      }
      await eventually(() => expect(server.sessionIds).toEqual([]));
    },
  );

  it('passes on what a tool and a server complain about', async () => {
    const body = { arguments: { a: 'two' } };
    const wrong = await gateway.ask('servers/weather/tools/add', { body });
    expect(wrong).toMatchObject({ status: 502, body: { error: { code: 'MCP' } } });
    expect(wrong.body.error.message).toContain('a must be a number');
  });

  it('checks a server, with its transport and the days that are left', async () => {
    const { body } = await gateway.ask('servers/weather/check', { method: 'POST' });
    expect(body.check).toMatchObject({ ok: true, mcp: 'streamable-http', daysLeft: 29 });
  });

  it('refuses a changed certificate in every worker, until it is approved', async () => {
    const next = await heldCertificate({ commonName: 'weather.internal' });
    server.rotate(next, { dropConnections: true });
    for (const answer of await gateway.askAll('servers/weather/tools/add', { body: add })) {
      expect(answer).toMatchObject({
        status: 502,
        body: { error: { code: 'MCP_TLS_SELF_SIGNED' } },
      });
    }
    // Every worker is told, and one of them is to tell the person.
    await eventually(async () => {
      for (const { body } of await gateway.askAll('events')) {
        expect(body.events).toContainEqual(
          expect.objectContaining({ type: 'changed', id: 'weather' }),
        );
      }
    });
    expect(gateway.output().match(/weather: changed$/gm)).toHaveLength(1);

    const path = 'servers/weather/renew';
    expect(await gateway.ask(path, { method: 'POST' })).toMatchObject({
      status: 428,
      body: {
        current: { fingerprint: certificate.fingerprint },
        presented: { fingerprint: next.fingerprint },
        sameKey: false,
      },
    });
    const approved = await gateway.ask(path, { body: { fingerprint: next.fingerprint } });
    expect(approved).toMatchObject({ status: 200, body: { changed: true } });
    for (const answer of await gateway.askAll('servers/weather/tools/add', { body: add })) {
      expect(answer).toMatchObject({ status: 200, body: five });
    }
  });

  it('goes on after a restart, with everything on disk sealed', async () => {
    expect(await gateway.stop()).toBe(0);
    const files = readdirSync(join(dataDir, 'store'), { recursive: true, withFileTypes: true });
    const records = files.filter((file) => file.isFile());
    expect(records.length).toBeGreaterThan(0);
    for (const { parentPath, name } of records) {
      const text = readFileSync(join(parentPath, name), 'utf8');
      expect(text).not.toMatch(/BEGIN|weather\.internal/);
    }
    gateway = await startGateway({ dataDir });
    expect(await gateway.ask('servers/weather/tools/add', { body: add })).toMatchObject({
      status: 200,
      body: five,
    });
  });

  it('starts a worker anew that died', async () => {
    const [died] = gateway.workers;
    process.kill(died as number, 'SIGKILL');
    // Before that is known, connections are still handed to it.
    await eventually(() => expect(gateway.output()).toContain(`worker ${died} ended`));
    for (const { body } of await gateway.askAll('servers')) expect(body.servers).toHaveLength(1);
  });

  it('revokes: no worker calls it after the answer', async () => {
    const path = 'servers/weather';
    await gateway.askAll(`${path}/tools/add`, { body: add });
    server.clearRecords();
    expect(await gateway.ask(path, { method: 'DELETE' })).toMatchObject({ status: 200 });
    for (const answer of await gateway.askAll(`${path}/tools/add`, { body: add })) {
      expect(answer).toMatchObject({ body: { error: { code: 'MCP_TLS_NOT_REGISTERED' } } });
    }
    expect(await gateway.ask(path, { method: 'DELETE' })).toMatchObject({ status: 404 });
    expect(server.records.applicationBytes).toBe(0);
  });

  it('keeps who decided what, past a restart and a revocation, and of nothing that was refused', async () => {
    const path = join(dataDir, 'approvals.jsonl');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(path, 'utf8')).not.toMatch(/BEGIN/);
    for (const { body } of await gateway.askAll('approvals?id=weather')) {
      const [revoked, renewed, registered] = body.approvals;
      expect(body.approvals).toHaveLength(3);
      expect(registered).toMatchObject({ what: 'registered', by: 'ada', kind: 'certificate' });
      expect(registered.fingerprint).toBe(certificate.fingerprint);
      expect(renewed).toMatchObject({ what: 'renewed', before: certificate.fingerprint });
      expect(revoked).toMatchObject({ what: 'revoked', before: renewed.fingerprint });
    }
    expect((await gateway.ask('approvals?id=another')).body.approvals).toEqual([]);
  });

  it.each([
    ['an id that is no UTF-8', 'servers/%E0%A4%A/check', {}, 400],
    ['a body that is no object', 'servers', [], 400],
    ['a field that it does not know', 'servers', { id: 'x', url: 'https://x', trsut: 'key' }, 400],
    ['a URL without TLS', 'servers', { id: 'x', url: 'http://127.0.0.1/' }, 400],
    ['a trust that there is not', 'servers', { id: 'x', url: 'https://x', trust: 'all' }, 400],
    [
      'an authority without its certificate',
      'servers',
      { id: 'x', url: 'https://x', trust: 'authority' },
      400,
    ],
    ['a transport that there is not', 'servers/x/tools/echo', { transport: 'stdio' }, 400],
    ['a server to try that there is not', 'demo/x/rotate', {}, 404],
    ['a route that there is not', 'nothing', {}, 404],
  ])('refuses %s', async (_name, path, body, status) => {
    expect(await gateway.ask(path, { body })).toMatchObject({ status });
  });

  it('reaches no address where clouds keep the tokens of their machines', async () => {
    const body = { url: 'https://169.254.169.254/' };
    expect(await gateway.ask('inspect', { body })).toMatchObject({
      status: 403,
      body: { error: { code: 'MCP_TLS_ADDRESS_REFUSED' } },
    });
  });
});

describe('README.md of the example', () => {
  it('has curl lines that do what they say', async () => {
    const curl = await debianProgram('curl');
    const fingerprint = (await gateway.ask('inspect', { body: { url: server.mcpUrl } })).body
      .presented.fingerprint;
    const readme = readFileSync(new URL('README.md', EXAMPLE), 'utf8');
    const fences = [...readme.matchAll(/^```sh\n(.*?)^```/gms)].map(([, code]) => code as string);
    const script = fences
      .slice(1)
      .join('')
      .replaceAll('https://127.0.0.1:8443/mcp', server.mcpUrl)
      .replaceAll('SHA256-OF-THE-CERTIFICATE', fingerprint)
      .replaceAll('http://127.0.0.1:8787/', gateway.url)
      .replaceAll('examples/gateway/data', dataDir);
    const PATH = `${dirname(curl)}:${process.env['PATH']}`;
    const { stdout } = await run('bash', ['-euc', script], { env: { ...process.env, PATH } });
    const answered = [...stdout.matchAll(/ (\d{3})$/gm)].map(([, status]) => status);
    const said = [...script.matchAll(/ {6}# (\d{3})$/gm)].map(([, status]) => status);
    expect(said.length).toBeGreaterThanOrEqual(12);
    expect(answered).toEqual(said);
  });
});

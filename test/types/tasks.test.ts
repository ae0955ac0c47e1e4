import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { makeCustomClientFactory } from 'mcp-tls';
import { heldCertificate, type McpServerOptions, startMcpServer } from 'mcp-tls/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRedis } from '../store/support/start-redis.js';
import { MemoryOAuthProvider, startOAuthWorld } from '../support/oauth-world.js';
import { transportFor as pinned } from './tasks/appliance-by-pin.js';
import { transportFor as overSse } from './tasks/company-ca-over-sse.js';
import { transportFor as compared } from './tasks/compared-fingerprint.js';
import { report } from './tasks/error-page.js';
import { makeGateway } from './tasks/gateway-registry.js';
import { connectionsFor } from './tasks/mutual-tls.js';
import { transportFor as withOAuth } from './tasks/oauth-behind-private-ca.js';
import { connect } from './tasks/own-certificate-file.js';
import { connect as connectV2 } from './tasks/sdk-v2.js';
import { statusAndTools } from './tasks/shared-connections.js';
import { approve, overKeyv, overRedis, transportFor as stored } from './tasks/store-over-keyv.js';
import { readUpload } from './tasks/upload-form.js';

/** The commonest tasks, as a user would write them, over the built package and real servers. */

const keys = { id: '2026-11', key: Buffer.alloc(32, 7).toString('base64') };
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mcp-tls-tasks-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function toolsOver(transport: Transport): Promise<number> {
  const client = new Client({ name: 'task', version: '1.0.0' });
  await client.connect(transport);
  const { tools } = await client.listTools();
  await client.close();
  return tools.length;
}

/** A server with a certificate of its own, and an impostor that copies all but the key. */
async function servers(options: Omit<McpServerOptions, 'certificate'> = {}) {
  // Later than what a watch calls expiring.
  const certificate = await heldCertificate({ notAfter: new Date(Date.now() + 1e10) });
  const server = await startMcpServer({ ...options, certificate });
  const impostor = await startMcpServer({ ...options, certificate: await heldCertificate() });
  return {
    certificate,
    server,
    impostor,
    async [Symbol.asyncDispose]() {
      await server.close();
      await impostor.close();
    },
  };
}

describe('the commonest tasks', () => {
  it('1: a certificate file is the trust in its server, and in no other', async () => {
    await using world = await servers();
    const file = join(folder, 'own.pem');
    await writeFile(file, world.certificate.pem);
    const client = await connect(world.server.mcpUrl, file);
    expect((await client.listTools()).tools.length).toBeGreaterThan(0);
    await client.close();
    await expect(connect(world.impostor.mcpUrl, file)).rejects.toThrow(
      /another one than the one that is trusted/,
    );
    expect(world.impostor.records.applicationBytes).toBe(0);
  });

  it('2: a fingerprint that was compared is trusted, and another one is refused', async () => {
    await using world = await servers();
    const { fingerprint } = world.certificate;
    const transport = await compared(world.server.mcpUrl, fingerprint);
    expect(await toolsOver(transport)).toBeGreaterThan(0);
    await expect(compared(world.impostor.mcpUrl, fingerprint)).rejects.toMatchObject({
      code: 'MCP_TLS_FINGERPRINT_MISMATCH',
    });
  });

  it("3: the company's CA and the public roots are trusted over SSE", async () => {
    const ca = await heldCertificate({ isCa: true });
    const certificate = await heldCertificate({ signedBy: ca });
    await using server = await startMcpServer({ certificate, transport: 'sse' });
    const file = join(folder, 'ca.pem');
    await writeFile(file, ca.pem);
    expect(await toolsOver(overSse(server.sseUrl, file))).toBeGreaterThan(0);
  });

  it('4: a pin is enough for an appliance that names nothing', async () => {
    const certificate = await heldCertificate({
      san: 'none',
      notAfter: new Date(Date.now() + 1e7),
    });
    await using server = await startMcpServer({ certificate });
    expect(await toolsOver(pinned(server.mcpUrl, certificate.spkiPin))).toBeGreaterThan(0);
  });

  it('5: requests and a transport share connections, and both carry the token', async () => {
    await using world = await servers({ requireBearer: 'secret' });
    const { status, transport } = await statusAndTools(
      world.server.mcpUrl,
      world.certificate.pem,
      'secret',
    );
    expect(status).not.toBe(401);
    expect(transport.sessionId).toBeUndefined();
  });

  it('6: a client certificate is shown to its server', async () => {
    const ca = await heldCertificate({ isCa: true });
    const me = await heldCertificate({ signedBy: ca });
    const certificate = await heldCertificate({ signedBy: ca });
    await using server = await startMcpServer({ certificate, clientCa: ca });
    const connections = connectionsFor({ ca: ca.pem, cert: me.pem, key: me.keyPem });
    expect(await toolsOver(connections.transportFor(server.mcpUrl))).toBeGreaterThan(0);
    await connections.close();
    expect(server.records.clientCertificates[0]?.fingerprint256).toBe(me.fingerprint);
  });

  it('7: OAuth goes to an authorization server with a CA of its own', async () => {
    const [mcp, ca] = [await heldCertificate(), await heldCertificate({ isCa: true })];
    const authorizationServer = await heldCertificate({ signedBy: ca });
    await using world = await startOAuthWorld({ mcp, authorizationServer });
    const trusted = {
      server: mcp.pem,
      login: world.authorizationServer.url as `https://${string}`,
      loginCa: ca.pem,
    };
    const provider = new MemoryOAuthProvider();
    const transport = withOAuth(world.mcpUrl, trusted, provider);
    await expect(toolsOver(transport)).rejects.toBeInstanceOf(UnauthorizedError);
    await transport.finishAuth(world.agree(provider.authorizationUrl as URL));
    expect(await toolsOver(withOAuth(world.mcpUrl, trusted, provider))).toBeGreaterThan(0);
  });

  it('8: an upload is described, or refused with what to do', async () => {
    const { pem, fingerprint } = await heldCertificate();
    expect(await readUpload(pem, undefined)).toMatchObject({
      ok: true,
      selfSigned: true,
      fingerprint,
    });
    expect(await readUpload('/etc/ssl/ca.pem', undefined)).toMatchObject({
      ok: false,
      hint: expect.stringContaining('read'),
    });
    expect(await readUpload(pem, 'https://a.example')).toMatchObject({
      ok: false,
      code: 'MCP_TLS_INVALID_ARGUMENT',
    });
  });

  it('9: an approval is kept over a Keyv and over Redis, and nothing else connects', async () => {
    await using world = await servers();
    const redis = await startRedis();
    const url = world.server.mcpUrl;
    for (const store of [overKeyv(keys), overRedis(keys, redis.url)]) {
      await expect(stored(store, 'a', url)).rejects.toThrow('not approved');
      await approve(store, { id: 'a', url, compared: world.certificate.fingerprint });
      expect(await toolsOver(await stored(store, 'a', url))).toBeGreaterThan(0);
      await store.close();
    }
    await redis.stop();
  });

  it('10: a gateway asks, registers, connects for a user, raises an alarm and stops', async () => {
    await using world = await servers({ requireBearer: 'token-of-eve' });
    const { server, certificate } = world;
    const gateway = makeGateway(overKeyv(keys), (user) => `token-of-${user}`);
    const asked = await gateway.add('a', server.mcpUrl, undefined, 'ops');
    expect(asked).toMatchObject({ show: { fingerprint: certificate.fingerprint } });
    await gateway.add('a', server.mcpUrl, certificate.fingerprint, 'ops');
    const client = await gateway.connect('a', 'eve');
    expect((await client.listTools()).tools.length).toBeGreaterThan(0);
    await expect(gateway.connect('a', 'mallory')).rejects.toThrow();
    await client.close();

    const alarms = new AbortController();
    const mails: string[] = [];
    const alarm = gateway.alarm(alarms.signal, async (text) => {
      mails.push(text);
      alarms.abort();
    });
    server.rotate(await heldCertificate({ notAfter: new Date(Date.now() + 1e10) }));
    await alarm;
    expect(mails[0]).toBe('a: changed');
    await gateway.stop();
  });

  it('11: an error says whether to look or to try again', async () => {
    await using world = await servers();
    const factory = makeCustomClientFactory(world.certificate.pem);
    const refused = await factory()(world.impostor.url).catch(report);
    expect(refused).toMatchObject({ refused: true, retryable: false, hint: expect.any(String) });
    const unreachable = await factory()('https://127.0.0.1:1/').catch(report);
    expect(unreachable).toMatchObject({ refused: false, retryable: true });
    expect(report(new Error('of the application'))).toEqual({
      message: 'Error: of the application',
      refused: false,
      retryable: false,
    });
    await factory.close();
  });

  it('13: a client of the MCP SDK v2 connects, with a token', async () => {
    await using world = await servers({ requireBearer: 'secret' });
    const client = await connectV2(world.server.mcpUrl, world.certificate.pem, 'secret');
    expect((await client.listTools()).tools.length).toBeGreaterThan(0);
    await client.close();
    await expect(connectV2(world.impostor.mcpUrl, world.certificate.pem, 'x')).rejects.toThrow();
    expect(world.impostor.records.applicationBytes).toBe(0);
  });

  it('12: the tests of pinning and mutual TLS pass in node:test', async () => {
    const file = join(import.meta.dirname, 'tasks/pinning-tests.ts');
    const args = ['--import', 'tsx', '--test', '--test-reporter', 'tap', file];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    expect(stdout).toMatch(/^# pass 4$/m);
    expect(stdout).toMatch(/^# fail 0$/m);
  }, 180_000);
});

import { Agent } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { describe, expect, it } from 'vitest';
import { McpTlsError } from '../../src/errors.js';
import { heldCertificate, startTlsServer } from '../../src/testing/index.js';
import { codeOf, get, handshake, openHandles, until } from './clients.js';
import { ca, certificate } from './start-tls-server-setup.js';

describe('startTlsServer: controls', () => {
  it('rotates: new handshakes see the new certificate, old connections live on', async () => {
    await using server = await startTlsServer({ certificate });
    const next = await heldCertificate({ renewFrom: certificate });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    await get(server.url, { ca, agent });
    server.rotate(next);
    expect((await get(server.url, { ca, agent })).status).toBe(200);
    expect(server.records.connections).toBe(1);
    const seen = await handshake({ port: server.port, ca: next.pem });
    expect(seen.getPeerX509Certificate()?.fingerprint256).toBe(next.fingerprint);
    seen.destroy();

    server.rotate(certificate, { dropConnections: true });
    await until(() => server.openConnections === 0, 'dropped');
    expect((await get(server.url, { ca, agent })).status).toBe(200);
    agent.destroy();
  });

  it('keeps the old certificate when the new one cannot be used', async () => {
    await using server = await startTlsServer({ certificate });
    const { keyPem } = await heldCertificate();
    expect(() => server.rotate({ cert: ca, key: keyPem })).toThrow(/OpenSSL/);
    server.requireClientCertificate(certificate);
    expect((await get(server.url, { ca, cert: ca, key: certificate.keyPem })).status).toBe(200);
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'demands a client certificate (%s)',
    async (maxVersion) => {
      const issuer = await heldCertificate({ isCa: true });
      const good = await heldCertificate({ signedBy: issuer, commonName: 'client' });
      const foreign = await heldCertificate();
      await using server = await startTlsServer({ certificate, maxVersion });
      expect((await get(server.url, { ca })).status).toBe(200);
      server.requireClientCertificate(issuer);
      // The alert's name stands in the message; node:https calls some of them EPROTO.
      await expect(get(server.url, { ca })).rejects.toThrow(
        maxVersion === 'TLSv1.3' ? /alert certificate required/ : /alert handshake failure/,
      );
      const bad = get(server.url, { ca, cert: foreign.pem, key: foreign.keyPem });
      expect(await codeOf(bad)).toBe('ECONNRESET');
      expect(server.records.clientCertificates).toEqual([]);
      expect(server.records.requests).toHaveLength(1);
      const answer = await get(server.url, { ca, cert: good.pem, key: good.keyPem });
      expect(answer.status).toBe(200);
      const shown = server.records.clientCertificates.map(({ fingerprint256 }) => fingerprint256);
      expect(shown).toEqual([good.fingerprint]);
      expect(server.records.handshakeErrors).toHaveLength(2);
    },
  );

  it('demands a client certificate from the start, also a self-signed one', async () => {
    const client = await heldCertificate();
    await using server = await startTlsServer({ certificate, clientCa: client });
    expect(await codeOf(get(server.url, { ca }))).not.toBe('resolved');
    const answer = await get(server.url, { ca, cert: client.pem, key: client.keyPem });
    expect(answer.status).toBe(200);
    expect(() => server.requireClientCertificate('')).toThrow(/PEM/);
    const middle = await heldCertificate({
      isCa: true,
      signedBy: await heldCertificate({ isCa: true }),
    });
    expect(() => server.requireClientCertificate(middle)).toThrow(/self-signed/);
  });

  it('stalls the handshake', async () => {
    await using server = await startTlsServer({ certificate });
    server.stall('handshake');
    const signal = AbortSignal.timeout(150);
    expect(await codeOf(get(server.url, { ca, signal }))).toBe('ABORT_ERR');
    await until(() => server.openConnections === 0, 'hang-up noticed');
    expect(server.records).toMatchObject({ connections: 1, handshakes: 0, applicationBytes: 0 });
    server.recover();
    expect((await get(server.url, { ca })).status).toBe(200);
  });

  it('stalls before the headers', async () => {
    await using server = await startTlsServer({ certificate });
    server.stall('headers');
    expect(await codeOf(get(server.url, { ca, signal: AbortSignal.timeout(150) }))).toBe(
      'ABORT_ERR',
    );
    expect(server.records.requests).toHaveLength(1);
    server.recover();
    expect((await get(server.url, { ca })).status).toBe(200);
  });

  it('stalls in the body', async () => {
    await using server = await startTlsServer({ certificate });
    server.stall('body');
    const socket = await handshake({ port: server.port, ca });
    let seen = '';
    socket.on('data', (chunk) => {
      seen += chunk;
    });
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await until(() => seen.endsWith('{"jsonrpc":"2.0",'), 'start of the body');
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(seen).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(seen.endsWith('{"jsonrpc":"2.0",')).toBe(true);
    expect(socket.destroyed).toBe(false);
    socket.destroy();
  });

  it('resets open connections and new ones until it recovers', async () => {
    await using server = await startTlsServer({ certificate });
    const socket = await handshake({ port: server.port, ca });
    // A client that is still writing its Finished message, or has not read the tickets, sees an end
    // and no error. After an answer there is neither.
    const answered = new Promise((resolve) => socket.once('data', resolve));
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await answered;
    const code = new Promise((resolve) => {
      socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code));
    });
    server.reset();
    expect(await code).toBe('ECONNRESET');
    expect(await codeOf(get(server.url, { ca }))).toBe('ECONNRESET');
    expect(await codeOf(get(server.url, { ca }))).toBe('ECONNRESET');
    server.recover();
    expect((await get(server.url, { ca })).status).toBe(200);
    expect(server.records.connections).toBe(4);
  });

  it('answers every request with a redirect', async () => {
    await using server = await startTlsServer({ certificate });
    server.redirectTo('http://127.0.0.1:9/else');
    const answer = await get(server.url, { ca, body: 'x' });
    expect([answer.status, answer.headers['location']]).toEqual([307, 'http://127.0.0.1:9/else']);
    server.redirectTo('/x', 302);
    expect((await get(server.url, { ca })).status).toBe(302);
    expect(() => server.redirectTo('/x', 304 as 302)).toThrow(/redirect/);
    server.recover();
    expect((await get(server.url, { ca })).status).toBe(200);
  });

  it('speaks plain HTTP', async () => {
    await using server = await startTlsServer({ certificate });
    server.speakPlainHttp();
    expect(await codeOf(get(server.url, { ca }))).toMatch(/EPROTO|ERR_SSL/);
    expect(server.records).toMatchObject({ applicationBytes: 0, handshakes: 0, requests: [] });
    expect((await get(`http://127.0.0.1:${server.port}/p`)).status).toBe(200);
    expect(server.records.requests).toMatchObject([{ url: '/p', encrypted: false }]);
    server.recover();
    expect((await get(server.url, { ca })).status).toBe(200);
  });

  it('checks the arguments of its controls', async () => {
    await using server = await startTlsServer({ certificate });
    const wrong = [
      () => server.stall('all' as 'body'),
      () => server.rotate('' as never),
      () => server.rotate(certificate, { drop: true } as never),
      () => server.requireClientCertificate({} as never),
    ];
    for (const call of wrong) {
      let thrown: unknown;
      try {
        call();
      } catch (error) {
        thrown = error;
      }
      expect(thrown instanceof McpTlsError && thrown.code).toBe('MCP_TLS_INVALID_ARGUMENT');
    }
  });
});

describe('startTlsServer: closing', () => {
  it('leaves no handle open, in any state of its connections', async () => {
    const before = openHandles();
    const server = await startTlsServer({ certificate });
    const sockets = [await handshake({ port: server.port, ca })];
    server.stall('headers');
    const agent = new Agent({ keepAlive: true });
    const pending = [codeOf(get(server.url, { ca, agent }))];
    await until(() => server.records.requests.length === 1, 'request');
    server.stall('handshake');
    pending.push(codeOf(get(server.url, { ca, agent })));
    const raw = connectTcp(server.port, '127.0.0.1');
    raw.on('error', () => {});
    await until(() => server.openConnections === 4, 'four connections');
    await Promise.all([server.close(), server.close(), server[Symbol.asyncDispose]()]);
    expect(server.openConnections).toBe(0);
    for (const code of await Promise.all(pending)) expect(code).toBe('ECONNRESET');
    raw.destroy();
    for (const socket of sockets) socket.destroy();
    agent.destroy();
    await until(() => openHandles().length <= before.length, 'handles closed');
    expect(await codeOf(get(server.url, { ca }))).toBe('ECONNREFUSED');
  });

  it('shares nothing with another server of the kit', async () => {
    await using one = await startTlsServer({ certificate });
    await using two = await startTlsServer({ certificate });
    one.stall('headers');
    one.redirectTo('/x');
    expect((await get(two.url, { ca })).status).toBe(200);
    expect(one.records.connections).toBe(0);
  });
});

import { randomBytes } from 'node:crypto';
import { Agent } from 'node:https';
import { describe, expect, it } from 'vitest';
import { heldCertificate, startTlsServer, type TlsServerOptions } from '../../src/testing/index.js';
import { codeOf, get, handshake, hangUp, openHandles, until } from './clients.js';
import { ca, certificate, otherKey, sessionOf } from './start-tls-server-setup.js';

describe('startTlsServer: serving', () => {
  it('answers over HTTPS on a free port of the loopback address', async () => {
    await using server = await startTlsServer({ certificate });
    expect(server.url).toBe(`https://127.0.0.1:${server.port}`);
    expect(server.urlFor('localhost', '/x')).toBe(`https://localhost:${server.port}/x`);
    expect(server.urlFor('::1')).toBe(`https://[::1]:${server.port}`);
    const answer = await get(server.url, { ca });
    expect([answer.status, answer.body]).toEqual([200, '{"ok":true}']);
  });

  it('listens on ::1', async () => {
    await using server = await startTlsServer({ certificate, host: '::1' });
    expect(server.url).toBe(`https://[::1]:${server.port}`);
    expect((await get(server.url, { ca })).status).toBe(200);
  });

  it('hands requests to the handler, and turns what it throws into a 500', async () => {
    await using server = await startTlsServer({
      certificate,
      onRequest: async (request, response) => {
        if (request.url === '/broken') throw new Error('as asked');
        let body = '';
        for await (const chunk of request) body += chunk;
        response.writeHead(201).end(body.toUpperCase());
      },
    });
    expect(await get(server.url, { ca, body: 'abc' })).toMatchObject({ status: 201, body: 'ABC' });
    expect(await get(`${server.url}/broken`, { ca })).toMatchObject({
      status: 500,
      body: 'as asked',
    });
  });

  it('takes any PEM pair', async () => {
    await using server = await startTlsServer({
      certificate: { cert: certificate.pem, key: certificate.keyPem },
    });
    expect((await get(server.url, { ca })).status).toBe(200);
  });

  it('sends the chain as given, or the leaf alone', async () => {
    const root = await heldCertificate({ isCa: true });
    const middle = await heldCertificate({ isCa: true, signedBy: root });
    const leaf = await heldCertificate({ signedBy: middle });
    await using whole = await startTlsServer({ certificate: leaf });
    await using alone = await startTlsServer({ certificate: leaf, sendChain: 'leaf' });
    const sent: string[][] = [];
    for (const { port } of [whole, alone]) {
      const socket = await handshake({ port, rejectUnauthorized: false });
      const chain: string[] = [];
      let link = socket.getPeerX509Certificate();
      while (link !== undefined) {
        chain.push(link.fingerprint256);
        link = link.issuerCertificate;
      }
      sent.push(chain);
      socket.destroy();
    }
    expect(sent).toEqual([[leaf.fingerprint, middle.fingerprint], [leaf.fingerprint]]);
    const trust = { ca: root.pem };
    expect((await get(whole.url, trust)).status).toBe(200);
    expect(await codeOf(get(alone.url, trust))).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  });

  it.each([
    ['TLSv1', 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION'],
    ['TLSv1.1', 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION'],
  ] as const)('speaks %s only', async (version, refusal) => {
    await using server = await startTlsServer({
      certificate: await heldCertificate(),
      minVersion: version,
      maxVersion: version,
      ciphers: 'DEFAULT@SECLEVEL=0',
    });
    expect(await codeOf(handshake({ port: server.port, rejectUnauthorized: false }))).toBe(refusal);
    expect(server.records.handshakeErrors).toEqual(['ERR_SSL_UNSUPPORTED_PROTOCOL']);
    const socket = await handshake({
      port: server.port,
      rejectUnauthorized: false,
      minVersion: version,
      ciphers: 'DEFAULT@SECLEVEL=0',
    });
    expect(socket.getProtocol()).toBe(version);
    socket.destroy();
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'can be held to %s and one cipher suite',
    async (version) => {
      const ciphers =
        version === 'TLSv1.3' ? 'TLS_AES_256_GCM_SHA384' : 'ECDHE-ECDSA-AES256-GCM-SHA384';
      await using server = await startTlsServer({
        certificate,
        minVersion: version,
        maxVersion: version,
        ciphers,
      });
      const socket = await handshake({ port: server.port, ca });
      expect([socket.getProtocol(), socket.getCipher().name]).toEqual([version, ciphers]);
      socket.destroy();
    },
  );

  it.each([
    'p384',
    'p521',
    'rsa1024',
    'rsa-pss',
    'ed25519',
    'ed448',
    'secp256k1',
    'brainpoolP256r1',
  ] as const)('shows a %s certificate to whoever can read it', async (key) => {
    const held = await heldCertificate({ key });
    await using server = await startTlsServer({ certificate: held });
    const curve = key === 'secp256k1' || key === 'brainpoolP256r1';
    const socket = await handshake({
      port: server.port,
      rejectUnauthorized: false,
      ciphers: 'DEFAULT@SECLEVEL=0',
      ...(curve && { maxVersion: 'TLSv1.2', ecdhCurve: `${key}:P-256` }),
    });
    expect(socket.getPeerX509Certificate()?.fingerprint256).toBe(held.fingerprint);
    socket.destroy();
  });

  it('shows certificates that are too weak for a security level above 0', async () => {
    const root = await heldCertificate({ isCa: true, key: 'rsa1024' });
    const middle = await heldCertificate({
      isCa: true,
      key: 'rsa1024',
      signedBy: root,
      hash: 'sha1',
    });
    const weak = await heldCertificate({ signedBy: middle, hash: 'sha1', key: 'rsa1024' });
    const trust = { ca: root.pem, agent: false } as const;
    await using server = await startTlsServer({ certificate: weak });
    const lenient = { ...trust, ciphers: 'DEFAULT@SECLEVEL=0' };
    expect((await get(server.url, lenient)).status).toBe(200);
    const strict = { ...trust, ciphers: 'DEFAULT@SECLEVEL=2' };
    expect(await codeOf(get(server.url, strict))).not.toBe('resolved');
    expect(server.records.requests).toHaveLength(1);
  });

  it('sigalgs narrow what the server signs with', async () => {
    await using server = await startTlsServer({
      certificate: await heldCertificate({ key: 'rsa2048' }),
      sigalgs: 'rsa_pss_rsae_sha512',
    });
    const narrow = { port: server.port, rejectUnauthorized: false, sigalgs: 'rsa_pss_rsae_sha256' };
    expect(await codeOf(handshake(narrow))).toMatch(/HANDSHAKE_FAILURE/);
    (await handshake({ ...narrow, sigalgs: 'rsa_pss_rsae_sha512' })).destroy();
  });

  it.each([
    ['unknown field', { certificate, hots: '::1' }],
    ['no certificate', {}],
    ['PEM text', { certificate: ca }],
    ['host that is not loopback', { certificate, host: '0.0.0.0' }],
    ['unknown version', { certificate, minVersion: 'SSLv3' }],
    ['versions the wrong way round', { certificate, minVersion: 'TLSv1.3', maxVersion: 'TLSv1.2' }],
    ['unknown cipher', { certificate, ciphers: 'NONSENSE' }],
    ['empty ciphers', { certificate, ciphers: '' }],
    ['empty client CA', { certificate, clientCa: '' }],
    ['short ticket keys', { certificate, ticketKeys: Buffer.alloc(47) }],
    ['handler that is none', { certificate, onRequest: 'ok' }],
    ['leaf of a pair', { certificate: { cert: ca, key: 'x' }, sendChain: 'leaf' }],
    ['foreign key', { certificate: { cert: ca, key: otherKey } }],
    ['time that is none', { certificate, keepAliveTimeoutMs: -1 }],
  ])('refuses: %s', async (_name, options) => {
    const before = openHandles();
    const code = await codeOf(startTlsServer(options as TlsServerOptions));
    expect(code).toBe('MCP_TLS_INVALID_ARGUMENT');
    // No more than there were: those of the test before may still be closing.
    await until(() => openHandles().length <= before.length, 'nothing left open');
  });
});

describe('startTlsServer: records', () => {
  it('counts application bytes exactly, on open and on closed connections', async () => {
    await using server = await startTlsServer({ certificate });
    const socket = await handshake({ port: server.port, ca });
    await until(() => server.records.handshakes === 1, 'handshake');
    expect(server.records.applicationBytes).toBe(0);
    const request = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n';
    socket.write(request + 'x'.repeat(1000));
    await until(
      () => server.records.applicationBytes === request.length + 1000,
      'half of the bytes',
    );
    socket.write('x'.repeat(4000));
    await until(() => server.records.applicationBytes === request.length + 5000, 'all bytes');
    socket.destroy();
    await until(() => server.openConnections === 0, 'closed');
    expect(server.records.applicationBytes).toBe(request.length + 5000);
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'counts no byte of a client that refuses (%s)',
    async (maxVersion) => {
      await using server = await startTlsServer({ certificate, maxVersion });
      for (let i = 0; i < 10; i += 1) {
        const refused = codeOf(get(server.url, { body: 'secret', servername: 'localhost' }));
        expect(await refused).toBe('DEPTH_ZERO_SELF_SIGNED_CERT');
      }
      await until(() => server.openConnections === 0, 'closed');
      expect(server.records).toMatchObject({ applicationBytes: 0, connections: 10, requests: [] });
      expect(server.records.sni).toEqual(Array(10).fill('localhost'));
      // The count is no constant: the same request of a client that does not check is seen.
      await get(server.url, { body: 'secret', rejectUnauthorized: false });
      expect(server.records.applicationBytes).toBeGreaterThan(6);
    },
  );

  it('counts bytes that are no HTTP at all', async () => {
    await using server = await startTlsServer({ certificate });
    const socket = await handshake({ port: server.port, ca });
    socket.write('\0\0\0');
    await until(() => server.records.applicationBytes === 3, 'three bytes');
    expect(server.records.requests).toEqual([]);
    socket.destroy();
  });

  it('records requests, connections, names and protocols', async () => {
    await using server = await startTlsServer({ certificate });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    await get(`${server.urlFor('127.0.0.1', '/a?b=c')}`, { ca, agent, headers: { 'X-Key': 'k' } });
    await get(`${server.url}/d`, { ca, agent, body: 'x' });
    agent.destroy();
    await hangUp(
      await handshake({
        port: server.port,
        ca,
        servername: 'localhost',
        ALPNProtocols: ['h2', 'http/1.1'],
      }),
    );
    expect(await codeOf(handshake({ port: server.port, ca, ALPNProtocols: ['h2'] }))).toMatch(
      /ERR_SSL_.*ALERT_NO_APPLICATION_PROTOCOL/,
    );
    await until(() => server.openConnections === 0, 'closed');
    const { records } = server;
    expect(records).toMatchObject({ connections: 3, handshakes: 2, resumedSessions: 0 });
    expect(records.requests).toMatchObject([
      { method: 'GET', url: '/a?b=c', headers: { 'x-key': 'k' }, encrypted: true },
      { method: 'POST', url: '/d', encrypted: true },
    ]);
    expect(records.sni).toEqual(['localhost']);
    expect(records.alpn).toEqual([['h2', 'http/1.1'], ['h2']]);
    expect(records.handshakeErrors).toEqual(['ERR_SSL_NO_APPLICATION_PROTOCOL']);
  });

  it('clears all records, and goes on counting the connections that are open', async () => {
    await using server = await startTlsServer({ certificate });
    const socket = await handshake({ port: server.port, ca, servername: 'localhost' });
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await until(() => server.records.requests.length === 1, 'request');
    server.clearRecords();
    expect(server.records).toMatchObject({
      applicationBytes: 0,
      connections: 0,
      handshakes: 0,
      sni: [],
      alpn: [],
      requests: [],
    });
    expect(server.openConnections).toBe(1);
    socket.write('GET /');
    await until(() => server.records.applicationBytes === 5, 'five bytes more');
    socket.destroy();
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('counts resumed sessions (%s)', async (maxVersion) => {
    const ticketKeys = randomBytes(48);
    await using first = await startTlsServer({ certificate, maxVersion, ticketKeys });
    await using second = await startTlsServer({ certificate, maxVersion, ticketKeys });
    await using stranger = await startTlsServer({ certificate, maxVersion });
    const session = await sessionOf(first.port);
    for (const server of [first, second, stranger]) {
      await hangUp(await handshake({ port: server.port, ca, session }));
    }
    first.rotate(await heldCertificate());
    // A resumed session shows no certificate: the client does not even learn that it has changed.
    await hangUp(await handshake({ port: first.port, ca, session }));
    expect(first.records.handshakes).toBe(3);
    const resumed = [first, second, stranger].map(({ records }) => records.resumedSessions);
    expect(resumed).toEqual([2, 1, 0]);
  });
});

import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  explainTlsError,
  fetchPeerCertificate,
  isSelfSignedPem,
  makeCustomClientFactory,
  type TrustInput,
} from '../../src/index.js';
import { heldCertificate, startTlsServer, type TlsServer } from '../../src/testing/index.js';

const DAY_MS = 86_400_000;
const daysFromNow = (days: number) => new Date(Date.now() + days * DAY_MS);
const codes = (peer: { problems: readonly { code: string }[] }) =>
  peer.problems.map(({ code }) => code).sort();

async function serve(
  options: Parameters<typeof heldCertificate>[0] = {},
  more: Partial<Parameters<typeof startTlsServer>[0]> = {},
) {
  const certificate = await heldCertificate(options);
  return { certificate, server: await startTlsServer({ certificate, ...more }) };
}

async function suggestionWorks(server: TlsServer, url = server.url): Promise<boolean> {
  const { suggestedPolicy } = await fetchPeerCertificate(url);
  if (!suggestedPolicy) return false;
  const factory = makeCustomClientFactory(suggestedPolicy);
  try {
    return (await factory()(url)).ok;
  } finally {
    await factory.close();
  }
}

describe('fetchPeerCertificate: what it reads', () => {
  it('gives the certificate, its description and a policy that works', async () => {
    const { certificate, server } = await serve();
    await using _ = server;
    const peer = await fetchPeerCertificate(`${server.url}/mcp?token=x`);
    expect(peer).toMatchObject({
      host: '127.0.0.1',
      port: server.port,
      serverName: '127.0.0.1',
      chain: [peer.pem],
      protocol: 'TLSv1.3',
      trusted: false,
      suggestedPolicy: { ca: peer.pem, authority: false },
      issuers: [],
    });
    expect(peer.pem.trim()).toBe(certificate.pem.trim());
    expect(peer.description).toMatchObject({
      isSelfSigned: true,
      fingerprint: certificate.fingerprint,
      spkiPin: certificate.spkiPin,
    });
    expect(codes(peer)).toEqual(['self-signed']);
    expect(await suggestionWorks(server)).toBe(true);
  });

  it('calls no certificate self-signed that another key signed, whatever name it gives its issuer', async () => {
    const { certificate, server } = await serve({ defect: 'broken-signature' });
    await using _ = server;
    const { pem: other } = await heldCertificate();
    expect(isSelfSignedPem(certificate.pem)).toBe(false);
    const peer = await fetchPeerCertificate(server.url, { trust: other });
    expect(peer.description.isSelfSigned).toBe(false);
    expect(codes(peer)).toContain('unknown-issuer');
    expect(codes(peer)).not.toContain('self-signed');
    const factory = makeCustomClientFactory(other);
    const error = explainTlsError(await factory()(server.url).catch((reason) => reason));
    await factory.close();
    expect(error).toMatchObject({ code: 'MCP_TLS_UNKNOWN_ISSUER' });
    expect(error?.message).not.toContain('self-signed');
  });

  it('sends no application byte and resumes nothing', async () => {
    const { server } = await serve();
    await using _ = server;
    for (let i = 0; i < 5; i++) await fetchPeerCertificate(server.url);
    expect(server.records).toMatchObject({ applicationBytes: 0, resumedSessions: 0 });
  });

  it('gives the chain as presented, in order, and suggests the leaf alone', async () => {
    const root = await heldCertificate({ isCa: true });
    const middle = await heldCertificate({ isCa: true, signedBy: root });
    const leaf = await heldCertificate({ signedBy: middle });
    await using server = await startTlsServer({ certificate: leaf });
    const peer = await fetchPeerCertificate(server.url);
    expect(peer.chain.map((pem) => pem.trim())).toEqual(
      [leaf, middle].map((held) => held.pem.trim()),
    );
    expect(peer.issuers).toHaveLength(1);
    expect(codes(peer)).toEqual(['unknown-issuer']);
    expect(peer.suggestedPolicy).toEqual({ ca: peer.pem, authority: false });
    expect(await suggestionWorks(server)).toBe(true);
  });

  it('suggests no weaker versions and groups than it was asked to judge by', async () => {
    const { server } = await serve();
    await using _ = server;
    const asked = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2', groups: ['P-256'] } as const;
    const peer = await fetchPeerCertificate(server.url, { trust: { roots: 'default', ...asked } });
    const { minVersion: _least, ...kept } = asked;
    expect(peer.suggestedPolicy).toEqual({ ca: peer.pem, authority: false, ...kept });
    const newest = { roots: 'default', minVersion: 'TLSv1.3' } as const;
    expect((await fetchPeerCertificate(server.url, { trust: newest })).suggestedPolicy).toEqual({
      ...{ ca: peer.pem, authority: false, minVersion: 'TLSv1.3' },
    });
  });

  it('judges by the anchors it is given, without trusting them', async () => {
    const { certificate, server } = await serve();
    await using _ = server;
    const peer = await fetchPeerCertificate(server.url, { trust: certificate.pem });
    expect(peer.problems).toEqual([]);
    expect(peer.trusted).toBe(true);
    expect(peer.suggestedPolicy).toBe(certificate.pem);
  });
});

describe('fetchPeerCertificate: what is wrong', () => {
  it('names everything, not only the first thing', async () => {
    const { server } = await serve(
      {
        key: 'rsa1024',
        dns: ['other.example'],
        notBefore: daysFromNow(-9),
        notAfter: daysFromNow(-1),
        extendedKeyUsages: ['clientAuth'],
      },
      { ciphers: 'DEFAULT@SECLEVEL=0' },
    );
    await using _ = server;
    const peer = await fetchPeerCertificate(server.url);
    expect(codes(peer)).toEqual([
      'expired',
      'name-mismatch',
      'self-signed',
      'weak-key',
      'wrong-usage',
    ]);
    expect(peer.suggestedPolicy).toBeUndefined();
  });

  it('suggests nothing for a certificate that is not valid yet', async () => {
    const { server } = await serve({ notBefore: daysFromNow(1) });
    await using _ = server;
    const peer = await fetchPeerCertificate(server.url);
    expect(codes(peer)).toEqual(['not-yet-valid', 'self-signed']);
    expect(peer.suggestedPolicy).toBeUndefined();
  });

  it('suggests the pinned key where the certificate names nothing, or has expired', async () => {
    const { certificate, server } = await serve({
      san: 'none',
      commonName: '127.0.0.1',
      notBefore: daysFromNow(-2),
      notAfter: daysFromNow(-1),
    });
    await using _ = server;
    const peer = await fetchPeerCertificate(server.url);
    expect(codes(peer)).toEqual(['expired', 'no-names', 'self-signed']);
    expect(peer.suggestedPolicy).toEqual({
      identity: 'pin',
      pins: [certificate.spkiPin],
      allowExpired: true,
    });
    expect(await suggestionWorks(server)).toBe(true);
  });

  it('suggests a name that the certificate carries, where only the name is wrong', async () => {
    const { server } = await serve({ dns: ['*.wild.example', 'mcp.internal'] });
    await using _ = server;
    const peer = await fetchPeerCertificate(server.url);
    expect(codes(peer)).toEqual(['name-mismatch', 'self-signed']);
    expect(peer.suggestedPolicy).toEqual({
      ca: peer.pem,
      authority: false,
      serverName: 'mcp.internal',
    });
    expect(await suggestionWorks(server)).toBe(true);
  });

  it('incomplete-chain, and a weak signature of an authority', async () => {
    const root = await heldCertificate({ isCa: true });
    const leaf = await heldCertificate({
      signedBy: root,
      hash: 'sha1',
      issuerUrls: ['http://ca.example/ca.crt'],
    });
    const options = { sendChain: 'leaf', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    await using server = await startTlsServer({ certificate: leaf, ...options });
    expect(codes(await fetchPeerCertificate(server.url))).toEqual([
      'incomplete-chain',
      'weak-signature',
    ]);
  });

  it('asks for another name with serverName (SNI and check)', async () => {
    const { certificate, server } = await serve({ dns: ['mcp.internal'] });
    await using _ = server;
    const trust = certificate.pem;
    const peer = await fetchPeerCertificate(server.url, { serverName: 'mcp.internal', trust });
    expect(peer).toMatchObject({ serverName: 'mcp.internal', problems: [] });
    expect(peer.suggestedPolicy).toEqual({ ca: trust, serverName: 'mcp.internal' });
    expect(server.records.sni).toContain('mcp.internal');
  });
});

describe('fetchPeerCertificate: servers that no client would accept', () => {
  it('reads a TLS 1.0 server', async () => {
    const options = {
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    } as const;
    const { server } = await serve({}, options);
    await using _ = server;
    const peer = await fetchPeerCertificate(server.url);
    expect(peer.protocol).toBe('TLSv1');
    expect(codes(peer)).toEqual(['old-protocol', 'self-signed']);
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'reads a server with mutual TLS: %s',
    async (version) => {
      const { certificate, server } = await serve({}, { minVersion: version, maxVersion: version });
      await using _ = server;
      server.requireClientCertificate(await heldCertificate());
      const peer = await fetchPeerCertificate(server.url);
      expect(peer.description.fingerprint).toBe(certificate.fingerprint);
      expect(codes(peer)).toEqual(['client-certificate-required', 'self-signed']);
      expect(peer.suggestedPolicy).toEqual({ ca: peer.pem, authority: false });
      // Trusted, it has one problem left: what else is odd is excused by the policy, and no reason.
      const { spkiPin } = certificate;
      const trust = { identity: 'pin', pins: spkiPin } as const;
      const pinned = await fetchPeerCertificate(server.url, { trust, serverName: 'other.example' });
      expect(codes(pinned)).toEqual(['client-certificate-required']);
      expect(pinned.remarks.map(({ code }) => code)).toEqual(['name-mismatch']);
    },
  );

  it('remarks that a server asks for a client certificate, trusted or not, until it is given one', async () => {
    const certificate = await heldCertificate();
    const pair = { cert: certificate.pem, key: certificate.keyPem };
    const server = createTlsServer({ ...pair, requestCert: true, rejectUnauthorized: false });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const remarksUnder = async (trust: TrustInput) => {
      const { remarks } = await fetchPeerCertificate(url, { trust });
      return remarks.map(({ code }) => code);
    };
    const own = { ca: certificate.pem };
    expect(await remarksUnder(null)).toEqual(['client-certificate-requested']);
    expect(await remarksUnder(own)).toEqual(['client-certificate-requested']);
    const { pem: cert, keyPem: key } = await heldCertificate();
    expect(await remarksUnder({ ...own, clientCertificate: { cert, key } })).toEqual([]);
  });

  it.each(['brainpoolP256r1', 'secp256k1', 'ed448'] as const)(
    'survives a server with a %s key',
    async (key) => {
      const { server } = await serve({ key });
      await using _ = server;
      const outcome = await fetchPeerCertificate(server.url).then(
        (peer) => peer.description.isSelfSigned,
        (error: { code: string }) => error.code,
      );
      // Not every OpenSSL speaks TLS with these; the process has to go on either way.
      expect([true, undefined, 'MCP_TLS_PROTOCOL_MISMATCH']).toContain(outcome);
    },
  );

  it('reads over IPv6', async () => {
    const { server } = await serve({ ip: ['::1'] }, { host: '::1' });
    await using _ = server;
    const peer = await fetchPeerCertificate(server.url);
    expect(peer).toMatchObject({ host: '::1', serverName: '::1' });
    expect(codes(peer)).toEqual(['self-signed']);
  });
});

describe('fetchPeerCertificate: a handshake that does not finish', () => {
  it('proves no key: only the fingerprint of the certificate is met by it', async () => {
    const clientCa = await heldCertificate({ isCa: true });
    // TLS 1.2 refuses a client before the handshake is complete.
    const { server, certificate } = await serve({}, { clientCa, maxVersion: 'TLSv1.2' });
    const expected = { code: 'MCP_TLS_CLIENT_CERTIFICATE_REQUIRED' };
    const byKey = fetchPeerCertificate(server.url, { expectFingerprint: certificate.spkiPin });
    await expect(byKey).rejects.toMatchObject(expected);
    const expectFingerprint = certificate.fingerprint;
    const peer = await fetchPeerCertificate(server.url, { expectFingerprint });
    expect(peer.trusted).toBe(false);
  });
});

describe('fetchPeerCertificate: no certificate to be had', () => {
  it('MCP_TLS_NOT_TLS for plain http', async () => {
    const { server } = await serve();
    await using _ = server;
    server.speakPlainHttp();
    await expect(fetchPeerCertificate(server.url)).rejects.toMatchObject({
      code: 'MCP_TLS_NOT_TLS',
    });
  });

  it('MCP_TLS_TIMEOUT for silence', async () => {
    const { server } = await serve();
    await using _ = server;
    server.stall('handshake');
    const probe = fetchPeerCertificate(server.url, { timeoutMs: 100 });
    await expect(probe).rejects.toMatchObject({ code: 'MCP_TLS_TIMEOUT', host: '127.0.0.1' });
    // That of the first message, which the server has not noticed to be closed, and of the second where there is one.
    expect(server.openConnections).toBeLessThanOrEqual(2);
  });

  it('MCP_TLS_UNREACHABLE for a reset, and where nothing listens', async () => {
    const { server } = await serve();
    server.reset();
    const unreachable = { code: 'MCP_TLS_UNREACHABLE' };
    await expect(fetchPeerCertificate(server.url)).rejects.toMatchObject(unreachable);
    await server.close();
    await expect(fetchPeerCertificate(server.url)).rejects.toMatchObject(unreachable);
  });

  it('any of ours for a server that answers with noise', async () => {
    const sockets = new Set<Socket>();
    const noise = createServer((socket) => {
      sockets.add(socket.on('error', () => {}));
      socket.end(Buffer.alloc(512, 0x5a));
    });
    await new Promise<void>((resolve) => noise.listen(0, '127.0.0.1', resolve));
    const { port } = noise.address() as { port: number };
    const probe = fetchPeerCertificate(`https://127.0.0.1:${port}`);
    await expect(probe).rejects.toMatchObject({ name: 'TlsConnectionError', port });
    for (const socket of sockets) socket.destroy();
    noise.close();
  });

  it("the signal's own reason when aborted, before and during", async () => {
    const { server } = await serve();
    await using _ = server;
    server.stall('handshake');
    const reason = new Error('enough');
    const already = fetchPeerCertificate(server.url, { signal: AbortSignal.abort(reason) });
    await expect(already).rejects.toBe(reason);
    const controller = new AbortController();
    const during = fetchPeerCertificate(server.url, { signal: controller.signal });
    setTimeout(() => controller.abort(reason), 30);
    await expect(during).rejects.toBe(reason);
  });

  it.each([['http://127.0.0.1:1/'], ['not a url'], ['ftp://127.0.0.1/']])(
    'MCP_TLS_INVALID_ARGUMENT for %s',
    async (url) => {
      const invalid = { code: 'MCP_TLS_INVALID_ARGUMENT' };
      await expect(fetchPeerCertificate(url)).rejects.toMatchObject(invalid);
    },
  );

  it('MCP_TLS_INVALID_ARGUMENT for unknown and wrong options', async () => {
    const invalid = { code: 'MCP_TLS_INVALID_ARGUMENT' };
    const unset = { expectFingerprint: undefined };
    for (const options of [{ timeoutMs: -1 }, { servername: 'x' }, { serverName: '*.x' }, unset]) {
      await expect(
        fetchPeerCertificate('https://127.0.0.1', options as object),
      ).rejects.toMatchObject(invalid);
    }
  });
});

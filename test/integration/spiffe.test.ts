import { beforeAll, describe, expect, it } from 'vitest';
import {
  explainTlsError,
  fetchPeerCertificate,
  makeCustomClientFactory,
  parseTrust,
} from '../../src/index.js';
import {
  createStoredCertificate,
  parseStoredCertificate,
  trustPolicyOf,
} from '../../src/store/index.js';
import { type HeldCertificate, heldCertificate, startTlsServer } from '../../src/testing/index.js';

/** Servers that are known by a URI, over real connections. */

const uri = 'spiffe://example.org/billing';
let ca: HeldCertificate;
let svid: HeldCertificate;

beforeAll(async () => {
  ca = await heldCertificate({ isCa: true, uri: ['spiffe://example.org'] });
  svid = await heldCertificate({ signedBy: ca, uri: [uri] });
});

async function ask(url: string, expected: string, more: object = {}) {
  await using factory = makeCustomClientFactory({
    ca: ca.pem,
    serverName: { uri: expected },
    ...more,
  });
  const answer = await factory()(url).catch(explainTlsError);
  return answer instanceof Response ? answer.status : answer?.code;
}

describe('a server with an X509-SVID', () => {
  it('is trusted under its URI and CA, is asked for by its host, and by a probe and a record too', async () => {
    await using server = await startTlsServer({ certificate: svid });
    const url = server.urlFor('localhost');
    expect(await ask(url, uri)).toBe(200);
    expect(server.records.sni).toEqual(['localhost']);
    const trust = parseTrust({ ca: ca.pem, serverName: { uri } });
    expect(await fetchPeerCertificate(url, { trust })).toMatchObject({
      trusted: true,
      problems: [],
    });
    const record = createStoredCertificate({ url, trust: { ca: ca.pem, serverName: { uri } } });
    const kept = parseStoredCertificate(JSON.parse(JSON.stringify(record)));
    await using factory = makeCustomClientFactory(trustPolicyOf(kept));
    expect((await factory()(url)).status).toBe(200);
  });

  it('is refused under another URI, and one of another CA under its own', async () => {
    await using server = await startTlsServer({ certificate: svid });
    expect(await ask(server.url, 'spiffe://example.org/other')).toBe('MCP_TLS_NAME_MISMATCH');
    const other = await heldCertificate({ isCa: true });
    expect(await ask(server.url, uri, { ca: other.pem })).toBe('MCP_TLS_UNKNOWN_ISSUER');
    expect(server.records.applicationBytes).toBe(0);
  });
});

describe("a server's own certificate that a URI names", () => {
  it.each(['https://mcp.example/billing', 'spiffe://example.org/billing'])(
    'vouches for nothing that its key signed, even if it says CA:TRUE (%s)',
    async (name) => {
      const own = await heldCertificate({ isCa: true, uri: [name] });
      const signed = await heldCertificate({ signedBy: own, uri: [uri] });
      await using server = await startTlsServer({ certificate: signed });
      expect(await ask(server.url, uri, { ca: own.pem })).toBe('MCP_TLS_UNKNOWN_ISSUER');
      expect(server.records.applicationBytes).toBe(0);
    },
  );
});

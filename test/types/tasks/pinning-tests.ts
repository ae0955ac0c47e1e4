/** 12. The pinning of one's own client, and mutual TLS, under test. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { makeCustomClientFactory, type TrustPolicy } from 'mcp-tls';
import { definePinningTests, heldCertificate, startMcpServer } from 'mcp-tls/testing';

definePinningTests(
  { describe, it },
  ({ url, ...trust }) => makeCustomClientFactory(trust as TrustPolicy)({ url }),
  { include: ['impostor-self-signed', 'name-other', 'chain-of-four'] },
);

it('connects with a client certificate', async () => {
  const ca = await heldCertificate({ isCa: true });
  const me = await heldCertificate({ signedBy: ca });
  const certificate = await heldCertificate({ signedBy: ca, ip: ['127.0.0.1'] });
  await using server = await startMcpServer({ certificate, clientCa: ca });
  await using factory = makeCustomClientFactory({
    ca: ca.pem,
    clientCertificate: { cert: me.pem, key: me.keyPem },
  });
  const response = await factory()(server.url);
  await response.text();
  assert.equal(server.records.clientCertificates.length, 1);
});

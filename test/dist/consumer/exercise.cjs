// What a consumer does, with the modules given: the same for ESM and CJS.
'use strict';
const assert = require('node:assert/strict');
const { readFileSync } = require('node:fs');

const { SERVER_URL, TRUSTED_CERTIFICATE, OTHER_CERTIFICATE } = process.env;
const trusted = readFileSync(TRUSTED_CERTIFICATE, 'utf8');
const other = readFileSync(OTHER_CERTIFICATE, 'utf8');

/** The core: no SDK. */
exports.exerciseCore = async (core) => {
  assert.equal(core.isSelfSignedPem(trusted), true);
  const presented = await core.fetchPeerCertificate(SERVER_URL);
  assert.equal(
    (await core.describeCertificate(trusted)).fingerprint,
    presented.description.fingerprint,
  );

  const factory = core.makeCustomClientFactory(trusted);
  const response = await factory({ url: SERVER_URL })(new URL('/nowhere', SERVER_URL));
  assert.equal(response.status, 404);
  assert.ok(response instanceof Response);
  await factory.close();

  const impostor = core.makeCustomClientFactory(other);
  await assert.rejects(impostor({ url: SERVER_URL })(SERVER_URL), (error) => {
    assert.equal(core.explainTlsError(error).code, 'MCP_TLS_SELF_SIGNED');
    return true;
  });
  await impostor.close();
};

/** A tool call over both transports. */
exports.exerciseTransports = async (tls, Client) => {
  const transports = [
    tls.streamableHttpClient(`${SERVER_URL}/mcp`, { trust: trusted }),
    tls.sseClient(`${SERVER_URL}/sse`, { trust: trusted }),
  ];
  for (const transport of transports) {
    const client = new Client({ name: 'consumer', version: '1.0.0' });
    await client.connect(transport);
    const { content } = await client.callTool({ name: 'add', arguments: { a: 2, b: 3 } });
    assert.deepEqual(content, [{ type: 'text', text: '5' }]);
    await client.close();
  }
};

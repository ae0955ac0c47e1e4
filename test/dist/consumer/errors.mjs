// An error of any copy of the package is recognised by all four: two entries in two formats.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import * as esm from 'mcp-tls';
import * as esmCore from 'mcp-tls/core';

const require = createRequire(import.meta.url);
const copies = { esm, esmCore, cjs: require('mcp-tls'), cjsCore: require('mcp-tls/core') };

// If the formats shared their classes, this test would show nothing.
assert.notEqual(esm.TlsTrustError, copies.cjs.TlsTrustError);

for (const maker of Object.values(copies)) {
  const errors = [
    thrownBy(() => maker.makeCustomClientFactory('')),
    new maker.TlsTrustError('MCP_TLS_EXPIRED', 'expired', { host: 'localhost', port: 443 }),
  ];
  for (const error of errors) {
    for (const reader of Object.values(copies)) {
      assert.equal(reader.isMcpTlsError(error), true);
      assert.equal(reader.explainTlsError(new TypeError('x', { cause: error })), error);
    }
  }
}
for (const reader of Object.values(copies)) assert.equal(reader.isMcpTlsError(new Error()), false);

function thrownBy(run) {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

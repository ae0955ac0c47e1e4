// An error of any copy of the package is recognised by all four: two entries in two formats.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import * as esm from 'mcp-tls';
import * as esmCore from 'mcp-tls/core';
import * as esmStore from 'mcp-tls/store';

const require = createRequire(import.meta.url);
const copies = { esm, esmCore, cjs: require('mcp-tls'), cjsCore: require('mcp-tls/core') };
const stores = [esmStore, require('mcp-tls/store')];

// If the formats shared their classes, this test would show nothing.
assert.notEqual(esm.TlsTrustError, copies.cjs.TlsTrustError);

const CLASSES = [
  'TlsConfigError',
  'TlsTrustError',
  'TlsConnectionError',
  'StoreError',
  'RegistryError',
  'ApprovalRequiredError',
];

for (const maker of Object.values(copies)) {
  const errors = [
    thrownBy(() => maker.makeCustomClientFactory('')),
    ...stores.map((one) => one.makeStoreError('MCP_TLS_STORE_CONFLICT', 'overtaken', { id: 'a' })),
    await maker.fetchPeerCertificate('https://127.0.0.1:1/').catch((error) => error),
  ];
  assert.deepEqual(
    errors.map(({ name }) => name),
    ['TlsConfigError', 'StoreError', 'StoreError', 'TlsConnectionError'],
  );
  for (const error of errors) {
    for (const reader of Object.values(copies)) {
      assert.ok(error instanceof reader.McpTlsError);
      for (const name of CLASSES) assert.equal(error instanceof reader[name], error.name === name);
      const wrapped = new TypeError('x', { cause: error });
      assert.equal(reader.explainTlsError(wrapped), error);
      assert.ok(reader.formatError(wrapped).startsWith(`${error.code}: `));
    }
  }
}
for (const maker of stores) {
  const error = new maker.NotWrittenError('refused', new Error('out of memory'));
  for (const reader of stores) assert.ok(error instanceof reader.NotWrittenError);
  assert.equal(new Proxy({}, { get: () => () => {} }) instanceof maker.NotWrittenError, false);
}
for (const reader of Object.values(copies)) {
  assert.equal(new Error() instanceof reader.McpTlsError, false);
  assert.equal(null instanceof reader.StoreError, false);
}

function thrownBy(run) {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

'use strict';
const assert = require('node:assert/strict');
const { McpTlsError } = require('mcp-tls/core');
const { heldCertificate } = require('mcp-tls/testing');

(async () => {
  assert.match((await heldCertificate()).pem, /BEGIN CERTIFICATE/);
  await assert.rejects(
    heldCertificate({ key: 'none such' }),
    (error) => error instanceof McpTlsError,
  );
})();

'use strict';
const assert = require('node:assert/strict');
const { isMcpTlsError } = require('mcp-tls/core');
const { heldCertificate } = require('mcp-tls/testing');

(async () => {
  assert.match((await heldCertificate()).certificatePem, /BEGIN CERTIFICATE/);
  await assert.rejects(heldCertificate({ key: 'none such' }), isMcpTlsError);
})();

'use strict';
// As Jest has it: the package sees a `process` whose `env` is a copy, and Node.js itself does not.
const assert = require('node:assert/strict');
const https = require('node:https');
const Module = require('node:module');

globalThis.copiedProcess = Object.create(process, { env: { value: { ...process.env } } });
const compile = Module.prototype._compile;
Module.prototype._compile = function (code, file, ...rest) {
  const isOurs = file.includes('mcp-tls');
  const text = isOurs ? `const process = globalThis.copiedProcess;${code}` : code;
  return Reflect.apply(compile, this, [text, file, ...rest]);
};
const { definePinningTests, formatReport, pinningBattery } = require('mcp-tls/testing');

/** Trusts what NODE_TLS_REJECT_UNAUTHORIZED lets it: it must not look as if it had withstood. */
const makeClient = (policy) => (url) =>
  new Promise((resolve, reject) => {
    https
      .get(url, { ca: policy.ca, agent: false }, (response) => {
        response.resume();
        resolve({
          status: response.statusCode,
          headers: new Headers(),
          body: null,
          text: async () => '',
        });
      })
      .on('error', reject);
  });

const include = ['environment-chain', 'environment-name', 'key-p256'];
(async () => {
  const report = await pinningBattery(makeClient, { include });
  assert.deepEqual(
    report.results.map(({ id, got, passed }) => [id, got, passed]),
    [
      ['environment-chain', 'not made', null],
      ['environment-name', 'not made', null],
      ['key-p256', 'works', true],
    ],
  );
  assert.match(formatReport(report), /attacks refused {2}0 of 0, 2 not made/);
  const skipped = [];
  const it = Object.assign(() => {}, { skip: (name) => skipped.push(name) });
  definePinningTests({ describe: (_name, body) => body(), it }, makeClient, { include });
  assert.equal(skipped.length, 2);
  assert.match(skipped[0], /\(not made: process\.env is a copy here, as under Jest: .*\)$/);
})();

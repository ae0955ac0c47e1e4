import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, inject, it } from 'vitest';
import { bundleSize } from '../../scripts/bundle-size.js';

/** What comes along when an application bundles one export, by `npm run sizes` of the packed package. */

const fileOf = (entry: 'index' | 'core') =>
  join(inject('withSdk'), 'node_modules/mcp-tls/dist', `${entry}.js`);

const packagesOf = (inputs: readonly string[]) => [
  ...new Set(
    inputs.map((path) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]).filter(Boolean),
  ),
];

it.each([
  // Up to twice what each takes, so that a table or the SDK would be noticed, and a fix would not.
  ['isSelfSignedPem', 20_000],
  ['describeCertificate', 32_000],
  ['explainTlsError', 4_000],
  ['formatError', 6_000],
  ['TlsTrustError', 6_000],
  ['parseTrust', 60_000],
  ['fetchPeerCertificate', 120_000],
  ['makeCustomClientFactory', 200_000],
])('%s alone brings no dependency from either entry, and at most %i bytes', async (name, most) => {
  const [all, core] = [
    await bundleSize(fileOf('index'), [name], true),
    await bundleSize(fileOf('core'), [name], true),
  ];
  expect(packagesOf(all.inputs)).toEqual(['mcp-tls']);
  expect(all.bytes).toBeLessThanOrEqual(most);
  expect(all.bytes).toBe(core.bytes);
});

it('would notice the SDK: a transport brings it', async () => {
  const { inputs } = await bundleSize(fileOf('index'), ['streamableHttpClient'], true);
  expect(packagesOf(inputs)).toContain('@modelcontextprotocol/sdk');
});

it('has no module in two copies: what entries share is shared', () => {
  const dist = join(inject('withSdk'), 'node_modules/mcp-tls/dist');
  const texts = ['index.js', 'core.js'].map((file) => readFileSync(join(dist, file), 'utf8'));
  for (const text of texts) expect(text).not.toMatch(/^(?:class|function|var) /m);
});

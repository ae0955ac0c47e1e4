import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { drawFlames } from '../../../bench/profile/draw-flames.js';
import { ownerOf } from '../../../bench/profile/owner-of.js';
import { framesOf, readProfile } from '../../../bench/profile/read-profile.js';

const folder = mkdtempSync(join(tmpdir(), 'mcp-tls-profile-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Two calls of `send`, one of them with undici beneath, and a time of waiting. */
function writeProfile(): string {
  const frame = (functionName: string, url = '') => ({ functionName, url });
  const file = join(folder, 'one.cpuprofile');
  const profile = {
    nodes: [
      { id: 1, callFrame: frame('(root)'), children: [2, 4, 5] },
      {
        id: 2,
        callFrame: frame('send', 'file:///x/node_modules/mcp-tls/dist/a.js'),
        children: [3],
      },
      { id: 3, callFrame: frame('<write>', 'file:///x/node_modules/undici/lib/b.js') },
      { id: 4, callFrame: frame('send', 'file:///x/node_modules/mcp-tls/dist/a.js') },
      { id: 5, callFrame: frame('(idle)') },
    ],
    samples: [2, 3, 4, 5],
    timeDeltas: [100, 300, 50, 9_000],
  };
  writeFileSync(file, JSON.stringify(profile));
  return file;
}

describe('ownerOf', () => {
  it.each([
    ['run', 'file:///x/.cache/bench/1/node_modules/mcp-tls/dist/core.js', 'mcp-tls'],
    ['dispatch', 'file:///x/node_modules/undici/lib/dispatcher/client.js', 'undici'],
    ['wasm-function[3]', 'wasm://wasm/00034eea', 'undici'],
    ['fetch', 'node:internal/deps/undici/undici', 'undici'],
    ['parse', 'file:///x/node_modules/zod/v4/core/parse.js', 'the SDK and zod'],
    ['send', 'file:///x/node_modules/@modelcontextprotocol/sdk/dist/a.js', 'the SDK and zod'],
    ['readLoop', 'node:internal/webstreams/readablestream', 'Node.js: web streams'],
    ['onread', 'node:internal/stream_base_commons', 'Node.js: TLS, net, streams'],
    ['requestOCSP', 'node:_tls_wrap', 'Node.js: TLS, net, streams'],
    ['listOnTimeout', 'node:internal/timers', 'Node.js: the rest'],
    ['(garbage collector)', '', 'garbage collection'],
    ['writev', '', 'native code and the kernel'],
    ['batch', 'file:///x/.cache/bench/1/calls.js', 'the bench'],
  ])('gives %s of %s to %s', (name, url, owner) => {
    expect(ownerOf(name, url)).toBe(owner);
  });
});

describe('readProfile', () => {
  it('adds up the calls of a function from one place, and leaves out waiting', async () => {
    const root = await readProfile(writeProfile());
    expect(root.totalUs).toBe(450);
    const frames = [...framesOf(root)].map(({ name, selfUs, totalUs }) => [name, selfUs, totalUs]);
    expect(frames).toEqual([
      ['all', 0, 450],
      ['send', 150, 450],
      ['<write>', 300, 300],
    ]);
  });
});

describe('drawFlames', () => {
  it('draws a bar for each function over its caller, as wide as its share', async () => {
    const svg = drawFlames('a & b', await readProfile(writeProfile()));
    expect(svg).toContain('a &amp; b');
    expect(svg).toContain('<title>send (mcp-tls), 100.0 %</title>');
    expect(svg).toMatch(/<title>&lt;write&gt; \(undici\), 66\.7 %<\/title><rect x="402\.7"/);
  });
});

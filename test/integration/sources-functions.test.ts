import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import {
  checkTrust,
  explainTlsError,
  fetchPeerCertificate,
  fromFile,
  makeCustomClientFactory,
  originFetch,
  TlsConfigError,
} from '../../src/index.js';
import type { HeldCertificate } from '../../src/testing/index.js';
import {
  cleanups,
  factoryOf,
  folder,
  heard,
  newCa,
  oldCa,
  oldLeaf,
  pemOf,
  replace,
  serve,
} from './sources-setup.js';

describe('a function as a source', () => {
  it('is asked before each request, and what it says then holds', async () => {
    let ca = pemOf(oldCa);
    const server = await serve();
    const client = factoryOf({ ca: () => ca })({ url: server.url });
    await (await client(server.url)).text();
    ca = pemOf(newCa);
    const error = await client(server.url).catch(explainTlsError);
    expect(error).toMatchObject({ code: 'MCP_TLS_UNKNOWN_ISSUER' });
  });

  it('that throws or gives a promise leaves what it gave before in use', async () => {
    let answer: () => unknown = () => pemOf(oldCa);
    const failed = heard('mcp-tls:source-failed');
    const server = await serve();
    const client = factoryOf({ ca: () => answer() as string })({ url: server.url });
    answer = () => {
      throw new Error('geheim');
    };
    expect((await client(server.url)).status).toBe(200);
    answer = () => Promise.reject(new Error('geheim'));
    expect((await client(server.url)).status).toBe(200);
    expect(failed).toHaveLength(1);
    expect(JSON.stringify(failed)).not.toContain('geheim');
    for (const nothing of ['', new Uint8Array(), undefined, null, 5]) {
      const ask = () => nothing as string;
      expect(() => makeCustomClientFactory({ ca: ask, roots: 'default' })).toThrow(/gave none/);
    }
    expect(() => makeCustomClientFactory({ ca: () => Promise.resolve('') as never })).toThrow(
      /must answer at once/,
    );
  });
});

describe('sources elsewhere', () => {
  it('are read anew by a probe under a policy that was checked before', async () => {
    const path = join(folder(), 'ca.crt');
    writeFileSync(path, pemOf(newCa));
    const trust = checkTrust({ ca: fromFile(path) });
    const server = await serve();
    expect((await fetchPeerCertificate(server.url, { trust })).trusted).toBe(false);
    writeFileSync(path, pemOf(oldCa));
    expect((await fetchPeerCertificate(server.url, { trust })).trusted).toBe(true);
  });

  it('share connections in originFetch, however often the policy is made anew', async () => {
    const path = join(folder(), 'ca.crt');
    writeFileSync(path, pemOf(oldCa));
    const server = await serve();
    const hostFetch = originFetch(() => ({ ca: fromFile(path) }));
    cleanups.push(() => hostFetch.close());
    for (let i = 0; i < 3; i++) await (await hostFetch(server.url)).text();
    expect(server.records.handshakes).toBe(1);
  });
});

describe('trust that was checked before', () => {
  it.each(['', 'no certificate', undefined])(
    'is no way back to what was withdrawn since, where the file holds %j',
    async (text) => {
      const path = join(folder(), 'ca.crt');
      writeFileSync(path, pemOf(oldCa));
      const trust = checkTrust({ ca: fromFile(path) });
      replace(path, pemOf(newCa));
      if (text === undefined) rmSync(path);
      else writeFileSync(path, text);
      const server = await serve();
      expect(() => makeCustomClientFactory(trust)).toThrow(TlsConfigError);
      await expect(fetchPeerCertificate(server.url, { trust })).rejects.toThrow(TlsConfigError);
    },
  );
});

describe('what is no source', () => {
  it('the trust of a proxy is not followed, and takes none', () => {
    const path = join(folder(), 'ca.crt');
    writeFileSync(path, pemOf(oldCa));
    const proxy = { url: 'https://proxy.example:3128', trust: { ca: fromFile(path) } };
    expect(() => makeCustomClientFactory(null, { proxy })).toThrow(/proxy.trust names a file/);
  });

  it.each(['keyPem', 'pem'] as const)('base64 of a %s is no path, and is not shown', (kind) => {
    const text = (oldLeaf as HeldCertificate)[kind].replace(/-----.*-----/g, '').trim();
    for (const given of [text, text.replace(/\n/g, ''), `file:${text.replace(/\n/g, '')}`]) {
      let shown = '';
      try {
        fromFile(given);
      } catch (error) {
        shown = inspect(error, { depth: 9 });
      }
      expect(shown).toContain('MCP_TLS_INVALID_ARGUMENT');
      expect(shown).not.toContain(text.slice(0, 30));
    }
  });

  it('a function whose answer throws when it is looked at is refused without that error', () => {
    const answer = Object.defineProperty({}, 'then', {
      get: () => {
        throw new Error('S3CRET');
      },
    });
    const ca = () => answer as string;
    expect(() => checkTrust({ ca })).toThrow(TlsConfigError);
    expect(() => checkTrust({ ca })).not.toThrow(/S3CRET/);
  });
});

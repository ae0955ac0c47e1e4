import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type HeldCertificate,
  heldCertificate,
  type Interceptor,
  type McpTestServer,
  startInterceptor,
  startMcpServer,
} from '../../src/testing/index.js';
import { startWorker, type Worker } from '../store/workers/start-worker.js';

/**
 * docs/migration is code: what its pages show before and after is run, against a self-signed server and
 * against a man in the middle who has a certificate of his own.
 */

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const WORKER = fileURLToPath(new URL('support/page-worker.ts', import.meta.url));
const TOKEN = 'secret-of-the-server';

const cleanups: (() => Promise<unknown>)[] = [];
let folder: string;
let certificate: HeldCertificate;
/** As `openssl req -x509` makes them: a server's own, and an authority by its extensions. */
let openssl: HeldCertificate;
let server: McpTestServer;
let middle: Interceptor;
/** A man in the middle who has the key of the openssl server, and a certificate that it signed. */
let forger: Interceptor;
/** For pages that change nothing of their process. */
let worker: Worker;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mcp-tls-migration-'));
  cleanups.push(() => rm(folder, { recursive: true }));
  certificate = await heldCertificate();
  openssl = await heldCertificate({ isCa: true, dns: ['localhost'], ip: ['127.0.0.1'] });
  server = await startMcpServer({ certificate });
  cleanups.push(() => server.close());
  middle = await startInterceptor(server, { certificate: await heldCertificate() });
  cleanups.push(() => middle.close());
  const forged = await heldCertificate({ signedBy: openssl, commonName: 'another server' });
  forger = await startInterceptor(server, { certificate: forged });
  cleanups.push(() => forger.close());
  worker = await start();
});
afterAll(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** The `ts` fences of a page, as files. They lie in this package, so that they find what they import. */
async function fences(page: string): Promise<string[]> {
  const text = await readFile(join(ROOT, 'docs/migration', page), 'utf8');
  const directory = join(ROOT, '.cache/migration');
  await mkdir(directory, { recursive: true });
  const codes = [...text.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(([, code]) => code as string);
  return Promise.all(
    codes.map(async (code, i) => {
      const file = join(directory, `${page.replace('.md', '')}-${i}.mts`);
      await writeFile(file, code);
      return file;
    }),
  );
}

async function start(env: Readonly<Record<string, string>> = {}): Promise<Worker> {
  // The package's name stands for its sources.
  const paths = { TSX_TSCONFIG_PATH: join(ROOT, 'tsconfig.test.json') };
  const worker = await startWorker(WORKER, { env: { ...paths, ...env } });
  cleanups.push(() => worker.kill());
  return worker;
}

const mcp = ({ url }: { readonly url: string }): string => `${url}/mcp`;

/** The credentials that the interceptor could read. */
function tokensRead(): readonly string[] {
  const read = middle.records.requests.map(({ headers }) => headers.authorization ?? '');
  middle.clearRecords();
  return [...new Set(read)];
}

async function file(name: string, ...certificates: HeldCertificate[]): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, certificates.map((one) => one.pem).join(''));
  return path;
}

describe('own-fetch.md', () => {
  it('before: fails, or gives the token to anybody; after: works, and refuses an interceptor', async () => {
    const [before, after, wrapped] = await fences('own-fetch.md');
    const settings = { url: server.mcpUrl, token: TOKEN };
    expect(await worker.call('callTool', before, 'connect', { ...settings, verifyTls: true })).toBe(
      'DEPTH_ZERO_SELF_SIGNED_CERT',
    );
    const unverified = { url: mcp(middle), token: TOKEN, verifyTls: false };
    expect(await worker.call('callTool', before, 'connect', unverified)).toBe('ok');
    expect(tokensRead()).toEqual([`Bearer ${TOKEN}`]);

    const trusting = { token: TOKEN, certificate: certificate.pem };
    const works = { ...trusting, url: server.mcpUrl };
    expect(await worker.call('callTool', after, 'connect', works)).toBe('ok');
    expect(server.records.requests.at(-1)?.headers.authorization).toBe(`Bearer ${TOKEN}`);
    const attacked = { ...trusting, url: mcp(middle) };
    expect(await worker.call('callTool', after, 'connect', attacked)).toBe('MCP_TLS_SELF_SIGNED');
    const pem = certificate.pem;
    expect(await worker.call('counted', wrapped, server.mcpUrl, pem)).toEqual(['ok']);
    const refused = Array(2).fill('MCP_TLS_SELF_SIGNED');
    expect(await worker.call('counted', wrapped, mcp(middle), pem)).toEqual(refused);
    expect(middle.records.applicationBytes).toBe(0);
  });
});

describe('undici-agent.md', () => {
  it('before: anybody, no notifications, and the whole process; after: this server, all of it', async () => {
    const [global, unverified, after] = await fences('undici-agent.md');
    // A server that the default roots trust, as public ones are.
    const root = await heldCertificate({ isCa: true });
    const leaf = await heldCertificate({ signedBy: root });
    const elsewhere = await startMcpServer({ certificate: leaf });
    cleanups.push(() => elsewhere.close());
    const own = await start({ NODE_EXTRA_CA_CERTS: await file('root.pem', root) });

    expect(await own.call('callTool', unverified, 'connectUnverified', mcp(middle))).toBe('ok');
    expect(await own.call('beNotified', unverified, 'connectUnverified', server.mcpUrl)).toBe(
      'DEPTH_ZERO_SELF_SIGNED_CERT',
    );
    expect(await own.call('otherFetch', elsewhere.url)).toBe('ok');
    const bundle = await file('bundle.pem', certificate, openssl);
    expect(await own.call('run', global, 'trust', bundle)).toBe('ok');
    expect(await own.call('otherFetch', elsewhere.url)).toMatch(/UNABLE_TO_VERIFY|SELF_SIGNED/);
    expect(await own.call('callTool', global, 'connect', server.mcpUrl)).toBe('ok');
    expect(await own.call('callTool', global, 'connect', mcp(forger))).toBe('ok');
    middle.clearRecords();
    forger.clearRecords();

    const notifying = setInterval(() => void server.notifyToolListChanged(), 20);
    cleanups.push(async () => clearInterval(notifying));
    const pem = certificate.pem;
    expect(await own.call('undiciServer', after, server.mcpUrl, pem)).toEqual(['ok', 'ok', 'ok']);
    const refused = Array(3).fill('MCP_TLS_SELF_SIGNED');
    expect(await own.call('undiciServer', after, mcp(middle), pem)).toEqual(refused);
    const forged = await own.call('undiciServer', after, mcp(forger), openssl.pem);
    expect(forged).toEqual(Array(3).fill('MCP_TLS_UNKNOWN_ISSUER'));
    expect([middle, forger].map(({ records }) => records.applicationBytes)).toEqual([0, 0]);
  });
});

describe('axios.md', () => {
  it('before: gives the token to anybody, or to whoever has the key of another; after: neither', async () => {
    const [axios, nodeFetch, after] = await fences('axios.md');
    const json = await startMcpServer({ certificate, jsonResponse: true });
    cleanups.push(() => json.close());
    const clientInfo = { name: 'page', version: '1.0.0' };
    const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo };
    const initialize = { jsonrpc: '2.0', id: 1, method: 'initialize', params };

    expect(await worker.call('run', axios, 'post', mcp(middle), TOKEN, initialize)).toBe('ok');
    expect(tokensRead()).toEqual([`Bearer ${TOKEN}`]);
    const bundle = await file('axios.pem', certificate, openssl);
    for (const url of [json.mcpUrl, server.mcpUrl, mcp(forger)]) {
      expect(await worker.call('callTool', nodeFetch, 'connect', url, bundle)).toBe('ok');
    }

    const rest = [certificate.pem, TOKEN];
    expect(await worker.call('axiosServer', after, initialize, json.mcpUrl, ...rest)).toEqual([
      'ok',
      'ok',
    ]);
    expect(await worker.call('axiosServer', after, initialize, mcp(middle), ...rest)).toEqual([
      'MCP_TLS_SELF_SIGNED',
      'MCP_TLS_SELF_SIGNED',
    ]);
    forger.clearRecords();
    const other = [mcp(forger), openssl.pem, TOKEN];
    expect(await worker.call('axiosServer', after, initialize, ...other)).toEqual(
      Array(2).fill('MCP_TLS_UNKNOWN_ISSUER'),
    );
    expect([middle, forger].map(({ records }) => records.applicationBytes)).toEqual([0, 0]);
  });
});

describe('node-extra-ca-certs.md', () => {
  it('before: one server is any other, or anybody is; after: neither, with the variables still set', async () => {
    const [before, open, move] = await fences('node-extra-ca-certs.md');
    const nameless = await heldCertificate({ commonName: '127.0.0.1', san: 'none' });
    const byName = await startMcpServer({ certificate: nameless });
    cleanups.push(() => byName.close());
    const bundle = await file('extra.pem', certificate, openssl, nameless);
    const [anybody, extra] = await Promise.all([
      start({ NODE_TLS_REJECT_UNAUTHORIZED: '0', NODE_NO_WARNINGS: '1' }),
      start({ NODE_EXTRA_CA_CERTS: bundle }),
    ]);

    expect(await anybody.call('callTool', before, 'connect', mcp(middle))).toBe('ok');
    expect(await extra.call('callTool', before, 'connect', mcp(middle))).toBe(
      'DEPTH_ZERO_SELF_SIGNED_CERT',
    );
    expect(await extra.call('callTool', before, 'connect', server.mcpUrl)).toBe('ok');
    expect(await extra.call('callTool', before, 'connect', mcp(forger))).toBe('ok');
    expect(await extra.call('callTool', before, 'connect', byName.mcpUrl)).toBe(
      'ERR_TLS_CERT_ALTNAME_INVALID',
    );

    // Now registered; and then somebody sits down in the way.
    const genuine = await startMcpServer({ certificate: openssl });
    cleanups.push(() => genuine.close());
    const leaf = await heldCertificate({ signedBy: openssl });
    const way = await startInterceptor(genuine, { certificate: leaf, mode: 'passthrough' });
    cleanups.push(() => way.close());
    for (const [i, own] of [anybody, extra].entries()) {
      way.switchTo('passthrough');
      const place = [join(folder, `store-${i}`), randomBytes(32).toString('base64url')];
      const moved = ['a', mcp(way), openssl.fingerprint];
      expect(await own.call('moveToRegistry', open, move, place, moved)).toBe('ok');
      expect(await own.call('callRegistered', move, 'a')).toBe('ok');
      way.switchTo('terminate');
      way.dropConnections();
      expect(await own.call('callRegistered', move, 'a')).toBe('MCP_TLS_UNKNOWN_ISSUER');
      expect(way.records.applicationBytes).toBe(0);
    }
  });
});

describe('README.md', () => {
  it('proves by the battery what it says is proven', async () => {
    const [, proof] = await fences('README.md');
    const include = ['impostor-self-signed', 'environment-chain', 'http-post'];
    expect(await worker.call('run', proof, 'prove', { include })).toBe('ok');
  });
});

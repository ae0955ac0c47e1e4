import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  checkTrust,
  type DiagnosticChannel,
  explainTlsError,
  fetchPeerCertificate,
  fromFile,
  makeCustomClientFactory,
  onDiagnostic,
  originFetch,
  streamableHttpClient,
  TlsConfigError,
  type TrustInput,
} from '../../src/index.js';
import {
  type HeldCertificate,
  heldCertificate,
  startMcpServer,
  startTlsServer,
  type TlsServer,
} from '../../src/testing/index.js';
import { eventually } from '../support/waiting.js';

/** Trust that lives: files and functions as sources of certificates, lists and keys. */

const cleanups: (() => unknown)[] = [];
let [oldCa, newCa]: HeldCertificate[] = [];
let [oldLeaf, newLeaf]: HeldCertificate[] = [];
let directory = '';

beforeAll(async () => {
  oldCa = await heldCertificate({ isCa: true, commonName: 'old CA' });
  newCa = await heldCertificate({ isCa: true, commonName: 'new CA' });
  oldLeaf = await heldCertificate({ signedBy: oldCa });
  newLeaf = await heldCertificate({ signedBy: newCa });
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function folder(): string {
  directory = mkdtempSync(join(tmpdir(), 'mcp-tls-sources-'));
  cleanups.push(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** As cert-manager and its like do: whole, and then in place at once. */
function replace(path: string, text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

async function serve(certificate = oldLeaf as HeldCertificate): Promise<TlsServer> {
  const server = await startTlsServer({
    certificate,
    keepAliveMs: 0,
    onRequest: (request, response) => {
      if (!request.url?.startsWith('/stream')) return void response.end('ok');
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const timer = setInterval(() => response.write('data: x\n\n'), 20);
      response.once('close', () => clearInterval(timer));
    },
  });
  cleanups.push(() => server.close());
  return server;
}

function factoryOf(trust: TrustInput) {
  const factory = makeCustomClientFactory(trust);
  cleanups.push(() => factory.close());
  return factory;
}

function heard<Name extends DiagnosticChannel>(channel: Name) {
  const messages: unknown[] = [];
  const listening = onDiagnostic(channel, (message) => void messages.push(message));
  cleanups.push(() => listening[Symbol.dispose]());
  return messages;
}

const pemOf = (...held: (HeldCertificate | undefined)[]) => held.map((one) => one?.pem).join('');

/** Reads a stream until it ends; says with what. */
async function endOf(response: Response): Promise<unknown> {
  try {
    for await (const _ of response.body as ReadableStream<Uint8Array>);
    return 'ended';
  } catch (error) {
    return explainTlsError(error)?.code;
  }
}

describe('a CA in a file', () => {
  it('is trusted by new connections once another was renamed into its place', async () => {
    const path = join(folder(), 'ca.crt');
    writeFileSync(path, pemOf(oldCa));
    const changed = heard('mcp-tls:source-changed');
    const server = await serve();
    const client = factoryOf({ ca: fromFile(path) })({ url: server.url });
    expect((await client(server.url)).status).toBe(200);
    server.rotate(newLeaf as HeldCertificate);
    replace(path, pemOf(newCa));
    await eventually(() => expect(changed).toHaveLength(1));
    expect(changed[0]).toMatchObject({ files: [path], anchors: 1, keeps: false });
    expect((await client(server.url)).status).toBe(200);
  });

  it('ends streams over connections whose anchor was taken away, and they say why', async () => {
    const path = join(folder(), 'ca.crt');
    writeFileSync(path, pemOf(oldCa, newCa));
    const server = await serve();
    const client = factoryOf({ ca: fromFile(path) })({ url: server.url });
    const stream = await client(`${server.url}/stream`);
    replace(path, pemOf(newCa));
    expect(await endOf(stream)).toBe('MCP_TLS_CLOSED');
    const error = await client(server.url).catch(explainTlsError);
    expect(error).toMatchObject({ code: 'MCP_TLS_UNKNOWN_ISSUER' });
  });

  it('interrupts nothing where another was added, and new requests get new connections', async () => {
    const path = join(folder(), 'ca.crt');
    writeFileSync(path, pemOf(oldCa));
    const changed = heard('mcp-tls:source-changed');
    const server = await serve();
    const client = factoryOf({ ca: fromFile(path) })({ url: server.url });
    await (await client(server.url)).text();
    const stream = await client(`${server.url}/stream`);
    const reader = (stream.body as ReadableStream<Uint8Array>).getReader();
    replace(path, pemOf(oldCa, newCa));
    await eventually(() => expect(changed).toHaveLength(1));
    expect(changed[0]).toMatchObject({ keeps: true });
    const before = server.records.handshakes;
    await (await client(server.url)).text();
    expect(server.records.handshakes).toBe(before + 1);
    for (let i = 0; i < 5; i++) expect((await reader.read()).done).toBe(false);
    await reader.cancel();
    await eventually(() => expect(server.openConnections).toBe(1));
  });

  it('holds for a connection that was being made when it changed, and the request is not lost', async () => {
    const path = join(folder(), 'ca.crt');
    writeFileSync(path, pemOf(oldCa));
    const changed = heard('mcp-tls:source-changed');
    const server = await serve(newLeaf);
    const client = factoryOf({ ca: fromFile(path) })({ url: server.url });
    server.stall('handshake');
    const answer = client(server.url);
    await eventually(() => expect(server.openConnections).toBe(1));
    server.recover();
    replace(path, pemOf(newCa));
    expect((await answer).status).toBe(200);
    expect(changed).toHaveLength(1);
  });

  it('is followed in the policies of further origins, and by transports', async () => {
    const path = join(folder(), 'ca.crt');
    writeFileSync(path, pemOf(oldCa, newCa));
    const own = await serve(newLeaf);
    const other = await serve();
    const factory = makeCustomClientFactory(
      { ca: pemOf(newCa) },
      { origins: { [other.url]: { ca: fromFile(path) } } },
    );
    cleanups.push(() => factory.close());
    const client = factory({ url: own.url });
    const [stays, ends] = [await client(`${own.url}/stream`), await client(`${other.url}/stream`)];
    replace(path, pemOf(newCa));
    expect(await endOf(ends)).toBe('MCP_TLS_CLOSED');
    const reader = (stays.body as ReadableStream<Uint8Array>).getReader();
    for (let i = 0; i < 5; i++) expect((await reader.read()).done).toBe(false);
    await reader.cancel();
  });

  it('ends a call over a transport whose trust was taken away, and the next one is refused', async () => {
    const path = join(folder(), 'ca.crt');
    writeFileSync(path, pemOf(oldCa));
    const server = await startMcpServer({ certificate: oldLeaf as HeldCertificate });
    cleanups.push(() => server.close());
    const client = new Client({ name: 'test', version: '1' });
    const url = `${server.url}/mcp`;
    await client.connect(streamableHttpClient(url, { trust: { ca: fromFile(path) } }) as Transport);
    cleanups.push(() => client.close());
    const { tools } = await client.listTools();
    expect(tools.length).toBeGreaterThan(0);
    const changed = heard('mcp-tls:source-changed');
    replace(path, pemOf(newCa));
    await eventually(() => expect(changed).toHaveLength(1));
    const error = await client.listTools().catch(explainTlsError);
    expect(error).toMatchObject({ code: 'MCP_TLS_UNKNOWN_ISSUER' });
  });

  it('is followed through the symlinks of a Kubernetes mount', async () => {
    const base = folder();
    const mount = (name: string, text: string): void => {
      mkdirSync(join(base, name));
      writeFileSync(join(base, name, 'ca.crt'), text);
      symlinkSync(name, join(base, '..data_tmp'));
      renameSync(join(base, '..data_tmp'), join(base, '..data'));
    };
    mount('..2026_1', pemOf(oldCa));
    symlinkSync('..data/ca.crt', join(base, 'ca.crt'));
    const changed = heard('mcp-tls:source-changed');
    const server = await serve();
    const client = factoryOf({ ca: fromFile(join(base, 'ca.crt')) })({ url: server.url });
    await (await client(server.url)).text();
    mount('..2026_2', pemOf(newCa));
    rmSync(join(base, '..2026_1'), { recursive: true });
    await eventually(() => expect(changed).toHaveLength(1));
    expect(await client(server.url).catch(explainTlsError)).toMatchObject({
      code: 'MCP_TLS_UNKNOWN_ISSUER',
    });
  });

  it.each([
    ['empty', (path: string) => writeFileSync(path, ''), /is empty/],
    ['half written', (path: string) => writeFileSync(path, pemOf(newCa).slice(0, 400)), /PEM/],
    ['deleted', (path: string) => rmSync(path), /cannot be read \(ENOENT\)/],
    [
      'a directory',
      (path: string) => {
        rmSync(path);
        mkdirSync(path);
      },
      /cannot be read \(not a file\)/,
    ],
    [
      'a dangling symlink',
      (path: string) => {
        rmSync(path);
        symlinkSync('nowhere', path);
      },
      /cannot be read \(ENOENT\)/,
    ],
    ['too large', (path: string) => writeFileSync(path, ' '.repeat(8_388_609)), /more than 8 MiB/],
  ])('that is %s stays as it was, and that is reported', async (_, spoil, message) => {
    const path = join(folder(), 'ca.crt');
    writeFileSync(path, pemOf(oldCa));
    const failed = heard('mcp-tls:source-failed');
    const server = await serve();
    const client = factoryOf({ ca: fromFile(path) })({ url: server.url });
    await (await client(server.url)).text();
    spoil(path);
    await eventually(() => expect(failed).toHaveLength(1));
    expect(failed[0]).toMatchObject({ files: [path], message: expect.stringMatching(message) });
    expect(JSON.stringify(failed)).not.toContain('BEGIN');
    server.dropConnections();
    expect((await client(server.url)).status).toBe(200);
    rmSync(path, { recursive: true, force: true });
    writeFileSync(path, pemOf(newCa));
    await eventually(async () => {
      const error = await client(server.url).catch(explainTlsError);
      expect(error).toMatchObject({ code: 'MCP_TLS_UNKNOWN_ISSUER' });
    });
  });

  it.each(['ca', 'crl', 'clientCertificate'] as const)(
    'that cannot be read as %s throws where the factory is made',
    (field) => {
      const missing = fromFile(join(folder(), 'missing'));
      const trust = {
        ca: pemOf(oldCa),
        [field]: field === 'clientCertificate' ? { cert: missing, key: missing } : missing,
      };
      expect(() => makeCustomClientFactory(trust as TrustInput)).toThrow(TlsConfigError);
      expect(() => checkTrust(trust as TrustInput)).toThrow(/missing" cannot be read \(ENOENT\)/);
    },
  );
});

describe('a client certificate in two files', () => {
  it('is replaced as a pair, and a half of one changes nothing', async () => {
    const base = folder();
    const [cert, key] = [join(base, 'tls.crt'), join(base, 'tls.key')];
    const clientCa = oldCa as HeldCertificate;
    const [first, second] = [
      await heldCertificate({ signedBy: clientCa }),
      await heldCertificate({ signedBy: clientCa }),
    ];
    writeFileSync(cert, first.pem);
    writeFileSync(key, first.keyPem);
    const shown = new Set<string>();
    const server = await startTlsServer({
      certificate: oldLeaf as HeldCertificate,
      clientCa,
      onRequest: ({ socket }, response) => {
        shown.add((socket as import('node:tls').TLSSocket).getPeerCertificate().fingerprint256);
        response.end('ok');
      },
    });
    cleanups.push(() => server.close());
    const failed = heard('mcp-tls:source-failed');
    const changed = heard('mcp-tls:source-changed');
    const clientCertificate = { cert: fromFile(cert), key: fromFile(key) };
    const client = factoryOf({ ca: pemOf(oldCa), clientCertificate })({ url: server.url });
    await (await client(server.url)).text();
    replace(cert, second.pem);
    await eventually(() => expect(failed).toHaveLength(1));
    expect(failed[0]).toMatchObject({ message: expect.stringMatching(/key is not the one/) });
    server.dropConnections();
    await (await client(server.url)).text();
    expect([...shown]).toEqual([first.fingerprint]);
    replace(key, second.keyPem);
    await eventually(() => expect(changed).toHaveLength(1));
    // No server is trusted less for it: what runs comes to its end.
    expect(changed[0]).toMatchObject({ keeps: true });
    await (await client(server.url)).text();
    expect([...shown]).toEqual([first.fingerprint, second.fingerprint]);
  });
});

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

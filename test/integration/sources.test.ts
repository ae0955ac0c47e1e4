import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { describe, expect, it } from 'vitest';
import {
  checkTrust,
  explainTlsError,
  fromFile,
  makeCustomClientFactory,
  streamableHttpClient,
  TlsConfigError,
  type TrustInput,
} from '../../src/index.js';
import {
  type HeldCertificate,
  heldCertificate,
  startMcpServer,
  startTlsServer,
} from '../../src/testing/index.js';
import { eventually } from '../support/waiting.js';
import {
  cleanups,
  endOf,
  factoryOf,
  folder,
  heard,
  newCa,
  newLeaf,
  oldCa,
  oldLeaf,
  pemOf,
  replace,
  serve,
} from './sources-setup.js';

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

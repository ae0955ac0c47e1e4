import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tls from 'node:tls';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  explainTlsError,
  fetchPeerCertificate,
  makeCustomClientFactory,
  type TrustInput,
} from '../../src/index.js';
import {
  type HeldCertificate,
  heldCertificate,
  startTlsServer,
  type TlsServer,
} from '../../src/testing/index.js';

/** What the environment of the process may do to us, and we to it. Each case is a process of its own. */

const ASK = fileURLToPath(new URL('../support/ask.ts', import.meta.url));
let certificate: HeldCertificate;
let server: TlsServer;
let folder: string;

beforeAll(async () => {
  certificate = await heldCertificate();
  server = await startTlsServer({ certificate });
  folder = await mkdtemp(join(tmpdir(), 'mcp-tls-'));
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

async function ask(
  environment: Record<string, string>,
  policy: TrustInput,
  flags: readonly string[] = [],
): Promise<string> {
  const args = [...flags, '--import', 'tsx', ASK, server.url, JSON.stringify(policy)];
  const env = { ...process.env, NODE_NO_WARNINGS: '1', ...environment };
  const { stdout } = await promisify(execFile)(process.execPath, args, { env });
  return stdout.trim();
}

describe('NODE_TLS_REJECT_UNAUTHORIZED=0', () => {
  const off = { NODE_TLS_REJECT_UNAUTHORIZED: '0' };

  it('does not make the default roots accept anybody', async () => {
    server.clearRecords();
    expect(await ask(off, null)).toBe('MCP_TLS_SELF_SIGNED');
    expect(server.records.applicationBytes).toBe(0);
  });

  it('does not undo an anchor', async () => {
    const other = await heldCertificate();
    expect(await ask(off, { ca: other.pem })).toBe('MCP_TLS_SELF_SIGNED');
    expect(await ask(off, { ca: certificate.pem })).toBe('200');
    const elsewhere = { ca: certificate.pem, serverName: 'other.example' };
    expect(await ask(off, elsewhere)).toBe('MCP_TLS_NAME_MISMATCH');
  });
});

describe('NODE_EXTRA_CA_CERTS', () => {
  const extra = async () => {
    const file = join(folder, 'extra.pem');
    await writeFile(file, certificate.pem);
    return { NODE_EXTRA_CA_CERTS: file };
  };
  const other = async () => (await heldCertificate()).pem;

  it('is part of the default roots, alone or beside anchors', async () => {
    expect(await ask(await extra(), null)).toBe('200');
    expect(await ask(await extra(), { ca: await other(), roots: 'default' })).toBe('200');
  });

  it('is not trusted where anchors replace the default roots', async () => {
    expect(await ask(await extra(), { ca: await other() })).toBe('MCP_TLS_SELF_SIGNED');
  });

  it('that cannot be read adds nothing and breaks nothing', async () => {
    const missing = { NODE_EXTRA_CA_CERTS: join(folder, 'missing.pem') };
    const both = { ca: certificate.pem, roots: 'default' } as const;
    expect(await ask(missing, both)).toBe('200');
    expect(await ask(missing, null)).toBe('MCP_TLS_SELF_SIGNED');
  });
});

describe("the default roots mean the same beside anchors as alone, where they are OpenSSL's or the system's", () => {
  const flags = ['--use-openssl-ca', '--use-system-ca'].filter((flag) =>
    process.allowedNodeEnvironmentFlags.has(flag),
  );

  it.each(flags)('%s', async (flag) => {
    const file = join(folder, 'openssl.pem');
    await writeFile(file, certificate.pem);
    const environment = { SSL_CERT_FILE: file };
    const other = await heldCertificate({ isCa: true });
    const both = { ca: other.pem, roots: 'default' } as const;
    const own = { ca: (await heldCertificate()).pem, roots: 'default' } as const;
    expect(await ask(environment, null, [flag])).toBe('200');
    expect(await ask(environment, both, [flag])).toBe('200');
    expect(await ask(environment, own, [flag])).toBe('200');
    expect(await ask(environment, { ca: other.pem }, [flag])).toBe('MCP_TLS_SELF_SIGNED');
    expect(await ask({}, both, [flag])).toBe('MCP_TLS_SELF_SIGNED');
  });
});

describe('a root that the process removed', () => {
  it.runIf('setDefaultCACertificates' in tls)(
    'is not trusted by factories that are made afterwards, alone or beside anchors',
    async () => {
      const { setDefaultCACertificates, getCACertificates } = tls as unknown as {
        setDefaultCACertificates(pems: readonly string[]): void;
        getCACertificates(type: 'default'): string[];
      };
      const before = getCACertificates('default');
      const beside = {
        ca: (await heldCertificate({ isCa: true })).pem,
        roots: 'default',
      } as const;
      const statusUnder = async (trust: TrustInput) => {
        const factory = makeCustomClientFactory(trust);
        try {
          return (await factory()(server.url)).status;
        } catch (error) {
          return explainTlsError(error)?.code;
        } finally {
          await factory.close();
        }
      };
      // Held, so that nothing cached goes away by itself.
      const held = [makeCustomClientFactory(null), makeCustomClientFactory(beside)];
      try {
        for (const trust of [null, beside])
          expect(await statusUnder(trust)).toBe('MCP_TLS_SELF_SIGNED');
        setDefaultCACertificates([...before, certificate.pem]);
        for (const trust of [null, beside]) expect(await statusUnder(trust)).toBe(200);
        setDefaultCACertificates(before);
        for (const trust of [null, beside])
          expect(await statusUnder(trust)).toBe('MCP_TLS_SELF_SIGNED');
      } finally {
        setDefaultCACertificates(before);
        for (const factory of held) await factory.close();
      }
    },
  );
});

describe('what we leave as it was', () => {
  it('a probe with verification off does not reach other connections', async () => {
    await fetchPeerCertificate(server.url);
    await expect(fetch(server.url)).rejects.toThrow(TypeError);
  });

  it('leaves the globals alone: fetch, dispatcher, environment', async () => {
    const code = `
      const dispatchers = () => ['1', '2'].map((n) => globalThis[Symbol.for('undici.globalDispatcher.' + n)]);
      // pkijs keeps its engine under the number of the process.
      const names = () => Object.getOwnPropertyNames(globalThis).filter((name) => name !== String(process.pid)).join();
      void globalThis.Response; // Node.js makes its own dispatcher at the first look
      const before = { names: names(), fetch, dispatchers: dispatchers(), env: JSON.stringify(process.env) };
      const { makeCustomClientFactory, fetchPeerCertificate } = await import(${JSON.stringify(fileURLToPath(new URL('../../src/core.ts', import.meta.url)))});
      const { pem } = await fetchPeerCertificate(process.argv[1]);
      const factory = makeCustomClientFactory(pem);
      if (!(await factory()(process.argv[1])).ok) throw new Error('not ok');
      await factory.close();
      const same = before.dispatchers.every((one, i) => one === undefined || one === dispatchers()[i]);
      console.log(JSON.stringify([same, before.fetch === fetch, before.env === JSON.stringify(process.env), before.names === names()]));
    `;
    const args = ['--import', 'tsx', '--input-type=module', '-e', code, server.url];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    expect(JSON.parse(stdout)).toEqual([true, true, true, true]);
  });
});

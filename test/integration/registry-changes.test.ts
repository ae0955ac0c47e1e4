import { beforeAll, describe, expect, it } from 'vitest';
import {
  type CertificateStore,
  createServerRegistry,
  explainTlsError,
  type RegisterOptions,
} from '../../src/index.js';
import {
  type HeldCertificate,
  heldCertificate,
  startTlsServer,
  type TlsServer,
} from '../../src/testing/index.js';
import { registryParts } from '../support/registry-parts.js';

/** What a change of the trust on record does to the clients in use, and what it leaves alone. */

const { cleanups, open } = registryParts();
let certificate: HeldCertificate;

beforeAll(async () => {
  certificate = await heldCertificate();
});

async function serve(held = certificate): Promise<TlsServer> {
  const server = await startTlsServer({
    certificate: held,
    onRequest: (request, response) => {
      if (!request.url?.startsWith('/stream')) {
        response.end('ok');
        return;
      }
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const timer = setInterval(() => response.write('data: x\n\n'), 20);
      response.once('close', () => clearInterval(timer));
    },
  });
  cleanups.push(() => server.close());
  return server;
}

const approved = (held = certificate): RegisterOptions => ({
  expectFingerprint: held.fingerprint,
});

/** Reads until the stream breaks, or for 1500 ms. */
async function endOf(response: Response): Promise<string | undefined> {
  const read = async (): Promise<string | undefined> => {
    try {
      for await (const _ of response.body as AsyncIterable<unknown>);
      return 'ended';
    } catch (error) {
      return explainTlsError(error)?.code;
    }
  };
  const open = new Promise<string>((resolve) => setTimeout(resolve, 1500, 'still open'));
  return Promise.race([read(), open]);
}

const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error) => explainTlsError(error)?.code,
  );

describe('client.close()', () => {
  it('ends streams that began before the trust was widened, too', async () => {
    const [server, registry] = [await serve(), open()];
    await registry.register('a', server.url, approved());
    const client = (await registry.clientFactory('a'))();
    const stream = await client(new URL('/stream', server.url));
    const other = (await heldCertificate()).pem;
    const ca = [certificate.pem, other];
    await registry.update('a', { trust: { ca, authority: false } });
    expect(await (await client(server.url)).text()).toBe('ok');
    const end = endOf(stream);
    await client.close();
    expect(await end).toBe('MCP_TLS_CLOSED');
  });
});

describe('trust in another origin', () => {
  it('that takes the place of the default roots ends what was open', async () => {
    const [server, registry] = [await serve(), open()];
    await registry.register('a', server.url, approved());
    const stream = await (await registry.clientFactory('a'))()(new URL('/stream', server.url));
    const end = endOf(stream);
    const trust = (await heldCertificate({ isCa: true })).pem;
    await registry.update('a', { origins: { 'https://login.example': trust } });
    expect(await end).toBe('MCP_TLS_CLOSED');
  });
});

describe('a renewal', () => {
  it('leaves the end of the approval as it was', async () => {
    const [server, registry] = [await serve(), open()];
    const expiresAt = new Date(Date.now() + 3_600_000);
    await registry.register('a', server.url, { ...approved(), expiresAt });
    const next = await heldCertificate();
    server.rotate(next);
    const { server: renewed } = await registry.renew('a', approved(next));
    expect(renewed).toMatchObject({ expiresAt, fingerprint: next.fingerprint });
  });

  it('replaces no policy of several certificates', async () => {
    const [server, registry] = [await serve(), open()];
    const other = await heldCertificate();
    const ca = [certificate.pem, other.pem];
    await registry.register('a', server.url, { trust: { ca, authority: false } });
    const next = await heldCertificate();
    server.rotate(next);
    const outcome = await codeOf(registry.renew('a', approved(next)));
    expect(outcome).toBe('MCP_TLS_INVALID_ARGUMENT');
    server.rotate(other);
    expect(await codeOf(registry.renew('a'))).toBeUndefined();
  });
});

describe('a closed registry', () => {
  it('looks at nothing and watches nothing', async () => {
    const [server, registry] = [await serve(), open()];
    await registry.close();
    expect(await codeOf(registry.inspect(server.url))).toBe('MCP_TLS_CLOSED');
    expect(() => registry.watch()).toThrow(expect.objectContaining({ code: 'MCP_TLS_CLOSED' }));
    expect(server.records.connections).toBe(0);
  });
});

describe('a record that is gone, and there again', () => {
  it('is not ended by a reading that began while it was gone', async () => {
    const { holdNext, store } = heldStore();
    const registry = createServerRegistry({ store });
    cleanups.push(() => registry.close());
    const server = await serve();
    await registry.register('a', server.url, approved());
    const old = (await registry.clientFactory('a'))();
    expect(await (await old(server.url)).text()).toBe('ok');
    await registry.revoke('a');
    const answer = holdNext();
    const late = codeOf(old(server.url));
    await registry.register('a', server.url, approved());
    const stream = await (await registry.clientFactory('a'))()(new URL('/stream', server.url));
    const end = endOf(stream);
    answer();
    await late;
    expect(await end).toBe('still open');
  });
});

it('a store that fails, and reports a change meanwhile, each time, is not asked for ever', async () => {
  let reads = 0;
  const listeners = new Set<() => void>();
  const store = {
    ...heldStore().store,
    async get() {
      reads++;
      await new Promise((resolve) => setTimeout(resolve, 5));
      throw new Error('down');
    },
    onChange(listener: () => void) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  } as unknown as CertificateStore;
  const registry = createServerRegistry({ store });
  cleanups.push(() => registry.close());
  const reporting = setInterval(() => {
    for (const listener of listeners) listener();
  }, 1);
  const asked = registry.clientFactory('a').then(
    () => 'made',
    (error: Error) => error.message,
  );
  expect(await asked).toMatch(/down|store/);
  clearInterval(reporting);
  expect(reads).toBeLessThan(100);
});

/** A host's own store, which says nothing of changes, and one of whose readings can be held up. */
function heldStore(): { readonly store: CertificateStore; holdNext(): () => void } {
  const records = new Map<string, { record: unknown; revision: number }>();
  let revision = 0;
  let held: Promise<void> | undefined;
  const store = {
    async get(id: string) {
      const was = records.get(id)?.record;
      const wait = held;
      held = undefined;
      await wait;
      return was;
    },
    async read(id: string) {
      const { record, revision = 0 } = records.get(id) ?? {};
      return { record, revision, expired: false };
    },
    async set(id: string, record: unknown) {
      records.set(id, { record, revision: ++revision });
      return revision;
    },
    async delete(id: string) {
      const was = records.get(id)?.record;
      records.set(id, { record: undefined, revision: ++revision });
      return was !== undefined;
    },
    async list() {
      return [...records].flatMap(([id, { record, revision }]) =>
        record === undefined ? [] : [{ id, revision }],
      );
    },
  } as unknown as CertificateStore;
  const holdNext = (): (() => void) => {
    let answer = (): void => {};
    held = new Promise((resolve) => {
      answer = resolve;
    });
    return answer;
  };
  return { store, holdNext };
}

import { runInNewContext } from 'node:vm';
import * as nodeFetch from 'node-fetch';
import * as undici from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type CustomClientFactory,
  explainTlsError,
  makeCustomClientFactory,
} from '../../src/index.js';
import { heldCertificate, startTlsServer, type TlsServer } from '../../src/testing/index.js';

/** Bodies and signals that are not of the platform's classes: of another library, or another realm. */

let server: TlsServer;
let factory: CustomClientFactory;

beforeAll(async () => {
  const certificate = await heldCertificate();
  server = await startTlsServer({
    certificate,
    onRequest: async (request, response) => {
      if (request.url === '/moved') {
        response.writeHead(307, { location: '/' }).end();
        return;
      }
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const { 'content-type': type, 'content-length': length } = request.headers;
      response.end(JSON.stringify({ type, length, body: Buffer.concat(chunks).toString() }));
    },
  });
  factory = makeCustomClientFactory(certificate.pem);
});
afterAll(async () => {
  await factory.close();
  await server.close();
});

interface Received {
  readonly type: string | undefined;
  readonly length: string | undefined;
  readonly body: string;
}

async function send(body: unknown, path = '/'): Promise<Received> {
  const init = { method: 'POST', body, duplex: 'half' } as RequestInit;
  return (await factory()(`${server.url}${path}`, init)).json() as Promise<Received>;
}

function form(FormData: new () => { append(name: string, ...value: unknown[]): void }): unknown {
  const data = new FormData();
  data.append('field', 'value');
  data.append('file', new nodeFetch.Blob(['content'], { type: 'text/x' }), 'name.txt');
  return data;
}

/** A stream as old ones were: not iterable. */
function oldStream(): unknown {
  const chunks = [new Uint8Array([111, 108]), new Uint8Array([100])];
  const read = async () => ({ done: chunks.length === 0, value: chunks.shift() });
  return { locked: false, getReader: () => ({ read, cancel: async () => {}, releaseLock() {} }) };
}

function gone(): Uint8Array<ArrayBuffer> {
  const view = new Uint8Array(4);
  structuredClone(view.buffer, { transfer: [view.buffer] });
  return view;
}

const FORM = /form-data; name="file"; filename="name.txt"\r\ncontent-type: text\/x\r\n\r\ncontent/;

describe.each(['/', '/moved'])('over %s, with its length', (path) => {
  it.each<[string, () => unknown, RegExp, RegExp | undefined]>([
    ['a Blob', () => new nodeFetch.Blob(['blob'], { type: 'a/b' }), /^blob$/, /^a\/b$/],
    ['a File', () => new nodeFetch.File(['file'], 'x'), /^file$/, undefined],
    ['a form', () => form(nodeFetch.FormData as never), FORM, /^multipart\/form-data; /],
    [
      "undici's form",
      () => {
        const data = new undici.FormData();
        data.append('file', new Blob(['content'], { type: 'text/x' }), 'name.txt');
        return data;
      },
      FORM,
      /^multipart/,
    ],
    [
      'an ArrayBuffer of another realm',
      () => runInNewContext('new Uint8Array([104, 105]).buffer'),
      /^hi$/,
      undefined,
    ],
    [
      'parameters of another realm',
      () => ({ [Symbol.toStringTag]: 'URLSearchParams', toString: () => 'a=b' }),
      /^a=b$/,
      /^application\/x-www-form-urlencoded/,
    ],
  ])('%s is sent as what it is', async (_what, make, body, type) => {
    const received = await send(make(), path);
    expect(received.body).toMatch(body);
    expect(received.length).toBe(String(Buffer.byteLength(received.body)));
    if (type === undefined) expect(received.type).toBeUndefined();
    else expect(received.type).toMatch(type);
  });
});

it('a form of the platform may hold files of another library', async () => {
  let data: unknown;
  try {
    data = form(FormData);
  } catch {
    // Node.js 22 and later take none.
    return;
  }
  expect((await send(data)).body).toMatch(FORM);
});

it('a stream that is not iterable is sent, and not its name', async () => {
  expect(await send(oldStream())).toEqual({ body: 'old' });
});

describe('is refused before anything is sent', () => {
  it.each<[string, () => unknown]>([
    ['a form that cannot be read', () => ({ [Symbol.toStringTag]: 'FormData' })],
    [
      'a Blob that fails',
      () => ({
        [Symbol.toStringTag]: 'Blob',
        arrayBuffer: () => Promise.reject(new Error('gone')),
      }),
    ],
    ['a Blob that cannot be read', () => ({ [Symbol.toStringTag]: 'Blob' })],
    ['shared memory', () => new SharedArrayBuffer(4)],
    ['an ArrayBuffer that went elsewhere', () => gone().buffer],
    ['a view of memory that went elsewhere', gone],

    [
      'a proxy that was revoked',
      () => {
        const { proxy, revoke } = Proxy.revocable({}, {});
        revoke();
        return proxy;
      },
    ],
  ])('%s', async (_what, make) => {
    const before = server.records.requests.length;
    const error = await send(make()).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(TypeError);
    expect(explainTlsError(error)?.code).toBe('MCP_TLS_INVALID_ARGUMENT');
    expect(server.records.requests).toHaveLength(before);
  });

  it('a Request of node-fetch that was sent before', async () => {
    const request = new nodeFetch.Request(server.url, { method: 'POST', body: 'once' });
    const client = factory();
    expect(await (await client(request as never)).json()).toMatchObject({ body: 'once' });
    await expect(client(request as never)).rejects.toThrow(/was read before/);
  });

  it.each<[string, object]>([
    ['that no listener can leave', { aborted: false, addEventListener() {} }],
    [
      'that takes no listener',
      {
        aborted: false,
        addEventListener() {
          throw new Error('no');
        },
        removeEventListener() {
          throw new Error('no');
        },
      },
    ],
  ])('a signal %s', async (_what, signal) => {
    const error = await factory()(server.url, { signal: signal as never }).catch((e) => e);
    expect(explainTlsError(error)?.code).toBe('MCP_TLS_INVALID_ARGUMENT');
    expect(error.message).toMatch(/signal/);
  });
});

describe('bytes that the caller writes into once fetch has returned', () => {
  const views: readonly (readonly [string, (bytes: Uint8Array<ArrayBuffer>) => unknown])[] = [
    ['a Uint8Array', (bytes) => bytes],
    ['a Buffer', (bytes) => Buffer.from(bytes.buffer)],
    ['an ArrayBuffer', (bytes) => bytes.buffer],
    ['a DataView', (bytes) => new DataView(bytes.buffer)],
  ];

  it.each(views)('are sent as they were: %s', async (_name, viewOf) => {
    const bytes = new TextEncoder().encode('hello');
    const sending = send(viewOf(bytes));
    bytes.fill(65);
    expect(await sending).toMatchObject({ body: 'hello', length: '5' });
  });

  it.each(views)(
    'are sent as they were, where the memory goes elsewhere: %s',
    async (_n, viewOf) => {
      const bytes = new TextEncoder().encode('hello');
      const sending = send(viewOf(bytes));
      structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
      expect(await sending).toMatchObject({ body: 'hello', length: '5' });
    },
  );
});

import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { must, type WorkingCheck } from './battery-check.js';
import { httpCheck as http } from './http-check.js';
import { echo, pause, reach, reachEcho, SECRET_GET, SECRET_POST } from './requests.js';

const FETCH = 'Behave as fetch does: this is what the MCP SDK and OAuth libraries expect of it.';
const REDIRECT = 'Follow redirects within the origin: 307 and 308 with the same method and body.';

const LARGE_BYTES = 3 * 1024 * 1024;

/** Exchanges over a good connection that must work. */
export const HTTP_WORKS: readonly WorkingCheck[] = [
  http('get', 'A GET, with the headers that it was given', FETCH, echo, async (client, url) => {
    const seen = await reachEcho(client, `${url}?a=1&b=%20`, SECRET_GET);
    must(seen.method === 'GET' && seen.url === '/mcp?a=1&b=%20', `${seen.method} ${seen.url}`);
    must(seen.headers['x-api-key'] === 'battery-canary', 'a header did not arrive');
  }),
  http('post', 'A POST with its body and content type', FETCH, echo, async (client, url) => {
    const seen = await reachEcho(client, url);
    must(seen.method === 'POST' && seen.body === SECRET_POST.body, 'the body did not arrive');
    must(seen.headers['content-type'] === 'application/json', 'the content type did not arrive');
  }),
  http('post-bytes', 'A POST of bytes that are no text', FETCH, echo, async (client, url) => {
    const body = Uint8Array.from({ length: 256 }, (_, i) => i);
    const seen = await reachEcho(client, url, { method: 'POST', body: body.buffer });
    must(seen.body === Buffer.from(body).toString('latin1'), 'the bytes were changed');
  }),
  http('post-large', 'A POST of 3 MiB', FETCH, echo, async (client, url) => {
    const seen = await reachEcho(client, url, { method: 'POST', body: 'x'.repeat(LARGE_BYTES) });
    must(seen.body.length === LARGE_BYTES, `${seen.body.length} bytes arrived`);
  }),
  http('delete', 'A DELETE, as it ends an MCP session', FETCH, echo, async (client, url) => {
    const seen = await reachEcho(client, url, { method: 'DELETE' });
    must(seen.method === 'DELETE', `it arrived as ${seen.method}`);
  }),
  http(
    'head',
    'A HEAD, whose answer has no body',
    FETCH,
    (_request, response) => {
      response.writeHead(200, { 'content-length': 1000 }).end();
    },
    async (client, url) => {
      must((await reach(client, url, { method: 'HEAD' })) === '', 'there is a body');
    },
  ),
  http(
    'no-content',
    'An answer with status 204',
    FETCH,
    (_request, response) => {
      response.writeHead(204).end();
    },
    async (client, url) => {
      const response = await client(url);
      must(response.status === 204, `status ${response.status}`);
      must((await response.text()) === '', 'there is a body');
    },
  ),
  http(
    'accepted',
    'An answer with status 202, as to a notification',
    FETCH,
    (request, response) => {
      request.resume();
      response.writeHead(202).end();
    },
    async (client, url) => {
      const response = await client(url, SECRET_POST);
      must(response.status === 202, `status ${response.status}`);
      await response.text();
    },
  ),
  http(
    'error-status',
    'Statuses 401 and 500 are answers, not errors',
    FETCH,
    (request, response) => {
      const status = request.url === '/mcp' ? 401 : 500;
      response.writeHead(status, { 'www-authenticate': 'Bearer realm="x"' }).end('why');
    },
    async (client, url) => {
      const denied = await client(url);
      must(denied.status === 401 && (await denied.text()) === 'why', `status ${denied.status}`);
      must(denied.headers.get('WWW-Authenticate') === 'Bearer realm="x"', 'a header is missing');
      const failed = await client(`${url}/x`);
      must(failed.status === 500 && (await failed.text()) === 'why', `status ${failed.status}`);
    },
  ),
  http(
    'gzip',
    'A body in gzip',
    FETCH,
    (_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('hello '.repeat(1000)));
    },
    async (client, url) => {
      must((await reach(client, url)) === 'hello '.repeat(1000), 'it was not decoded');
    },
  ),
  http(
    'large',
    'A body of 3 MiB',
    FETCH,
    (_request, response) => {
      response.end(Buffer.alloc(LARGE_BYTES, 'y'));
    },
    async (client, url) => {
      const { length } = await reach(client, url);
      must(length === LARGE_BYTES, `${length} bytes arrived`);
    },
  ),
  http(
    'slow',
    'An answer that takes half a second',
    FETCH,
    async (_request, response) => {
      await pause(500);
      response.end('at last');
    },
    async (client, url) => {
      must((await reach(client, url)) === 'at last', 'the body is another');
    },
  ),
  ...(['br', 'deflate'] as const).map((encoding) =>
    http(
      encoding,
      `A body in ${encoding}, if the client asks for it`,
      FETCH,
      (request, response) => {
        const asked = String(request.headers['accept-encoding']).includes(encoding);
        const body = Buffer.from('hello '.repeat(1000));
        if (asked) response.setHeader('content-encoding', encoding);
        response.end(asked ? (encoding === 'br' ? brotliCompressSync : deflateSync)(body) : body);
      },
      async (client, url) => {
        must((await reach(client, url)) === 'hello '.repeat(1000), 'it was not decoded');
      },
    ),
  ),
  http('put', 'A PUT with a body', FETCH, echo, async (client, url) => {
    const seen = await reachEcho(client, url, { method: 'PUT', body: 'x' });
    must(seen.method === 'PUT' && seen.body === 'x', `${seen.method} ${seen.body}`);
  }),
  http('post-empty', 'A POST without a body', FETCH, echo, async (client, url) => {
    const seen = await reachEcho(client, url, { method: 'POST' });
    must(seen.method === 'POST' && seen.body === '', `${seen.method} ${seen.body}`);
  }),
  http('post-utf-8', 'A POST of text beyond ASCII', FETCH, echo, async (client, url) => {
    const body = 'Zürich, 東京, 🔒';
    const seen = await reachEcho(client, url, { method: 'POST', body });
    must(Buffer.from(seen.body, 'latin1').toString() === body, 'the text was changed');
  }),
  http('header-long', 'A header of 8 KiB, as tokens are', FETCH, echo, async (client, url) => {
    const token = 'a'.repeat(8192);
    const seen = await reachEcho(client, url, { headers: { authorization: token } });
    must(seen.headers['authorization'] === token, 'the header did not arrive');
  }),
  http(
    'chunks',
    'A body of a thousand small pieces',
    FETCH,
    (_request, response) => {
      for (let i = 0; i < 1000; i++) response.write(`${i},`);
      response.end();
    },
    async (client, url) => {
      const numbers = (await reach(client, url)).split(',');
      must(numbers.length === 1001 && numbers[999] === '999', 'pieces are missing');
    },
  ),
  ...([307, 308] as const).map((status) =>
    http(
      `redirect-${status}`,
      `A POST is redirected (${status}) within the origin`,
      REDIRECT,
      (request, response) => {
        if (request.url === '/there') return echo(request, response);
        request.resume();
        response.writeHead(status, { location: '/there' }).end();
      },
      async (client, url) => {
        const seen = await reachEcho(client, url);
        must(
          seen.method === 'POST' && seen.body === SECRET_POST.body,
          'it was not the same request',
        );
      },
    ),
  ),
  http(
    'redirect-get',
    'A GET is redirected (302) within the origin, by a whole URL',
    REDIRECT,
    (request, response) => {
      if (request.url === '/there') return echo(request, response);
      response.writeHead(302, { location: `https://${request.headers.host}/there` }).end();
    },
    async (client, url) => {
      const seen = await reachEcho(client, url, SECRET_GET);
      must(seen.url === '/there' && seen.method === 'GET', `${seen.method} ${seen.url}`);
    },
  ),
];

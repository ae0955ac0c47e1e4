import { gzipSync } from 'node:zlib';
import type { RequestHandler, TlsServer } from '../start-tls-server.js';
import { must, type Stage, type WorkingCheck, works } from './battery-check.js';
import type { BatteryClient } from './battery-policy.js';
import {
  chunksOf,
  echo,
  pause,
  reach,
  reachEcho,
  SECRET_GET,
  SECRET_POST,
  within,
} from './requests.js';

const FETCH = 'Behave as fetch does: this is what the MCP SDK and OAuth libraries expect of it.';
const STREAM =
  'Hand out the body as it comes, and give every request a connection of its own while others are open: an event stream never ends.';
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
    const seen = await reachEcho(client, url, { method: 'POST', body });
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
  http(
    'stream',
    'The first piece of a body can be read before the second is sent',
    STREAM,
    undefined,
    async (_client, _url, { server, stage }) => {
      let release = (): void => {};
      let waiting = true;
      const released = new Promise<void>((resolve) => {
        release = resolve;
      });
      const other = await stage.server({
        certificate: server,
        onRequest: async (_request, response) => {
          response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
          await Promise.race([released, pause(1500)]);
          waiting = false;
          response.end('data: 2\n\n');
        },
      });
      const url = `${other.url}/mcp`;
      const client = await stage.client({ url, ca: server.certificatePem });
      let text = '';
      for await (const chunk of chunksOf(await client(url))) {
        must(text !== '' || waiting, 'it came only with the rest');
        text += Buffer.from(chunk).toString();
        release();
      }
      must(text === 'data: 1\n\ndata: 2\n\n', 'the body is another');
    },
  ),
  http(
    'endless-stream',
    'POSTs beside an event stream that never ends',
    STREAM,
    (request, response) => {
      if (request.method === 'POST') return echo(request, response);
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: hello\n\n');
    },
    async (client, url) => {
      const controller = new AbortController();
      const stream = await client(url, { signal: controller.signal });
      const chunks = chunksOf(stream);
      const first = await chunks.next();
      must(Buffer.from(first.value ?? []).toString() === 'data: hello\n\n', 'the event is another');
      for (let i = 0; i < 3; i++) await reachEcho(client, url);
      controller.abort();
      await chunks.return(undefined).catch(() => {});
    },
  ),
  http('parallel', 'Twenty requests at once', STREAM, echo, async (client, url) => {
    const numbers = Array.from({ length: 20 }, (_, i) => String(i));
    const seen = await Promise.all(
      numbers.map((body) => reachEcho(client, url, { method: 'POST', body })),
    );
    must(
      seen.every(({ body }, i) => body === numbers[i]),
      'answers were mixed up',
    );
  }),
  http(
    'keep-alive',
    'Ten requests in turn share connections',
    'Keep verified connections open: a handshake for each call costs more than the call.',
    echo,
    async (client, url, { tls }) => {
      for (let i = 0; i < 10; i++) await reachEcho(client, url);
      const { handshakes } = tls.records;
      must(handshakes < 10, `${handshakes} handshakes for 10 requests`);
    },
  ),
  http(
    'server-closes',
    'The server closes each connection after its answer',
    'Notice that the server closed an idle connection, and open another.',
    (request, response) => {
      response.on('finish', () => setTimeout(() => request.socket.end(), 2));
      return echo(request, response);
    },
    async (client, url) => {
      for (let i = 0; i < 4; i++) {
        await reachEcho(client, url);
        await pause(25);
      }
    },
  ),
  http(
    'server-restarts',
    'All connections break, and the server is there again',
    'Open a new connection, and verify it, where the old one is gone.',
    echo,
    async (client, url, { tls }) => {
      await reachEcho(client, url);
      tls.dropConnections();
      await pause(30);
      await reachEcho(client, url);
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
  http(
    'abort',
    'An AbortSignal ends a request that has no answer',
    'Pass init.signal on, also while the connection is made and while the body is read.',
    () => {},
    async (client, url, { tls }) => {
      const controller = new AbortController();
      const pending = client(url, { signal: controller.signal }).then(
        () => 'answered',
        () => 'rejected',
      );
      must(await within(1500, () => tls.records.requests.length > 0), 'the request did not arrive');
      controller.abort();
      must((await pending) === 'rejected', 'it was answered');
      must(await within(1000, () => tls.openConnections === 0), 'its connection is still open');
    },
  ),
];

interface Setting {
  readonly stage: Stage;
  readonly tls: TlsServer;
  /** The certificate of `tls`. */
  readonly server: Awaited<ReturnType<Stage['certificate']>>;
}

function http(
  id: string,
  name: string,
  advice: string,
  onRequest: RequestHandler | undefined,
  run: (client: BatteryClient, url: string, setting: Setting) => Promise<void>,
): WorkingCheck {
  return works('http', {
    id: `http-${id}`,
    name,
    shows:
      'A client that verifies well but is a worse fetch will be replaced by one that does not.',
    advice,
    async run(stage) {
      const server = await stage.certificate();
      const tls = await stage.server({ certificate: server, ...(onRequest && { onRequest }) });
      const url = `${tls.url}/mcp`;
      const client = await stage.client({ url, ca: server.certificatePem });
      await run(client, url, { stage, tls, server });
    },
  });
}

import { must, type WorkingCheck } from './battery-check.js';
import { httpCheck as http } from './http-check.js';
import { chunksOf, echo, pause, reachEcho, within } from './requests.js';

const STREAM =
  'Hand out the body as it comes, and give every request a connection of its own while others are open: an event stream never ends.';

/** Streams, and requests that share connections or lose them. */
export const STREAM_WORKS: readonly WorkingCheck[] = [
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
      const client = await stage.client({ url, ca: server.pem });
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

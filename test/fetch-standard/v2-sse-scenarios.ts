import type { ServerResponse } from 'node:http';
import { call, event, head, idOf, progress, result, type Scenario, stream } from './v2-messages.js';
import { type Answer, outcome, quiet, sse, until } from './v2-world.js';

/** The older transport. */
export const V2_SSE: readonly Scenario[] = [
  {
    name: 'SSE: messages go to the endpoint that the server names, answers come by the stream',
    answer: sseServer(),
    async run(world) {
      const { transport, messages } = sse(world);
      await transport.start();
      transport.setProtocolVersion('2025-11-25');
      await transport.send(call(1));
      await until('the answer', () => messages.length === 1);
      const names = ['accept', 'content-type', 'mcp-protocol-version'];
      return { messages, seen: world.seen.map((asked) => [asked.path, ...head(asked, ...names)]) };
    },
    expected: {
      messages: [result(1)],
      seen: [
        ['/sse', 'GET', 'text/event-stream', undefined, undefined],
        ['/messages?session=1', 'POST', '*/*', 'application/json', '2025-11-25'],
      ],
    },
  },
  {
    name: 'SSE: an endpoint of another origin is refused',
    answer: (_, response) =>
      stream(response).write('event: endpoint\ndata: https://example.com/messages\n\n'),
    async run(world) {
      const { transport, closed } = sse(world);
      const started = await outcome(transport.start());
      return { started, closed: closed(), requests: world.seen.length };
    },
    expected: { started: { begins: 'Endpoint origin' }, closed: 1, requests: 1 },
  },
  {
    name: 'SSE: a message that the server does not take is an error with its status',
    answer: (asked, response) =>
      asked.method === 'POST'
        ? response.writeHead(500).end('broken')
        : stream(response).write('event: endpoint\ndata: /messages\n\n'),
    async run(world) {
      const { transport } = sse(world);
      await transport.start();
      return outcome(transport.send(call(1)));
    },
    expected: { begins: 'Error POSTing to endpoint (HTTP 500)' },
  },
  {
    name: 'SSE: a stream that is refused rejects the start',
    answer: (_, response) => response.writeHead(404).end(),
    async run(world) {
      const { transport, messages } = sse(world);
      const started = await outcome(transport.start());
      await transport.close();
      return { started, messages, requests: world.seen.length };
    },
    expected: { started: { name: 'Error' }, messages: [], requests: 1 },
  },
  {
    name: 'SSE: a token goes along, and is renewed where the stream was refused for it',
    answer: (asked, response, n) =>
      asked.headers['authorization'] === 'Bearer new'
        ? sseServer()(asked, response, n)
        : response.writeHead(401).end(),
    async run(world) {
      let token = 'old';
      const { transport } = sse(world, {
        authProvider: {
          token: async () => token,
          onUnauthorized: async () => {
            token = 'new';
          },
        },
      });
      await transport.start();
      return world.seen.map((asked) => head(asked, 'authorization'));
    },
    expected: [
      ['GET', 'Bearer old'],
      ['GET', 'Bearer new'],
    ],
  },
  {
    name: 'SSE: a stream that breaks off is opened again',
    answer(_, response, n) {
      stream(response).write('event: endpoint\ndata: /messages\n\n');
      if (n > 0) return void response.write(event(progress(2)));
      response.write(event(progress(1), 'id: e1\nretry: 5\n'));
      setTimeout(() => response.socket?.destroy(), 30);
    },
    async run(world) {
      const { transport, messages } = sse(world);
      await transport.start();
      await until('both messages', () => messages.length === 2);
      return { messages, requests: world.seen.length };
    },
    expected: { messages: [progress(1), progress(2)], requests: 2 },
  },
  {
    name: 'SSE: close ends the stream, and nothing is opened again',
    answer: (_, response) =>
      stream(response).write('retry: 5\nevent: endpoint\ndata: /messages\n\n'),
    async run(world) {
      const { transport, closed } = sse(world);
      await transport.start();
      await transport.close();
      await until('the end', () => world.givenUp.length === 1);
      await quiet();
      return { closed: closed(), requests: world.seen.length };
    },
    expected: { closed: 1, requests: 1 },
  },
];

/** Answers over the stream that was opened last. */
function sseServer(): Answer {
  let open: ServerResponse | undefined;
  return (asked, response) => {
    if (asked.method === 'GET') {
      open = stream(response);
      open.write('event: endpoint\ndata: /messages?session=1\n\n');
      return;
    }
    response.writeHead(202).end();
    open?.write(event(result(idOf(asked))));
  };
}

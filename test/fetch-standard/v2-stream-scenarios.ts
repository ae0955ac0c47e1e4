import {
  call,
  event,
  head,
  idOf,
  json,
  progress,
  result,
  type Scenario,
  stream,
} from './v2-messages.js';
import { outcome, quiet, streamable, until } from './v2-world.js';

/** Streams that end, are taken up again or given up, and redirects. */
export const V2_STREAMS: readonly Scenario[] = [
  {
    name: 'a stream that ends before its answer is taken up again where it was',
    answer(_, response, n) {
      if (n === 0) stream(response).end(event(progress(1), 'id: e1\nretry: 7\n'));
      else stream(response).end(event(result(1), 'id: e2\n'));
    },
    async run(world) {
      const { transport, messages } = await streamable(world);
      const tokens: string[] = [];
      await transport.send(call(1), { onresumptiontoken: (token) => tokens.push(token) });
      await until('the answer', () => messages.length === 2);
      await quiet();
      return { messages, tokens, seen: world.seen.map((asked) => head(asked, 'last-event-id')) };
    },
    expected: {
      messages: [progress(1), result(1)],
      tokens: ['e1', 'e2'],
      seen: [
        ['POST', undefined],
        ['GET', 'e1'],
      ],
    },
  },
  {
    name: 'a stream whose connection is cut is reported, and taken up again',
    answer(_, response, n) {
      if (n > 0) return stream(response).end(event(result(1)));
      stream(response).write(event(progress(1), 'id: e1\n'));
      setTimeout(() => response.socket?.destroy(), 30);
      return undefined;
    },
    async run(world) {
      const { transport, messages, errors } = await streamable(world);
      await transport.send(call(1));
      await until('the answer', () => messages.length === 2);
      return { errors, seen: world.seen.map((asked) => head(asked, 'last-event-id')) };
    },
    expected: {
      errors: [{ begins: 'SSE stream disconnected' }],
      seen: [
        ['POST', undefined],
        ['GET', 'e1'],
      ],
    },
  },
  {
    name: 'it is given up after maxRetries, and the end of the stream is reported once',
    answer(_, response, n) {
      if (n === 0) stream(response).end(event(progress(1), 'id: e1\n'));
      else response.writeHead(500).end();
    },
    async run(world) {
      const { transport, errors } = await streamable(world);
      let ends = 0;
      await transport.send(call(1), { onRequestStreamEnd: () => void ends++ });
      await until('the end', () => ends > 0);
      await quiet();
      return { ends, last: errors.at(-1), requests: world.seen.length };
    },
    expected: {
      ends: 1,
      last: { begins: 'Maximum reconnection attempts (2) exceeded.' },
      requests: 3,
    },
  },
  {
    name: 'a stream without ids that ends before its answer is not taken up again',
    answer: (_, response) => stream(response).end(event(progress(1))),
    async run(world) {
      const { transport, messages } = await streamable(world);
      let ends = 0;
      await transport.send(call(1), { onRequestStreamEnd: () => void ends++ });
      await until('the end', () => ends > 0);
      await quiet();
      return { ends, messages, requests: world.seen.length };
    },
    expected: { ends: 1, messages: [progress(1)], requests: 1 },
  },
  {
    name: 'a scheduler of one\u2019s own decides when, and is told when it is no longer wanted',
    answer: (_, response) => stream(response).end(event(progress(1), 'id: e1\nretry: 1234\n')),
    async run(world) {
      const told: unknown[] = [];
      const { transport } = await streamable(world, {
        reconnectionScheduler: (_reconnect, delay, attempt) => {
          told.push([delay, attempt]);
          return () => void told.push('cancelled');
        },
      });
      await transport.send(call(1));
      await until('the schedule', () => told.length === 1);
      await transport.close();
      return { told, requests: world.seen.length };
    },
    expected: { told: [[1234, 0], 'cancelled'], requests: 1 },
  },
  {
    name: 'a token of resumption has the answer asked for by GET, under the id of the call',
    answer: (_, response) => stream(response).end(event(result(99), 'id: e5\n')),
    async run(world) {
      const { transport, messages } = await streamable(world);
      await transport.send(call(3), { resumptionToken: 'e4' });
      await until('the answer', () => messages.length === 1);
      return { messages, seen: world.seen.map((asked) => head(asked, 'last-event-id')) };
    },
    expected: { messages: [result(3)], seen: [['GET', 'e4']] },
  },
  {
    name: 'the abort of one request ends its stream, and no other',
    answer(asked, response) {
      if (idOf(asked) === 3) return stream(response).end(event(result(3)));
      stream(response).write(event(progress(Number(idOf(asked)))));
      return undefined;
    },
    async run(world) {
      const { transport, messages, errors, closed } = await streamable(world);
      const [one, other] = [new AbortController(), new AbortController()];
      await transport.send(call(1), { requestSignal: one.signal });
      await transport.send(call(2), { requestSignal: other.signal });
      await until('both streams', () => messages.length === 2);
      one.abort();
      await until('one end', () => world.givenUp.length === 1);
      await transport.send(call(3));
      await until('the third', () => messages.length === 3);
      return { errors, closed: closed(), givenUp: world.givenUp.length };
    },
    expected: { errors: [], closed: 0, givenUp: 1 },
  },
  {
    name: 'the abort of a request that has no answer yet rejects it, and reports nothing',
    answer: () => {},
    async run(world) {
      const { transport, errors } = await streamable(world);
      const abort = new AbortController();
      const sent = outcome(transport.send(call(1), { requestSignal: abort.signal }));
      await until('the request', () => world.seen.length === 1);
      abort.abort();
      const rejected = await sent;
      await until('the end', () => world.givenUp.length === 1);
      return { rejected, errors };
    },
    expected: { rejected: { name: 'AbortError' }, errors: [] },
  },
  {
    name: 'close ends every stream, reports nothing, and nothing is opened again',
    answer: (asked, response) =>
      stream(response).write(event(progress(Number(idOf(asked))), 'id: e1\n')),
    async run(world) {
      const { transport, messages, errors, closed } = await streamable(world);
      await transport.send(call(1));
      await transport.send(call(2));
      await until('both streams', () => messages.length === 2);
      await transport.close();
      await until('both ends', () => world.givenUp.length === 2);
      await quiet();
      return { errors, closed: closed(), requests: world.seen.length };
    },
    expected: { errors: [], closed: 1, requests: 2 },
  },
  {
    name: 'a redirect within the origin that keeps the method is followed',
    answer: (asked, response) =>
      asked.path === '/mcp'
        ? response.writeHead(307, { location: '/moved' }).end()
        : json(response, 200, result(idOf(asked))),
    async run(world) {
      const { transport, messages } = await streamable(world, {
        requestInit: { headers: { 'x-key': 'a' } },
      });
      await transport.send(call(1));
      return { messages, seen: world.seen.map((asked) => [asked.path, ...head(asked, 'x-key')]) };
    },
    expected: {
      messages: [result(1)],
      seen: [
        ['/mcp', 'POST', 'a'],
        ['/moved', 'POST', 'a'],
      ],
    },
  },
  {
    name: 'a redirect to another origin, or one that changes the method, is not followed',
    answer: (asked, response) =>
      response
        .writeHead(idOf(asked) === 1 ? 307 : 303, { location: String(asked.headers['x-to']) })
        .end(),
    async run(world) {
      const { transport } = await streamable(world);
      const to = (target: string) => ({ headers: { 'x-to': target } });
      const away = await outcome(transport.send(call(1), to(world.elsewhere.href)));
      const changed = await outcome(transport.send(call(2), to('/moved')));
      return { away, changed, requests: world.seen.length };
    },
    expected: {
      away: { name: 'SdkHttpError', status: 307 },
      changed: { name: 'SdkHttpError', status: 303 },
      requests: 2,
    },
  },
];

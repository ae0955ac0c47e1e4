import {
  answered,
  call,
  event,
  head,
  INITIALIZE,
  INITIALIZED,
  idOf,
  json,
  MODERN,
  progress,
  result,
  type Scenario,
  stream,
} from './v2-messages.js';
import { outcome, quiet, streamable, until } from './v2-world.js';

/** What goes out, and what its answer is taken for. */
export const V2_REQUESTS: readonly Scenario[] = [
  {
    name: 'a JSON answer is a message, and the request says what it takes',
    answer: answered,
    async run(world) {
      const { transport, messages } = await streamable(world);
      await transport.send(call(1));
      return { messages, seen: world.seen };
    },
    expected: {
      messages: [result(1)],
      seen: [
        {
          method: 'POST',
          path: '/mcp',
          headers: {
            accept: 'application/json, text/event-stream',
            'content-type': 'application/json',
          },
          body: call(1),
        },
      ],
    },
  },
  {
    name: 'a batch goes in one request, and its answers come one by one',
    answer: (_, response) => json(response, 200, [result(1), result(2)]),
    async run(world) {
      const { transport, messages } = await streamable(world);
      await transport.send([call(1), call(2)]);
      return { messages, requests: world.seen.length };
    },
    expected: { messages: [result(1), result(2)], requests: 1 },
  },
  {
    name: 'the messages of a stream come in their order, however its bytes are cut',
    async answer(asked, response) {
      const text = [
        ': a comment\r\n',
        event(progress(1), 'event: message\n'),
        'event: other\ndata: not for us\n\n',
        `data: {"jsonrpc":"2.0",\ndata: "method":"notifications/message",\ndata: "params":{"level":"info","data":"\u00e4\u20ac\u{1f600}"}}\n\n`,
        event(result(idOf(asked))),
      ].join('');
      stream(response);
      for (const byte of Buffer.from(text)) {
        response.write(Buffer.of(byte));
        await new Promise((resolve) => setImmediate(resolve));
      }
      response.end();
    },
    async run(world) {
      const { transport, messages, errors } = await streamable(world);
      await transport.send(call(1));
      await until('the answer', () => messages.length === 3);
      return { messages, errors };
    },
    expected: {
      messages: [
        progress(1),
        {
          jsonrpc: '2.0',
          method: 'notifications/message',
          params: { level: 'info', data: '\u00e4\u20ac\u{1f600}' },
        },
        result(1),
      ],
      errors: [],
    },
  },
  {
    name: 'what is no JSON in a stream is reported, and the stream goes on',
    answer(asked, response) {
      stream(response).end(`data: {nonsense\n\n${event(result(idOf(asked)))}`);
    },
    async run(world) {
      const { transport, messages, errors } = await streamable(world);
      await transport.send(call(1));
      await until('the answer', () => messages.length === 1);
      return { messages, errors };
    },
    expected: { messages: [result(1)], errors: [{ name: 'SyntaxError' }] },
  },
  {
    name: 'the id of the session goes along after initialize, the version once it is set, and DELETE ends it',
    answer: (asked, response) =>
      asked.method === 'DELETE'
        ? response.writeHead(200).end()
        : json(response, 200, result(idOf(asked)), { 'mcp-session-id': 'session-1' }),
    async run(world) {
      const { transport } = await streamable(world);
      await transport.send(INITIALIZE);
      transport.setProtocolVersion('2025-11-25');
      await transport.send(call(1));
      const during = transport.sessionId;
      await transport.terminateSession();
      await transport.send(call(2));
      const names = ['mcp-session-id', 'mcp-protocol-version'];
      return { during, seen: world.seen.map((asked) => head(asked, ...names)) };
    },
    expected: {
      during: 'session-1',
      seen: [
        ['POST', undefined, undefined],
        ['POST', 'session-1', '2025-11-25'],
        ['DELETE', 'session-1', '2025-11-25'],
        ['POST', undefined, '2025-11-25'],
      ],
    },
  },
  {
    name: 'a server that does not end sessions answers 405, which is no error',
    answer: (asked, response) =>
      asked.method === 'DELETE'
        ? response.writeHead(405).end()
        : json(response, 200, result(idOf(asked)), { 'mcp-session-id': 'session-1' }),
    async run(world) {
      const { transport, errors } = await streamable(world);
      await transport.send(INITIALIZE);
      return { ended: await outcome(transport.terminateSession()), errors };
    },
    expected: { ended: 'resolves', errors: [] },
  },
  {
    name: 'once initialized, a GET opens the stream of the server',
    answer(asked, response) {
      if (asked.method === 'GET') stream(response).write(event(progress(7)));
      else response.writeHead(202).end();
    },
    async run(world) {
      const { transport, messages } = await streamable(world);
      await transport.send(INITIALIZED);
      await until('the message', () => messages.length === 1);
      await transport.close();
      await until('the end', () => world.givenUp.length === 1);
      return {
        messages,
        seen: world.seen.map((asked) => head(asked, 'accept')),
        givenUp: world.givenUp,
      };
    },
    expected: {
      messages: [progress(7)],
      seen: [
        ['POST', 'application/json, text/event-stream'],
        ['GET', 'text/event-stream'],
      ],
      givenUp: ['GET /mcp'],
    },
  },
  {
    name: 'a server without such a stream answers 405, which is no error',
    answer: (asked, response) => response.writeHead(asked.method === 'GET' ? 405 : 202).end(),
    async run(world) {
      const { transport, errors } = await streamable(world);
      await transport.send(INITIALIZED);
      await until('the GET', () => world.seen.length === 2);
      await quiet();
      return { errors, requests: world.seen.length };
    },
    expected: { errors: [], requests: 2 },
  },
  {
    name: 'a GET that is refused is reported, with its status',
    answer: (asked, response) => response.writeHead(asked.method === 'GET' ? 503 : 202).end(),
    async run(world) {
      const { transport, errors } = await streamable(world);
      await transport.send(INITIALIZED);
      await until('the error', () => errors.length > 0);
      return errors[0];
    },
    expected: {
      name: 'SdkHttpError',
      code: 'CLIENT_HTTP_FAILED_TO_OPEN_STREAM',
      status: 503,
      message: 'Failed to open SSE stream: Service Unavailable',
    },
  },
  {
    name: 'an answer of 404 is an error with the status and the text',
    answer: (_, response) => response.writeHead(404).end('no such session'),
    async run(world) {
      const { transport, errors } = await streamable(world);
      return { call: await outcome(transport.send(call(1))), errors: errors.length };
    },
    expected: {
      call: {
        name: 'SdkHttpError',
        status: 404,
        message: 'Error POSTing to endpoint: no such session',
      },
      errors: 1,
    },
  },
  {
    name: 'an answer of another type is an error that names the type',
    answer: (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<p>'),
    async run(world) {
      const { transport } = await streamable(world);
      return outcome(transport.send(call(1)));
    },
    expected: {
      code: 'CLIENT_HTTP_UNEXPECTED_CONTENT',
      message: 'Unexpected content type: text/html',
    },
  },
  {
    name: 'an error of the modern protocol in an answer of 400 is a message',
    answer: (asked, response) =>
      json(response, 400, {
        jsonrpc: '2.0',
        id: idOf(asked),
        error: { code: -32602, message: 'no' },
      }),
    async run(world) {
      const { transport, messages } = await streamable(world);
      const modern = await outcome(transport.send(call(1, MODERN)));
      const legacy = await outcome(transport.send(call(2)));
      return { modern, legacy, messages };
    },
    expected: {
      modern: 'resolves',
      legacy: { name: 'SdkHttpError', status: 400 },
      messages: [{ jsonrpc: '2.0', id: 1, error: { code: -32602, message: 'no' } }],
    },
  },
  {
    name: 'a request of the modern protocol says its version, method and name in headers',
    answer: answered,
    async run(world) {
      const { transport } = await streamable(world);
      await transport.send(call(1, MODERN), {
        headers: { 'mcp-param-city': 'Ulm', authorization: 'none', 'content-type': 'text/plain' },
      });
      return world.seen[0]?.headers;
    },
    expected: {
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': 'add',
      'mcp-param-city': 'Ulm',
      'content-type': 'application/json',
    },
  },
  {
    name: 'the headers of requestInit go along, but for those of the transport',
    answer: answered,
    async run(world) {
      const headers = { 'x-key': 'a', authorization: 'Basic b', 'content-type': 'text/plain' };
      let token: string | undefined;
      const { transport } = await streamable(world, {
        requestInit: { headers },
        authProvider: { token: async () => token },
      });
      await transport.send(call(1));
      token = 'c';
      await transport.send(call(2));
      return world.seen.map((asked) => head(asked, 'x-key', 'authorization', 'content-type'));
    },
    expected: [
      ['POST', 'a', 'Basic b', 'application/json'],
      ['POST', 'a', 'Bearer c', 'application/json'],
    ],
  },
  {
    name: 'an answer of 401 has the token renewed, and the request made once more',
    answer: (asked, response) =>
      asked.headers['authorization'] === 'Bearer new'
        ? json(response, 200, result(idOf(asked)))
        : response.writeHead(401).end(),
    async run(world) {
      let token = 'old';
      const { transport, messages } = await streamable(world, {
        authProvider: {
          token: async () => token,
          onUnauthorized: async () => {
            token = 'new';
          },
        },
      });
      await transport.send(call(1));
      return { messages, seen: world.seen.map((asked) => head(asked, 'authorization')) };
    },
    expected: {
      messages: [result(1)],
      seen: [
        ['POST', 'Bearer old'],
        ['POST', 'Bearer new'],
      ],
    },
  },
  {
    name: 'a second 401 ends it, and one without a way to renew at once',
    answer: (_, response) => response.writeHead(401).end(),
    async run(world) {
      const renewing = await streamable(world, {
        authProvider: { token: async () => 'a', onUnauthorized: async () => {} },
      });
      const second = await outcome(renewing.transport.send(call(1)));
      const requests = world.seen.length;
      const other = await streamable(world, { authProvider: { token: async () => 'a' } });
      return { second, requests, first: await outcome(other.transport.send(call(1))) };
    },
    expected: {
      second: { code: 'CLIENT_HTTP_AUTHENTICATION', status: 401 },
      requests: 2,
      first: { name: 'UnauthorizedError' },
    },
  },
  {
    name: 'an answer of 403 for want of a scope says which',
    answer: (_, response) =>
      response
        .writeHead(403, {
          'www-authenticate': 'Bearer error="insufficient_scope", scope="files:write"',
        })
        .end(),
    async run(world) {
      const { transport } = await streamable(world, {
        onInsufficientScope: 'throw',
        authProvider: { token: async () => 'a' },
      });
      const error = await transport.send(call(1)).catch((reason: unknown) => reason);
      const { name, requiredScope } = error as Error & { requiredScope?: unknown };
      return { name, requiredScope, requests: world.seen.length };
    },
    expected: { requests: 1, requiredScope: 'files:write' },
  },
];

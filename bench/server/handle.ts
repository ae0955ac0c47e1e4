import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { answerMessage } from './answer-message.js';
import { varyAnswer, varyHeaders } from './vary-answer.js';

const CHUNK = Buffer.alloc(65_536, 'x');

/**
 * `/mcp/json` and `/mcp/sse` speak streamable HTTP and answer POSTs in either form, with `/varied` behind
 * them in many sizes and with other headers; `/echo` answers what it is sent, `/bytes/N` that many bytes,
 * and `/last` a few bytes, and ends the connection.
 */
export async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [, first, second, third] = (request.url ?? '/').split('/');
  if (first === 'echo') return echo(request, response);
  if (first === 'last') return answerLast(response);
  if (first === 'bytes') return sendBytes(response, Number(second));
  if (first !== 'mcp' || (second !== 'json' && second !== 'sse')) return answerEmpty(response, 404);
  if (request.method === 'GET') return holdEventStream(response);
  if (request.method === 'DELETE') return answerEmpty(response, 200);
  return answerMcp(request, response, { form: second, varied: third === 'varied' });
}

interface AnswerForm {
  readonly form: 'json' | 'sse';
  readonly varied: boolean;
}

async function answerMcp(
  request: IncomingMessage,
  response: ServerResponse,
  { form, varied }: AnswerForm,
): Promise<void> {
  const message = JSON.parse(await text(request));
  const answer = answerMessage(message);
  if (answer === undefined) return answerEmpty(response, 202);
  const headers = {
    'mcp-session-id': request.headers['mcp-session-id'] ?? randomUUID(),
    ...(varied && varyHeaders()),
  };
  const body = JSON.stringify(varied ? varyAnswer(answer) : answer);
  if (form === 'json') {
    const length = Buffer.byteLength(body);
    response.writeHead(200, {
      ...headers,
      'content-type': 'application/json',
      'content-length': length,
    });
    response.end(body);
    return;
  }
  response.writeHead(200, {
    ...headers,
    'content-type': 'text/event-stream',
    'cache-control': 'no-cache',
  });
  // As the SDK's server does: the head goes out first, the event when the tool has answered.
  response.flushHeaders();
  setImmediate(() => {
    response.write(`event: message\nid: ${randomUUID()}\ndata: ${body}\n\n`);
    response.end();
  });
}

/** The stream for the server's own messages, of which there are none. */
function holdEventStream(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  response.flushHeaders();
}

async function echo(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await text(request);
  const length = Buffer.byteLength(body);
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': length });
  response.end(body);
}

async function sendBytes(response: ServerResponse, count: number): Promise<void> {
  response.writeHead(200, {
    'content-type': 'application/octet-stream',
    'content-length': count,
  });
  for (let left = count; left > 0; left -= CHUNK.length) {
    const more = response.write(left >= CHUNK.length ? CHUNK : CHUNK.subarray(0, left));
    if (!more) await once(response, 'drain');
  }
  response.end();
}

const LAST = '{"jsonrpc":"2.0","id":1,"result":{}}';

function answerLast(response: ServerResponse): void {
  response.writeHead(200, {
    'content-type': 'application/json',
    'content-length': LAST.length,
    connection: 'close',
  });
  response.end(LAST);
}

function answerEmpty(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'content-length': 0 }).end();
}

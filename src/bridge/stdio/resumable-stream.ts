import { explainTlsError } from '../../explain-tls-error.js';
import { pause, StreamPacing } from '../../transports/stream-pacing.js';
import { EventTooLargeError, readEvents } from '../event-stream.js';
import { BridgeError } from '../rpc.js';
import { MAX_MESSAGE_BYTES } from '../upstream.js';
import { answerKind, drop } from './http-answer.js';

/** How often in a row a stream is asked for in vain before its call fails. */
const MAX_FAILED = 5;
/** How often in a row it may bring nothing: a server that has its clients come back says so at most so long. */
const MAX_EMPTY = 3_600;
const RETRY_MS = 1_000;
const MAX_RETRY_MS = 30_000;
/** For a server that does not end its stream after the answer. */
const AFTER_ANSWER_MS = 2_000;

/** The stream that answers a request. */
export interface ResumableStream {
  readonly host: string;
  /** Whether everything was answered. */
  isOver(): boolean;
  deliver(json: string): Promise<void>;
  /** Asks for what comes after the event with this id. */
  resume(lastId: string): Promise<Response>;
  /** Ends the stream that is being read. */
  readonly ending: AbortController;
  readonly signal: AbortSignal;
}

/** Where a stream stands. */
interface Place {
  lastId: string | undefined;
  retryMs: number;
  /** Messages that it brought. */
  messages: number;
}

/**
 * Reads the stream that answers a request. Where it breaks or the server ends it before the answer, goes on
 * behind the last event that had an id: without one the answer is lost.
 *
 * @throws {BridgeError}, and what a fetch rejects with
 */
export async function readResumable(response: Response, stream: ResumableStream): Promise<void> {
  const place: Place = { lastId: undefined, retryMs: RETRY_MS, messages: 0 };
  const pacing = new StreamPacing();
  let [failed, empty] = [0, 0];
  let current: Response | undefined = response;
  while (current !== undefined) {
    const before = place.messages;
    const broke = await readWhole(current, place, stream).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (stream.isOver() || stream.signal.aborted) return;
    if (place.lastId === undefined || !mayResume(broke)) throw broke ?? ended(stream.host);
    empty = place.messages === before ? empty + 1 : 0;
    if (empty > MAX_EMPTY) throw broke ?? ended(stream.host);
    current = undefined;
    for (failed = 0; current === undefined; failed++) {
      const asked = Math.min(place.retryMs * 2 ** failed, MAX_RETRY_MS);
      await pause(Math.max(asked, pacing.next(performance.now())), stream.signal);
      current = await tryResume(stream, place.lastId, failed + 1 >= MAX_FAILED);
    }
  }
}

async function readWhole(response: Response, place: Place, stream: ResumableStream): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  try {
    for await (const event of readEvents(response.body as ReadableStream, MAX_MESSAGE_BYTES)) {
      place.lastId = event.id ?? place.lastId;
      place.retryMs = event.retry ?? place.retryMs;
      if (event.data === '' || event.event !== 'message') continue;
      place.messages += 1;
      await stream.deliver(event.data);
      if (timer === undefined && stream.isOver()) {
        timer = setTimeout(() => stream.ending.abort(), AFTER_ANSWER_MS);
      }
    }
  } finally {
    clearTimeout(timer);
  }
}

/** @returns `undefined` where it may be tried again */
async function tryResume(
  stream: ResumableStream,
  lastId: string,
  isLast: boolean,
): Promise<Response | undefined> {
  try {
    const response = await stream.resume(lastId);
    if (response.ok && answerKind(response) === 'events') return response;
    await drop(response);
    // What is not served now comes back; what is not there does not.
    if (response.status < 500 || isLast) throw ended(stream.host, response.status);
    return undefined;
  } catch (error) {
    if (isLast || stream.signal.aborted || !mayResume(error)) throw error;
    return undefined;
  }
}

/** Not what was refused for the sake of trust, nor what would come out the same. */
function mayResume(error: unknown): boolean {
  if (error === undefined) return true;
  if (error instanceof BridgeError || error instanceof EventTooLargeError) return false;
  const ours = explainTlsError(error);
  return ours?.refused !== true && ours?.code !== 'MCP_TLS_CLOSED';
}

function ended(host: string, status?: number): BridgeError {
  const message = `${host}: the server ended the stream before the answer`;
  return new BridgeError('stream-ended', message, status);
}

import { explainTlsError } from '../../explain-tls-error.js';
import { pause } from '../../transports/stream-pacing.js';
import { readEvents } from '../event-stream.js';
import { MAX_MESSAGE_BYTES } from '../upstream.js';
import { answerKind, drop } from './http-answer.js';

const RETRY_MS = 1_000;
const MAX_RETRY_MS = 30_000;

/** What a server says that answers no request: Streamable HTTP's GET. */
export interface StandingStream {
  readonly host: string;
  ask(lastId: string | undefined): Promise<Response>;
  deliver(json: string): Promise<void>;
  readonly signal: AbortSignal;
}

/**
 * Reads it for as long as the session lives. It is asked for again after it ended: after a second, and where
 * it brings nothing after twice as long each time, up to half a minute. A server that offers none (405 and other
 * refusals) is not asked again.
 *
 * @throws what is refused for the sake of trust; the signal's reason
 */
export async function keepListening(stream: StandingStream): Promise<void> {
  let lastId: string | undefined;
  let retryMs = RETRY_MS;
  for (let inVain = 0; ; inVain++) {
    try {
      const response = await stream.ask(lastId);
      if (!response.ok || answerKind(response) !== 'events') {
        await drop(response);
        if (response.status < 500) return;
      } else {
        for await (const event of readEvents(response.body as ReadableStream, MAX_MESSAGE_BYTES)) {
          lastId = event.id ?? lastId;
          retryMs = event.retry ?? retryMs;
          if (event.data === '' || event.event !== 'message') continue;
          inVain = 0;
          await stream.deliver(event.data);
        }
      }
    } catch (error) {
      const ours = explainTlsError(error);
      if (ours?.refused || ours?.code === 'MCP_TLS_CLOSED') throw error;
    }
    const ms = Math.min(Math.max(retryMs, RETRY_MS) * 2 ** Math.min(inVain, 8), MAX_RETRY_MS);
    await pause(ms, stream.signal);
  }
}

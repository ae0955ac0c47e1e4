import { cancellationTimedOut } from './ended-early.js';
import type { ServerLink } from './link.js';
import type { OpenAnswers } from './open-answers.js';
import type { CallId } from './rpc-messages.js';

/** How long a server may take to accept that a call was given up. It has nothing to do for it. */
const CANCELLATION_MS = 10_000;

/** What {@link sendCancellation} needs of a transport. */
export interface Cancelling {
  readonly server: URL;
  readonly link: ServerLink;
  readonly answers: OpenAnswers;
}

/** The call that `message` says was given up, if it says so. */
export function cancelledCall(message: unknown): CallId | undefined {
  if (typeof message !== 'object' || message === null || !('method' in message)) return undefined;
  const { method, params } = message as { method: unknown; params?: { requestId?: CallId } };
  return method === 'notifications/cancelled' ? params?.requestId : undefined;
}

/**
 * Ends the request of a call that its caller gave up (its time limit, or its signal), and notifies the server,
 * for a limited time: the SDK ends neither of the two, so that a server that says nothing would keep two
 * connections for each such call as long as the session lives.
 */
export async function sendCancellation(
  { server, link, answers }: Cancelling,
  call: CallId,
  message: unknown,
  send: () => Promise<void>,
): Promise<void> {
  answers.abandon(call);
  link.abandon(call);
  const timer = setTimeout(() => {
    link.endRequest(JSON.stringify(message), cancellationTimedOut(server, CANCELLATION_MS));
  }, CANCELLATION_MS);
  try {
    await send();
  } finally {
    clearTimeout(timer);
  }
}

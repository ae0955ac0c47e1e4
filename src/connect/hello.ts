import type * as tls from 'node:tls';
import type { CheckedTrustPolicy } from '../trust/checked-trust-policy.js';
import type { ReferenceIdentity } from '../trust/reference-identity.js';
import { type Shaken, shakeHands } from './handshake.js';
import { sharedSecureContext } from './shared-context.js';
import { nodeOffersPostQuantum } from './tls-runtime.js';

/** Why the first message of TLS was sent once more, smaller. */
export type HelloLost = 'reset' | 'no answer';

export interface HelloTarget {
  readonly policy: CheckedTrustPolicy;
  readonly identity: ReferenceIdentity;
  /** Of the policy. */
  readonly secureContext: tls.SecureContext;
  readonly protocols?: readonly string[] | undefined;
  /** Of all that is done to connect, in ms; 0 or left out: no limit that is known here. */
  readonly timeoutMs?: number | undefined;
  /** Told before the second one is sent. */
  readonly onSecondHello?: ((why: HelloLost) => void) | undefined;
}

/** How long nothing at all may come back before the smaller one is tried too; or half of the limit. */
const SILENCE_MS = 5_000;

/** Gives a way to the server, anew at each call. What it has open when the signal aborts, it closes. */
export type Reach = (signal: AbortSignal) => tls.ConnectionOptions | Promise<tls.ConnectionOptions>;

/**
 * Makes a TLS connection, as {@link shakeHands} does. Where Node.js offers a post-quantum group unasked (OpenSSL 3.5 and
 * later), its first message has 1,570 bytes, and some middleboxes reset or swallow what does not fit into one packet. If
 * **nothing** came back it is tried once more without: with the same versions, ciphers and anchors, and the same judge
 * behind it. Whoever is in the path can bring that about; with `groups` in the policy it never happens.
 *
 * What the server said, in whatever way, is its answer, and no reason to ask again.
 */
export async function shakeHandsOnceMore(
  target: HelloTarget,
  reach: Reach,
  signal: AbortSignal,
): Promise<Shaken> {
  const { policy, secureContext, identity, protocols } = target;
  if (!offersPostQuantumUnasked(policy)) {
    return shakeHands({ way: await reach(signal), identity, secureContext, protocols }, signal);
  }
  const { timeoutMs = 0, onSecondHello } = target;
  const endsAt = timeoutMs > 0 ? performance.now() + timeoutMs : Number.POSITIVE_INFINITY;
  const first = new Attempt(target, secureContext, reach, signal);
  const silenceMs = timeoutMs > 0 ? Math.min(SILENCE_MS, timeoutMs / 2) : SILENCE_MS;
  const early = await first.within(silenceMs);
  if (early !== 'silence' && !wasLost(early)) return early;
  const why = early === 'silence' ? 'no answer' : 'reset';
  onSecondHello?.(why);
  const smaller = sharedSecureContext(policy, 'without post-quantum');
  const second = new Attempt(target, smaller, reach, signal);
  // Half of what is left: once all of it is over, there is no saying what the second was answered.
  const patienceMs = (): number => Math.min(silenceMs, (endsAt - performance.now()) / 2);
  return { ...(await firstAnswer(first, second, patienceMs)), secondHello: why };
}

/** Whether the first message is large without anybody having asked for that. A process may have groups of its own. */
function offersPostQuantumUnasked({ groups, maxVersion }: CheckedTrustPolicy): boolean {
  return groups.length === 0 && maxVersion === 'TLSv1.3' && nodeOffersPostQuantum();
}

/** The connection was ended, and not a byte had come. */
function wasLost({ failure, isHeard, handshake }: Shaken): boolean {
  const { code } = Object(failure) as { readonly code?: unknown };
  const isReset = code === 'ECONNRESET' || code === 'EPIPE' || code === 'ECONNABORTED';
  return isReset && !isHeard && handshake.chain.length === 0;
}

/**
 * The first may only have been slow: it is given up when the second is through, or was refused and nothing came back to
 * the first for so much longer, and not before.
 */
async function firstAnswer(
  first: Attempt,
  second: Attempt,
  patienceMs: () => number,
): Promise<Shaken> {
  const isAnswered = (): Promise<boolean> => first.shaken.then((shaken) => !wasLost(shaken));
  const isAnsweredSoon = async (): Promise<boolean> => {
    const soon = await first.within(patienceMs());
    return soon !== 'silence' && !wasLost(soon);
  };
  const isFirstAfterSecond = second.shaken.then(
    ({ socket, isHeard }) => socket === undefined && (isHeard ? isAnsweredSoon() : isAnswered()),
    isAnswered,
  );
  try {
    const isFirst = await Promise.race([
      isAnswered().then((is) => is || isFirstAfterSecond),
      isFirstAfterSecond,
    ]);
    return await (isFirst ? first : second).take();
  } finally {
    first.giveUp();
    second.giveUp();
  }
}

/** Invariant: once it is given up, its way to the server ends, and a socket that nobody took is destroyed, whenever it comes. */
class Attempt {
  readonly shaken: Promise<Shaken>;
  readonly #ending = new AbortController();
  /** Whether nothing has come back yet; known when the first message is sent. */
  readonly #sent: Promise<() => boolean>;
  #isTaken = false;

  constructor(
    { identity, protocols }: HelloTarget,
    secureContext: tls.SecureContext,
    reach: Reach,
    signal: AbortSignal,
  ) {
    let onSent: (isSilent: () => boolean) => void = () => {};
    this.#sent = new Promise((resolve) => {
      onSent = resolve;
    });
    const ending = this.#ending.signal;
    const onAbort = (): void => this.#ending.abort(signal.reason);
    if (signal.aborted) onAbort();
    // By hand: a composite signal (AbortSignal.any) costs a connection some 20 µs.
    signal.addEventListener('abort', onAbort, { once: true });
    const shake = async (): Promise<Shaken> => {
      try {
        const way = await reach(ending);
        const request = { way, identity, secureContext, protocols };
        return await shakeHands(request, ending, onSent);
      } finally {
        signal.removeEventListener('abort', onAbort);
      }
    };
    this.shaken = shake();
    // Whoever waits is told; one that was given up need not be waited for.
    this.shaken.catch(() => {});
  }

  take(): Promise<Shaken> {
    this.#isTaken = true;
    return this.shaken;
  }

  giveUp(): void {
    if (this.#isTaken) return;
    this.#ending.abort(new Error('given up'));
    this.shaken.then(({ socket }) => socket?.destroy()).catch(() => {});
  }

  /** What came of it; or that nothing has come back for so long. */
  async within(ms: number): Promise<Shaken | 'silence'> {
    let timer: NodeJS.Timeout | undefined;
    const silence = this.#sent.then(
      (isSilent) =>
        new Promise<'silence'>((resolve) => {
          timer = setTimeout(() => isSilent() && resolve('silence'), ms);
        }),
    );
    try {
      return await Promise.race([this.shaken, silence]);
    } finally {
      clearTimeout(timer);
    }
  }
}

import { addressOf } from '../connect/address-of.js';
import { aboutConnection, isListenedTo, publish } from '../diagnostics.js';
import { explainTlsError } from '../explain-tls-error.js';
import type { Connection, Connections, ConnectionsOfOne } from './connections.js';
import { exchange } from './exchange.js';
import type { Answer, ExchangeRequest } from './exchange-request.js';

/**
 * {@link exchange}, reported on `mcp-tls:request` where somebody listens when it begins.
 *
 * @param id of the registered server
 */
export function reportedExchange(
  connections: Connections,
  request: ExchangeRequest,
  id: string | undefined,
): Promise<Answer> {
  if (!isListenedTo('mcp-tls:request')) return exchange(connections, request);
  return report(connections, request, id);
}

/** Of RFC 9110 §9 and RFC 5789. Any other is a text of the caller's, and would be a label of its own in metrics. */
const METHODS = new Set('GET HEAD POST PUT DELETE OPTIONS TRACE CONNECT PATCH'.split(' '));

async function report(
  connections: Connections,
  request: ExchangeRequest,
  id: string | undefined,
): Promise<Answer> {
  const startedAt = performance.now();
  const taken = new TakenConnection(connections);
  const noting: ConnectionsOfOne = {
    take: () => taken.note(connections.take()),
    takeNew: () => taken.note(connections.takeNew()),
    wait: (...turn) => connections.wait(...turn),
    wasUsed: (one) => connections.wasUsed(one),
    endingOf: (...one) => connections.endingOf(...one),
    giveBack: (one) => connections.giveBack(one),
    discard: (one) => connections.discard(one),
  };
  const report = (status: number | undefined, error?: unknown): void =>
    publish('mcp-tls:request', () => ({
      ...aboutConnection(id, addressOf(request.url)),
      method: METHODS.has(request.method) ? request.method : 'other',
      connection: taken.connection,
      status,
      code: error === undefined ? undefined : explainTlsError(error)?.code,
      durationMs: performance.now() - startedAt,
    }));
  try {
    const answer = await exchange(noting, request);
    report(answer.status);
    return answer;
  } catch (error) {
    report(undefined, error);
    throw error;
  }
}

/** The connection of one request: of several, as it is repeated over a new one, the last. */
class TakenConnection {
  readonly #connections: Connections;
  #taken: Connection | undefined;
  #wasUsed = false;
  /** How often it had connected when it was taken. */
  #connects = 0;

  constructor(connections: Connections) {
    this.#connections = connections;
  }

  note<Taken extends Connection | undefined>(taken: Taken): Taken {
    if (taken !== undefined) {
      this.#taken = taken;
      this.#wasUsed = this.#connections.wasUsed(taken);
      this.#connects = this.#connections.connects(taken);
    }
    return taken;
  }

  get connection(): 'new' | 'reused' | undefined {
    if (this.#taken === undefined) return undefined;
    const isSame = this.#connections.connects(this.#taken) === this.#connects;
    return this.#wasUsed && isSame ? 'reused' : 'new';
  }
}

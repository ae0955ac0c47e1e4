import { TlsConfigError } from '../../errors.js';
import { revokedMeanwhile } from '../registry-errors.js';

/**
 * The registrations, renewals and updates that are under way, by id. A revocation ends those of its id:
 * it waits neither for a handshake nor for a person.
 */
export class Flows {
  readonly #underWay = new Map<string, Set<AbortController>>();
  #closed = false;

  /**
   * Runs `task`; rejects at once if the id is revoked or the caller gives up meanwhile, whatever the task
   * waits for.
   */
  async run<T>(
    id: string,
    caller: AbortSignal | undefined,
    task: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    if (this.#closed) throw closed();
    caller?.throwIfAborted();
    const flow = new AbortController();
    const flows = this.#underWay.get(id) ?? new Set();
    this.#underWay.set(id, flows.add(flow));
    const ended = new Promise<never>((_, reject) => {
      flow.signal.addEventListener('abort', () => reject(flow.signal.reason), { once: true });
    });
    const giveUp = (): void => flow.abort(caller?.reason);
    caller?.addEventListener('abort', giveUp, { once: true });
    try {
      return await Promise.race([task(flow.signal), ended]);
    } finally {
      caller?.removeEventListener('abort', giveUp);
      flows.delete(flow);
      if (flows.size === 0) this.#underWay.delete(id);
    }
  }

  /** Ends all, for good. */
  close(): void {
    this.#closed = true;
    for (const flow of [...this.#underWay.values()].flatMap((flows) => [...flows])) {
      flow.abort(closed());
    }
  }

  /** Ends those of one id. */
  end(id: string): void {
    for (const flow of this.#underWay.get(id) ?? []) flow.abort(revokedMeanwhile(id));
  }
}

function closed(): TlsConfigError {
  return new TlsConfigError('MCP_TLS_CLOSED', 'the server registry was closed');
}

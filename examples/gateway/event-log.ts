import type { RegistryEvent, RegistryWatch } from 'mcp-tls';
import { describeError } from './answer-error.js';

type Failed = Extract<RegistryEvent, { type: 'failed' }>;

/** What the watch reports, as JSON can hold it. */
export type LoggedEvent =
  | Exclude<RegistryEvent, Failed>
  | (Omit<Failed, 'error'> & { readonly message: string });

/** The latest events that this worker received, for pages that come later, and those to come. */
export interface EventLog {
  readonly recent: readonly LoggedEvent[];
  /** @returns ends it */
  subscribe(listener: (event: LoggedEvent) => void): () => void;
}

const KEPT = 100;

/** Keeps what a watch reports, and prints what this process was the first to find. */
export function makeEventLog(watch: RegistryWatch): EventLog {
  const recent: LoggedEvent[] = [];
  const listeners = new Set<(event: LoggedEvent) => void>();

  async function follow(): Promise<void> {
    for await (const received of watch) {
      const event = toLogged(received);
      recent.push(event);
      if (recent.length > KEPT) recent.shift();
      for (const listener of listeners) listener(event);
      print(event);
    }
  }
  void follow();

  return {
    recent,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function toLogged(event: RegistryEvent): LoggedEvent {
  if (event.type !== 'failed') return event;
  const { message } = describeError(event.error).body.error;
  return { type: event.type, at: event.at, first: event.first, message };
}

/** Of all workers one prints it: here a gateway would send its mail. */
function print(event: LoggedEvent): void {
  if (event.type === 'failed') console.error(`watching the servers: ${event.message}`);
  else if (event.first) console.log(`${event.at.toISOString()} ${event.id}: ${event.type}`);
}

/** What a registry's watch reports; for the page as it is. */
export interface GatewayEvent {
  readonly type: string;
  readonly id: string;
  readonly at: Date;
  readonly first: boolean;
}

/** The latest events that this worker has seen, for pages that come later, and those to come. */
export interface EventLog {
  readonly recent: readonly GatewayEvent[];
  add(event: GatewayEvent): void;
  /** @returns ends it */
  subscribe(listener: (event: GatewayEvent) => void): () => void;
}

const KEPT = 100;

export function makeEventLog(): EventLog {
  const recent: GatewayEvent[] = [];
  const listeners = new Set<(event: GatewayEvent) => void>();
  return {
    recent,
    add(event) {
      recent.push(event);
      if (recent.length > KEPT) recent.shift();
      for (const listener of listeners) listener(event);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

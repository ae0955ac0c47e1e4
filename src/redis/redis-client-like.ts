/** What is used of a client, cluster or sentinel of node-redis 5. */
export interface RedisClientLike {
  readonly isOpen: boolean;
  /** Clusters have none. */
  readonly isReady?: boolean;
  connect(): Promise<unknown>;
  destroy(): unknown;
  hmGet(key: string, fields: string[]): Promise<readonly (string | null)[]>;
  hKeys(key: string): Promise<readonly string[]>;
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  publish(channel: string, message: string): Promise<unknown>;
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>;
  /** Takes the listener to leave out as well. */
  unsubscribe?(channel: string): Promise<unknown>;
  /** Of clusters: which node has what, empty until that is known. */
  readonly slots?: readonly unknown[];
  /** Of each kind with other parameters. */
  sendCommand?(...args: never[]): Promise<unknown>;
  /** Of sentinels: lends a connection to the master, so that several commands go over the same one. */
  use?(...args: never[]): Promise<unknown>;
  /** Sentinels have none, and a connection for subscriptions inside. */
  duplicate?(): RedisClientLike;
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  off(event: string, listener: (...args: unknown[]) => void): unknown;
}

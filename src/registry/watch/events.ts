import type { ErrorCode } from '../../errors.js';

export interface ServerEvent {
  /** The server's id. */
  readonly id: string;
  readonly at: Date;
  /**
   * `true` in one process of those that share the store: the one that found it. For what is to happen
   * once, such as a message to a person. The others are told with `false`, and so is whoever begins to
   * watch while it is the case.
   */
  readonly first: boolean;
}

/** The time of a server is running out, or has run out. */
export interface EndingEvent extends ServerEvent {
  /** Whole days until `validUntil`; negative after it. */
  readonly daysLeft: number;
  /**
   * ISO 8601: the end of the certificate on record, of the one that the server presents, or of the
   * approval, whichever comes first.
   */
  readonly validUntil: string;
  /** Of the certificate on record. */
  readonly fingerprint: string;
}

export interface WatchedCertificate {
  readonly fingerprint: string;
  /** ISO 8601. */
  readonly notAfter: string;
}

/** What happened to a registered server, or will. */
export type RegistryEvent =
  /** Fewer days are left than one of `expiringDays`. Once for each of them. */
  | (EndingEvent & { readonly type: 'expiring' })
  | (EndingEvent & { readonly type: 'expired' })
  /**
   * The server presents a certificate that the trust on record does not cover. It is `refused` until
   * somebody approves it with `renew`.
   */
  | (ServerEvent & {
      readonly type: 'changed';
      readonly current: WatchedCertificate;
      readonly presented: WatchedCertificate;
    })
  /** Another certificate is on record: approved, or covered by the trust in the one before. */
  | (ServerEvent & {
      readonly type: 'renewed';
      readonly fingerprint: string;
      readonly previousFingerprint: string;
      readonly validUntil: string;
    })
  /** A request or the scan was refused for what the server presented, or for its record. */
  | (ServerEvent & { readonly type: 'refused'; readonly code: ErrorCode; readonly message: string })
  /** The record was deleted. */
  | (ServerEvent & { readonly type: 'revoked' })
  /** The store could not be read or the scan not be made. It is tried again; concerns no one server. */
  | { readonly type: 'failed'; readonly at: Date; readonly error: unknown };

/** Options of `ServerRegistry.watch`. */
export interface WatchOptions {
  /** Days before the end at which `expiring` is told. Default 30, 7 and 1. */
  expiringDays?: readonly number[] | undefined;
  /**
   * How often each server is connected to, in milliseconds, at least 100. Default 3,600,000. All
   * processes together: they share the work by the store's notes. With several watches, the shortest.
   */
  intervalMs?: number | undefined;
  /** How often this process looks what others found. Default 60,000, at most `intervalMs`. */
  pollMs?: number | undefined;
  /** Closes the watch. */
  signal?: AbortSignal | undefined;
}

/**
 * Events as they come: by `for await`, or by `addEventListener` with the name of a type, the event in
 * `detail`. Iterating begins when it begins: events of before are not kept.
 */
export interface RegistryWatch extends EventTarget, AsyncIterable<RegistryEvent>, AsyncDisposable {
  addEventListener<Type extends RegistryEvent['type']>(
    type: Type,
    listener: (event: CustomEvent<Extract<RegistryEvent, { type: Type }>>) => void,
    options?: Parameters<EventTarget['addEventListener']>[2],
  ): void;
  addEventListener(...args: Parameters<EventTarget['addEventListener']>): void;
  /** Ends the iterations and, with the last watch, the scan and its timers. */
  close(): Promise<void>;
}

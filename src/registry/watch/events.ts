import type { ErrorCode } from '../../errors.js';

/** What all events about one server have. */
export interface ServerEvent {
  /** The server's id. */
  readonly id: string;
  readonly at: Date;
  /**
   * `true` in one process of those that share the store: the one that found it. For what is to happen
   * once, such as a message to a person. The others get `false`, and so does whoever begins to
   * watch while it is the case.
   */
  readonly first: boolean;
}

/** Something that a server is trusted or reached by is about to end, or has ended. */
export interface EndingEvent extends ServerEvent {
  /**
   * - `certificate`: the one on record, or the one that an authority or the roots trust, whichever ends first.
   * - `approval`: `expiresAt` of the record.
   * - `client certificate`: the one that the server is shown.
   *
   * Each has a countdown of its own.
   */
  readonly what: 'certificate' | 'approval' | 'client certificate';
  /** Whole days until `validUntil`; negative after it. */
  readonly daysLeft: number;
  readonly validUntil: Date;
  /** Of the client certificate, or else of the certificate on record; `undefined` where there is none. */
  readonly fingerprint: string | undefined;
}

/** The certificate that an event is about. */
export interface WatchedCertificate {
  readonly fingerprint: string;
  readonly notAfter: Date;
}

/** What happened to a registered server, or will. May grow in a minor release: keep a `default`. */
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
  /**
   * Another certificate is on record: approved, or covered by the trust in the one before. `undefined`: none, as under
   * the default roots, or where the record names a file. That what is in a file has changed is no event here.
   */
  | (ServerEvent & {
      readonly type: 'renewed';
      readonly fingerprint: string | undefined;
      readonly previousFingerprint: string | undefined;
      readonly validUntil: Date | undefined;
    })
  /** A request or the scan was refused for what the server presented, or for its record. */
  | (ServerEvent & { readonly type: 'refused'; readonly code: ErrorCode; readonly message: string })
  /** The record was deleted. */
  | (ServerEvent & { readonly type: 'revoked' })
  /**
   * The store could not be read or the scan not be made, which is tried again; or a listener of this watch threw
   * `error`. Concerns no one server, and each process reports its own: `first` is always true.
   */
  | {
      readonly type: 'failed';
      readonly id?: undefined;
      readonly at: Date;
      readonly first: boolean;
      readonly error: unknown;
    };

/** Options of `ServerRegistry.watch`. */
export interface WatchOptions {
  /**
   * When `expiring` is reported: so many days before the end, fractions too (`0.5`), or when a share of the whole
   * lifetime is left (`'1/3'`), which fits certificates of hours as well as those of years. Seen when the server is
   * looked at: `intervalMs` has to be shorter than what is left. A share of a lifetime that is not known (an approval
   * without a beginning) is no limit. Default 30, 7 and 1.
   */
  expiringDays?: readonly (number | `${number}/${number}`)[] | undefined;
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

/** Called for each event of one type. */
export type RegistryListener<Type extends RegistryEvent['type']> = (
  event: Extract<RegistryEvent, { readonly type: Type }>,
) => void;

/**
 * Events as they come: by `for await`, or by `on` with the name of a type. Iterating begins when it begins:
 * events of before are not kept.
 */
export interface RegistryWatch extends AsyncIterable<RegistryEvent>, AsyncDisposable {
  /**
   * Calls `listener` for each event of `type`, until what it returns is disposed of (`using`, or
   * `[Symbol.dispose]()`) or the watch is closed.
   *
   * What a listener throws, or its promise rejects with, ends neither the watch nor the process, and keeps no
   * other listener from its event: it is the `error` of a `failed` event of this watch. Where nobody takes that
   * (no listener of `failed`, no `for await`), or the listener is one of `failed` itself, it is a process warning.
   *
   * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` for a type that there is not, or no function
   */
  on<Type extends RegistryEvent['type']>(type: Type, listener: RegistryListener<Type>): Disposable;
  /** Ends the iterations and, with the last watch, the scan and its timers. */
  close(): Promise<void>;
}

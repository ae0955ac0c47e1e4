import { channel } from 'node:diagnostics_channel';

/**
 * What mcp-tls tells whoever listens, by `node:diagnostics_channel`. Messages are plain, frozen
 * objects without secrets: no URL path or query, header, token or PEM. Publishing without a
 * subscriber costs one check.
 */
export interface DiagnosticMessages {
  /** A connection is about to be made. */
  'mcp-tls:connect': ConnectionMessage;
  /** A connection was verified and is handed over. */
  'mcp-tls:verified': ConnectionMessage & {
    /** What vouches for the server: `chain`, `certificate`, `pin`, `chain and pin`, `certificate and pin`; `nothing` under the dangerous export. */
    readonly by: string;
    /** SHA-256 of the server's certificate, colon hex. */
    readonly fingerprint: string;
    /** Such as `TLSv1.3`. */
    readonly protocol: string | null;
    readonly milliseconds: number;
  };
  /** A connection was not made, for the reason in `code`. */
  'mcp-tls:refused': ConnectionMessage & {
    readonly code: string;
    readonly message: string;
    readonly expected: string | undefined;
    readonly presented: string | undefined;
  };
  /** A redirect was not followed. */
  'mcp-tls:redirect-refused': ConnectionMessage & { readonly message: string };
  /** A factory opened a pool: the first request under one policy. */
  'mcp-tls:pool-opened': { readonly anchors: number; readonly pins: number };
  /** A factory was closed, and this pool with it. */
  'mcp-tls:pool-closed': { readonly anchors: number; readonly pins: number };
}

/** What every message of a connection says. */
export interface ConnectionMessage {
  readonly host: string;
  readonly port: number;
}

/** The names of all channels. */
export type DiagnosticChannel = keyof DiagnosticMessages;

/** Publishes, if somebody listens. `make` is called only then. */
export function publish<Name extends DiagnosticChannel>(
  name: Name,
  make: () => DiagnosticMessages[Name],
): void {
  const target = channel(name);
  if (target.hasSubscribers) target.publish(Object.freeze(make()));
}

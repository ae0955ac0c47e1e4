import { Buffer } from 'node:buffer';
import type { X509Certificate } from 'node:crypto';
import { fromDer } from '../certificate/pem.js';

/** A certificate of `ca`. */
export interface Anchor {
  readonly raw: Uint8Array;
  readonly isAuthority: boolean;
}

/** With memory of its own: short buffers of Node.js share theirs. */
export function copyOf({ raw, isAuthority }: Anchor): Anchor {
  return { raw: new Uint8Array(raw), isAuthority };
}

/** Its `raw` would give the same buffer to everybody. */
export function parsed({ raw }: Anchor): X509Certificate {
  const get = () => Buffer.from(new Uint8Array(raw).buffer);
  return Object.defineProperty(fromDer(raw), 'raw', { get });
}

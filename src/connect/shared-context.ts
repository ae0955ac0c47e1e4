import { createHash } from 'node:crypto';
import type { SecureContext } from 'node:tls';
import type { CheckedTrustPolicy } from '../trust/checked-trust-policy.js';
import { listedRoots } from './default-roots.js';
import { makeSecureContext, type OfferedGroups } from './secure-context.js';

/** Held by whoever uses them, and not here. */
const contexts = new Map<string, WeakRef<SecureContext>>();

const collected = new FinalizationRegistry<string>((digest) => {
  if (contexts.get(digest)?.deref() === undefined) contexts.delete(digest);
});

/**
 * The secure context of a policy, shared with every other policy that has the same anchors: a thousand
 * servers behind one private CA hold one (with the default roots as well, that is a megabyte each).
 *
 * Sharing mixes nothing up. A context says whose chains OpenSSL accepts; names, pins and the rest of a
 * policy are judged for each connection, and no session is ever resumed.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_CERTIFICATE`
 */
export function sharedSecureContext(
  policy: CheckedTrustPolicy,
  offered?: OfferedGroups,
): SecureContext {
  // A private key is of one server, and is not made a digest of.
  if (policy.clientCertificate !== undefined) {
    return offered === undefined ? makeSecureContext(policy) : smallerContext(policy, offered);
  }
  const digest = digestOf(policy, offered);
  const present = contexts.get(digest)?.deref();
  if (present !== undefined) return present;
  const made = makeSecureContext(policy, offered);
  contexts.set(digest, new WeakRef(made));
  collected.register(made, digest);
  return made;
}

interface Kept {
  /** The default roots that it was made with, where those can change. */
  readonly roots: readonly string[] | undefined;
  readonly context: SecureContext;
}

const smaller = new WeakMap<CheckedTrustPolicy, Kept>();

/** The other context is held by whoever connects; this one is asked for at each second hello, and takes long to make. */
function smallerContext(policy: CheckedTrustPolicy, offered: OfferedGroups): SecureContext {
  const roots = policy.defaultRoots ? listedRoots() : undefined;
  const present = smaller.get(policy);
  if (present !== undefined && present.roots === roots) return present.context;
  const context = makeSecureContext(policy, offered);
  smaller.set(policy, { roots, context });
  return context;
}

/** Of all that {@link makeSecureContext} looks at; the default roots too, which a process can change. */
function digestOf(policy: CheckedTrustPolicy, offered: OfferedGroups | undefined): string {
  const { authorities, defaultRoots, systemRoots, crl, minVersion, maxVersion, groups } = policy;
  const roots = defaultRoots ? listedRoots() : [];
  return digestOfParts([
    minVersion,
    maxVersion,
    groups.join(),
    offered ?? '',
    ...authorities.map((anchor) => anchor.fingerprint256),
    '',
    ...crl,
    '',
    roots === undefined ? 'fixed' : digestOfRoots(roots),
    String(defaultRoots),
    String(systemRoots),
  ]);
}

/** Each with its length, so that no two lists of parts read the same. */
function digestOfParts(parts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest('base64');
}

/** Of some 230 KB, which Node.js gives out as the same list until they are changed. */
const digestsOfRoots = new WeakMap<readonly string[], string>();

function digestOfRoots(roots: readonly string[]): string {
  const present = digestsOfRoots.get(roots);
  if (present !== undefined) return present;
  const digest = digestOfParts(roots);
  digestsOfRoots.set(roots, digest);
  return digest;
}

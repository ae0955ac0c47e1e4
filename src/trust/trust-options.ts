import { invalidArgument } from '../assert.js';
import {
  custom,
  type Declaration,
  declareOptions,
  flag,
  given,
  isOptionsObject,
  type Kind,
  nested,
  oneOf,
  readBy,
  readOptions,
  refuse,
  required,
  text,
} from '../options.js';
import { CLIENT_CERTIFICATE } from './client-certificate.js';
import { readyOf } from './ready.js';
import { isPemInput, type PemInput } from './source.js';
import {
  type Origins,
  TLS_GROUPS,
  type TlsGroup,
  type TrustInput,
  type TrustPolicy,
} from './trust-policy.js';

const SERVER_NAME = 'a DNS name, an IP address, or { uri }';

const URI_NAME = declareOptions<{ uri: string }>('trust.serverName', {
  uri: required(text('a URI, such as spiffe://example.org/billing')),
});

const pem = (must: string) => given(custom<PemInput>(must, isPemInput));
const CERTIFICATES =
  'certificates: PEM as text or bytes, DER as bytes, fromFile(path), a function, or a list of these';

/** The name of every field of a policy, with what it must be. An unset one is nowhere a default. */
export const TRUST_POLICY: Declaration<TrustPolicy> = declareOptions<TrustPolicy>(
  'trust',
  {
    ca: pem(CERTIFICATES),
    authority: given(flag()),
    roots: given(oneOf('none', 'default', 'system')),
    pins: given(custom('a pin or a list of at least one', isPins)),
    identity: given(oneOf('name', 'pin')),
    serverName: given(readBy<string | { uri: string }>(SERVER_NAME, readServerName)),
    allowExpired: given(flag()),
    clientCertificate: given(nested(CLIENT_CERTIFICATE)),
    crl: pem(
      'revocation lists: PEM as text or bytes, DER as bytes, fromFile(path), a function, or a list of these',
    ),
    minVersion: given(oneOf('TLSv1.2', 'TLSv1.3')),
    maxVersion: given(oneOf('TLSv1.2', 'TLSv1.3')),
    groups: given(
      custom<TlsGroup | readonly TlsGroup[]>(
        `one or a list of ${TLS_GROUPS.join(', ')}`,
        areGroups,
      ),
    ),
  },
  {
    elsewhere: {
      rejectUnauthorized: 'verification is not switched off; `ca` or `pins` say whom to trust',
      checkServerIdentity: 'serverName, or identity and pins, say which certificate is expected',
      servername: "did you mean 'serverName'?",
    },
  },
);

/**
 * What an option must be that says whom to trust. Handed on as it is, to be checked by `checkTrustPolicy`; the
 * names of its fields are looked at here, where it is known what they may have been meant for.
 */
export const TRUST: Kind<TrustInput> = readBy<TrustInput>(
  'a policy, PEM text, a checked policy, or null for the default roots',
  (value, whose, around) => {
    if (isOptionsObject(value) && readyOf(value) === undefined && Object.keys(value).length > 0) {
      readOptions(TRUST_POLICY, value, whose, around);
    }
    return value as TrustInput;
  },
  TRUST_POLICY as never,
);

/** What `origins` must be. Each origin and its trust are checked where they are used. */
export const ORIGINS: Kind<Origins> = given(
  readBy<Origins>('an object of origins, each with the trust in it', (value, whose) => {
    if (!isOptionsObject(value)) {
      return refuse(whose, 'an object of origins, each with the trust in it', value);
    }
    const all = Object.entries(value as unknown as Origins);
    const unset = all.find(([, trust]) => trust === undefined);
    if (unset !== undefined) {
      invalidArgument(
        `${whose}: the trust for ${unset[0]} is undefined: null is for the default roots`,
      );
    }
    return Object.fromEntries(all);
  }),
);

function readServerName(value: unknown, whose: string): string | { uri: string } {
  if (typeof value === 'string') return value;
  if (!isOptionsObject(value)) return refuse(whose, SERVER_NAME, value);
  return readOptions(URI_NAME, value, whose);
}

function areGroups(value: unknown): boolean {
  const list = Array.isArray(value) ? value : [value];
  return list.length > 0 && list.every((one) => TLS_GROUPS.includes(one as TlsGroup));
}

function isPins(value: unknown): boolean {
  return typeof value === 'string' || (Array.isArray(value) && value.length > 0);
}

import { TLS_GROUPS } from '../trust/trust-policy.js';

/** One text, or a list of at least one. */
const TEXTS = {
  anyOf: [
    { type: 'string', minLength: 1 },
    { type: 'array', items: { type: 'string', minLength: 1 }, minItems: 1 },
  ],
};
const TEXT = { type: 'string', minLength: 1 };

const CLIENT_CERTIFICATE = {
  type: 'object',
  description: 'What the client shows to a server that asks for a certificate (mutual TLS).',
  additionalProperties: false,
  properties: {
    cert: { ...TEXTS, description: 'The certificate, and its intermediates, as PEM text.' },
    certFile: { ...TEXTS, description: 'Path of it below the base folder, instead of `cert`.' },
    key: { ...TEXT, description: 'The private key as PEM text.' },
    keyFile: { ...TEXT, description: 'Path of it below the base folder, instead of `key`.' },
    pfxFile: {
      ...TEXT,
      description: 'Path of a PKCS #12 file (.p12, .pfx) below the base folder, instead of both.',
    },
    passphrase: { ...TEXT, description: 'Of an encrypted key, or of the PKCS #12 file.' },
    passphraseEnv: {
      ...TEXT,
      description:
        'Environment variable that holds the passphrase. Read only where files are: with a base folder.',
    },
  },
  allOf: [
    {
      oneOf: [{ required: ['cert'] }, { required: ['certFile'] }, { required: ['pfxFile'] }],
    },
    { oneOf: [{ required: ['key'] }, { required: ['keyFile'] }, { required: ['pfxFile'] }] },
    { not: { required: ['passphrase', 'passphraseEnv'] } },
  ],
};

const PINS = {
  ...TEXTS,
  description:
    'Pins: sha256/BASE64 of the key, or SHA256:HEX or colon hex of the certificate. One of them must match.',
};

const ANY = {
  pins: PINS,
  serverName: {
    anyOf: [
      TEXT,
      {
        type: 'object',
        additionalProperties: false,
        required: ['uri'],
        properties: { uri: { ...TEXT, description: 'Such as spiffe://example.org/billing.' } },
      },
    ],
    description: 'Name to ask for and to check the certificate against, instead of the host.',
  },
  clientCertificate: CLIENT_CERTIFICATE,
  minVersion: { enum: ['TLSv1.2', 'TLSv1.3'] },
  maxVersion: { enum: ['TLSv1.2', 'TLSv1.3'] },
  groups: {
    anyOf: [
      { enum: [...TLS_GROUPS] },
      { type: 'array', items: { enum: [...TLS_GROUPS] }, minItems: 1 },
    ],
    description: 'Groups of the key exchange; those with MLKEM are post-quantum.',
  },
};

const ALLOW_EXPIRED = {
  type: 'boolean',
  description: 'Accept the pinned certificate after its end, too. Needs pins.',
};

const BY_CA = {
  title: 'By certificates of your own',
  type: 'object',
  additionalProperties: false,
  properties: {
    ...ANY,
    ca: {
      ...TEXTS,
      description: "Certificates as PEM text: authorities, or the server's own.",
    },
    caFile: { ...TEXTS, description: 'Paths of them below the base folder, instead of `ca`.' },
    authority: {
      type: 'boolean',
      description: 'Whether all of them are authorities. Default: those without server names are.',
    },
    roots: {
      enum: ['none', 'default', 'system'],
      description:
        "'default': the public roots, too. 'system': those of the operating system, too.",
    },
    identity: { const: 'name' },
    allowExpired: ALLOW_EXPIRED,
    crl: { ...TEXTS, description: 'Revocation lists as PEM text, one for each authority.' },
    crlFile: { ...TEXTS, description: 'Paths of them below the base folder, instead of `crl`.' },
  },
  allOf: [
    { oneOf: [{ required: ['ca'] }, { required: ['caFile'] }] },
    { not: { required: ['crl', 'crlFile'] } },
    {
      if: { required: ['allowExpired'], properties: { allowExpired: { const: true } } },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      then: {
        required: ['pins'],
        not: { anyOf: [{ required: ['crl'] }, { required: ['crlFile'] }] },
      },
    },
  ],
};

const BY_ROOTS = {
  title: 'By the public roots, with or without pins',
  type: 'object',
  additionalProperties: false,
  required: ['roots'],
  properties: {
    ...ANY,
    roots: { enum: ['default', 'system'] },
    identity: { const: 'name' },
    allowExpired: { const: false },
  },
};

const BY_PIN = {
  title: 'By a pin alone: names and chain are not checked',
  type: 'object',
  additionalProperties: false,
  required: ['identity', 'pins'],
  properties: { ...ANY, identity: { const: 'pin' }, allowExpired: ALLOW_EXPIRED },
};

/**
 * JSON Schema (draft 07) of what {@link parseTrust} reads: for the `tls` field in the schema of a host's own
 * configuration, and for editors. It describes the shape; what the certificates are, `parseTrust` finds. Fields
 * that are `null` or `undefined`, which `parseTrust` takes for not given, are not in it.
 */
export const trustSchema: Readonly<Record<string, unknown>> = freeze({
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'Trust for one server',
  anyOf: [
    { type: 'null', description: 'The public roots.' },
    { ...TEXT, description: 'Certificates as PEM text: short for { ca }.' },
    BY_CA,
    BY_ROOTS,
    BY_PIN,
  ],
});

function freeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) {
    if (typeof part === 'object' && part !== null) freeze(part);
  }
  return Object.freeze(value);
}

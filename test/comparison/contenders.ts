import type { PolicyField } from '../../src/testing/index.js';
import type { Contender } from './contender.js';

/** What the options of `tls.connect` have words for; pins are not among them. */
const NODE_TLS: readonly PolicyField[] = [
  'ca',
  'roots',
  'serverName',
  'minVersion',
  'clientCertificate',
  'crl',
];

/** Who is compared, in the order of the tables. */
export const CONTENDERS: readonly Contender[] = [
  {
    id: 'mcp-tls',
    name: 'mcp-tls',
    how: '`makeCustomClientFactory(policy)`, one factory for each policy.',
    packages: ['mcp-tls', 'undici'],
    supports: [...NODE_TLS, 'authority', 'pins', 'identity', 'allowExpired', 'origins'],
    load: () => import('./clients/mcp-tls.js'),
  },
  {
    id: 'undici-ca',
    name: 'undici, connect.ca',
    how: "`fetch` of undici over `new Agent({ connect: { ca } })`; the policy's other fields as options of `tls.connect`.",
    packages: ['undici'],
    supports: NODE_TLS,
    load: () => import('./clients/undici-ca.js'),
  },
  {
    id: 'undici-fingerprint',
    name: 'undici, fingerprint connector',
    how: "`buildConnector({ rejectUnauthorized: false })`, then the SHA-256 fingerprint of the last certificate that the server sent is compared with the CA's, as the example in undici's documentation does. Pins are compared with the server's own certificate in the same place.",
    note: 'No signature is verified: a certificate that anybody made is accepted if it names the CA as its issuer and the CA follows it in the chain. A CA is recognised only where the server sends it along, which servers need not do and those of the battery mostly do not: hence what does not work, and many of the refusals. On a resumed TLS session `getPeerCertificate()` is empty, so a second connection is refused.',
    packages: ['undici'],
    // What the documented connector looks at is a fingerprint: names, chains and lists are not.
    supports: ['ca', 'minVersion', 'clientCertificate', 'pins'],
    load: () => import('./clients/undici-fingerprint.js'),
  },
  {
    id: 'check-server-identity',
    name: 'rejectUnauthorized: false, checkServerIdentity',
    how: '`new Agent({ connect: { ca, rejectUnauthorized: false, checkServerIdentity } })` of undici, where the function returns an error unless the fingerprint is the expected one.',
    note: 'Node.js calls the function only where the chain is in order, and connects whatever it returns.',
    packages: ['undici'],
    supports: ['ca', 'minVersion', 'clientCertificate', 'pins'],
    load: () => import('./clients/check-server-identity.js'),
  },
  {
    id: 'node-https',
    name: 'node:https, ca',
    how: '`https.request` with `new https.Agent({ ca, keepAlive: true })`. It follows no redirects and decodes no bodies.',
    packages: [],
    supports: NODE_TLS,
    load: () => import('./clients/node-https.js'),
  },
  {
    id: 'got',
    name: 'got',
    how: '`got.stream` with `https: { certificateAuthority }` and a keep-alive agent.',
    packages: ['got'],
    // It passes no revocation list on.
    supports: NODE_TLS.filter((field) => field !== 'crl'),
    load: () => import('./clients/got.js'),
  },
  {
    id: 'axios',
    name: 'axios',
    how: '`axios.create({ httpsAgent: new https.Agent({ ca, keepAlive: true }) })`.',
    packages: ['axios'],
    supports: NODE_TLS,
    load: () => import('./clients/axios.js'),
  },
  {
    id: 'node-fetch',
    name: 'node-fetch',
    how: '`fetch(url, { agent: new https.Agent({ ca, keepAlive: true }) })`.',
    note: 'A second redirect of a request with a body ends in an uncaught TypeError, and the request in nothing.',
    packages: ['node-fetch'],
    supports: NODE_TLS,
    load: () => import('./clients/node-fetch.js'),
  },
  {
    id: 'extra-ca-certs',
    name: 'global fetch, NODE_EXTRA_CA_CERTS',
    how: 'The `fetch` of Node.js in a process of its own, started with NODE_EXTRA_CA_CERTS. This is how mcp-remote is given a private CA; mcp-remote itself is a bridge from stdio, which a battery of HTTP exchanges cannot be put to, so this stands for its connections and not for its program.',
    note: 'On Node.js 20 a request that is aborted before its answer can leave its connection open, so `http-abort` comes out one way or the other.',
    packages: [],
    // The variable names certificates, and nothing else about trust.
    supports: ['ca', 'roots'],
    load: () => import('./clients/extra-ca-certs.js'),
  },
];

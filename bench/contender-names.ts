/** What the contenders are called where people read of them. */
const NAMES: Readonly<Record<string, string>> = {
  'mcp-tls': 'mcp-tls',
  'mcp-tls-transport': 'mcp-tls, by its own transport',
  'undici-fetch': 'undici.fetch, Agent with `ca`',
  'global-fetch': 'global fetch, the same Agent',
  'node-https': 'node:https',
  axios: 'axios, https.Agent',
  got: 'got',
  'node-fetch': 'node-fetch',
  'new-client': 'undici.fetch, a new Agent each call',
  'undici-request': 'undici.request, no SDK',
  'undici-dispatch': 'undici: Agent.dispatch, a handler that collects text',
  httpx: 'Python httpx, no SDK',
  'httpx-new-client': 'Python httpx, a new Client each call',
  'sdk-in-memory': 'the SDK in memory',
  'through-factory': 'mcp-tls: through a factory',
  'through-registry': 'mcp-tls: through a registry',
  'mcp-tls-factory': 'mcp-tls, a new factory and its client',
  'undici-agent': 'undici: new Agent with `ca`',
  'tls-connect': 'tls.connect over a context: { ca }',
  'tls-connect-crl': 'tls.connect over a context: { ca, crl }',
  'tls-connect-own': "tls.connect over a context: the server's own certificate",
  'ca-and-pins': 'mcp-tls: { ca, pins }',
  'ca-and-crl': 'mcp-tls: { ca, crl }',
  'own-certificate': "mcp-tls: the server's own certificate",
  'https-ca-only': 'node:https: { ca }',
  'ca-only': 'mcp-tls: { ca }',
  'ca-and-roots': "mcp-tls: { ca, roots: 'default' }",
  'undici-ca-only': 'undici.request: { ca }',
  'undici-ca-and-roots': 'undici.request: { ca: [...rootCertificates, ca] }',
  nothing: 'nothing imported',
  undici: 'undici',
  'mcp-tls/core': 'mcp-tls/core',
  'mcp-sdk': 'the SDK by itself',
  floor: 'floor: undici.request, and the SDK in memory',
};

/** @throws for a contender that nobody has named */
export function contenderName(id: string): string {
  const name = NAMES[id];
  if (name === undefined) throw new Error(`contender '${id}' has no name`);
  return name;
}

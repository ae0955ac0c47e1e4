import { gzipSync } from 'node:zlib';
import type { TlsServer } from '../start-tls-server.js';
import type { RequestHandler } from '../tls-server-options.js';
import {
  type AttackCheck,
  attack,
  type BatteryCheck,
  forFetch,
  must,
  type Stage,
  works,
} from './battery-check.js';
import type { BatteryRequest } from './battery-policy.js';
import { addDefaultRoot, fixedDefaultRoots } from './default-roots.js';
import { resolveToLoopback } from './effect.js';
import { echo, reach, reachEcho, SECRET_GET } from './requests.js';

const PUBLIC_ONLY =
  'Reach other origins than that of the policy at public addresses only, judged after the look-up, or only those of a list; or not at all.';
const CLOSED = 'Take policy.origins for a closed list, each origin with its own anchors.';
const WHY_PRIVATE =
  "A server that a person approved names it in OAuth metadata, and its client's own network is asked for it.";
const PUBLIC_NAME = 'login.battery.example';
const METADATA = '/.well-known/oauth-authorization-server';

/** As the SDKs send it to the token endpoint that the metadata names. */
const TOKEN_REQUEST: BatteryRequest = {
  method: 'POST',
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
  body: 'grant_type=refresh_token&refresh_token=battery-canary&client_secret=battery-canary',
};

const CHECKS: readonly BatteryCheck[] = [
  named('loopback', 'at 127.0.0.1', ({ port }) => `https://127.0.0.1:${port}${METADATA}`),
  named('localhost', 'at localhost', ({ port }) => `https://localhost:${port}${METADATA}`),
  named('unspecified', 'at 0.0.0.0', ({ port }) => `https://0.0.0.0:${port}${METADATA}`),
  named(
    'ipv4-mapped',
    'at [::ffff:127.0.0.1]',
    ({ port }) => `https://[::ffff:127.0.0.1]:${port}${METADATA}`,
  ),
  named(
    'token-endpoint',
    'as its token endpoint',
    ({ port }) => `https://127.0.0.1:${port}/v1/token`,
    TOKEN_REQUEST,
  ),
  attack('other origins', {
    id: 'named-by-name',
    name: 'A server names an internal service by a name that looks public and resolves to 127.0.0.1',
    why: 'Whoever owns a domain says where its names lead: the text of a URL says nothing of it.',
    advice: PUBLIC_ONLY,
    alone: true,
    async arrange(stage) {
      await resolveToLoopback(stage, PUBLIC_NAME);
      // The anchors are those of the own origin: what counts is whether it is connected to.
      const { own, victim, policy } = await twoServers(stage);
      const url = victim.urlFor(PUBLIC_NAME, METADATA);
      const policyUrl = `${own.url}/mcp`;
      return { victim, policy, policyUrl, url, first: reachOwn, isNamed: true, ...AS_GET };
    },
  }),
  attack('other origins', {
    id: 'named-plain-http',
    name: 'A server names a metadata host of a cloud, by http:',
    why: 'What answers there gives credentials to anybody who asks from inside.',
    advice: 'Refuse every URL that is not https:.',
    async arrange(stage) {
      const { own, victim, policy } = await twoServers(stage);
      victim.speakPlainHttp();
      const url = `http://127.0.0.1:${victim.port}/latest/meta-data`;
      return { victim, policy, policyUrl: `${own.url}/mcp`, url, first: reachOwn, ...AS_GET };
    },
  }),
  attack('other origins', {
    id: 'named-redirect',
    name: 'The metadata of a server is redirected (302) to an internal service',
    why: WHY_PRIVATE,
    advice: PUBLIC_ONLY,
    async arrange(stage) {
      let target = '';
      const redirect: RequestHandler = (request, response) => {
        request.resume();
        const isMetadata = request.url === METADATA;
        response.writeHead(isMetadata ? 302 : 200, isMetadata ? { location: target } : {}).end();
      };
      const { own, victim, policy } = await twoServers(stage, redirect);
      target = `${victim.url}/admin`;
      const url = `${own.url}${METADATA}`;
      const policyUrl = `${own.url}/mcp`;
      return { victim, policy, policyUrl, url, first: reachOwn, redirects: true, ...AS_GET };
    },
  }),
  attack('other origins', {
    id: 'named-default-root',
    name: 'A server names an internal service whose CA is among the default roots',
    why: "A company's CA is in the roots of its gateways: the internal service answers, with a token of its own.",
    advice: PUBLIC_ONLY,
    alone: true,
    hindrance: fixedDefaultRoots,
    async arrange(stage) {
      const company = await stage.certificate({ isCa: true });
      await addDefaultRoot(stage, company);
      const certificate = await stage.certificate({ signedBy: company });
      const victim = await stage.server({ certificate });
      const { own, policy } = await twoServers(stage);
      const url = `https://127.0.0.1:${victim.port}/v1/token`;
      const policyUrl = `${own.url}/mcp`;
      const request = TOKEN_REQUEST;
      return { victim, policy, policyUrl, url, first: reachOwn, request, isNamed: true };
    },
  }),
  attack('other origins', {
    id: 'listed-is-closed',
    name: 'A server names an origin that is not in the list of other origins',
    why: 'Who the authorization server is has been said: codes and refresh tokens are for it.',
    advice: CLOSED,
    needs: ['origins'],
    async arrange(stage) {
      const { own, victim, policy } = await twoServers(stage);
      const listed = await stage.server({ certificate: await stage.certificate() });
      const origins = { [listed.url]: policy.ca };
      const url = `${victim.url}/token`;
      const policyUrl = `${own.url}/mcp`;
      const given = { ...policy, origins };
      return { victim, policy: given, policyUrl, url, first: reachOwn, isNamed: true, ...AS_TOKEN };
    },
  }),
  attack('other origins', {
    id: 'listed-certificate',
    name: 'A listed origin presents a certificate that only the policy of the server trusts',
    why: 'Whoever runs the server could stand in for its authorization server.',
    advice: CLOSED,
    needs: ['origins'],
    async arrange(stage) {
      const { own, victim, policy } = await twoServers(stage);
      const genuine = await stage.certificate();
      const given = { ...policy, origins: { [victim.url]: genuine.pem } };
      const url = `${victim.url}/token`;
      const policyUrl = `${own.url}/mcp`;
      return { victim, policy: given, policyUrl, url, first: reachOwn, request: TOKEN_REQUEST };
    },
  }),
  works('other origins', {
    id: 'listed-origin',
    name: 'A listed origin has a certificate of its own, at a private address',
    why: 'An authorization server of the same network is the usual case of a gateway.',
    advice: CLOSED,
    needs: ['origins'],
    async run(stage) {
      const { own, listed, policy } = await listing(stage);
      const client = await stage.client({ url: `${own.url}/mcp`, ...policy });
      await reach(client, `${listed.url}${METADATA}`, SECRET_GET);
    },
  }),
  works('other origins', {
    id: 'listed-token-request',
    name: 'A listed origin gets a token request as it was sent',
    why: 'A code or refresh token works once: what arrives in part is lost.',
    advice: CLOSED,
    needs: ['origins'],
    async run(stage) {
      const { own, listed, policy } = await listing(stage, echo);
      const client = await stage.client({ url: `${own.url}/mcp`, ...policy });
      const { method, body } = await reachEcho(client, `${listed.url}/token`, TOKEN_REQUEST);
      must(method === 'POST' && body === TOKEN_REQUEST.body, 'another request arrived');
    },
  }),
  works('other origins', {
    id: 'listed-beside-own',
    name: 'Where other origins are listed, the server of the policy is reached as before',
    why: 'A list of others says nothing of the server itself.',
    advice: CLOSED,
    needs: ['origins'],
    async run(stage) {
      const { own, policy } = await listing(stage);
      await reach(await stage.client({ url: `${own.url}/mcp`, ...policy }), `${own.url}/mcp`);
    },
  }),
  works('other origins', {
    id: 'listed-bomb',
    name: 'A listed origin answers with 8 MB, in 8 KB where gzip is asked for, and is cut off',
    why: 'No metadata has a hundredth of it, and every server of a gateway shares its memory.',
    advice: 'Bound what is read of other origins than that of the policy, after it was decoded.',
    needs: ['origins'],
    // What it reads is decoded in the thread pool, where others make keys.
    alone: true,
    async run(stage) {
      const { own, listed, policy } = await listing(stage, bomb());
      const client = await stage.client({ url: `${own.url}/mcp`, ...policy });
      await reach(client, `${listed.url}/small`, SECRET_GET);
      const length = await reach(client, `${listed.url}${METADATA}`, SECRET_GET).then(
        (text) => text.length,
        () => undefined,
      );
      must(length === undefined, `${length} characters were read`);
    },
  }),
];

/** Where a server may send its client: origins that only it has named, and those that are listed. */
export const OTHER_ORIGIN_CHECKS: readonly BatteryCheck[] = CHECKS.map(forFetch);

const AS_GET = { request: SECRET_GET } as const;
const AS_TOKEN = { request: TOKEN_REQUEST } as const;

function named(
  id: string,
  name: string,
  url: (victim: TlsServer) => string,
  request: BatteryRequest = SECRET_GET,
): AttackCheck {
  return attack('other origins', {
    id: `named-${id}`,
    name: `A server names an internal service ${name}`,
    why: WHY_PRIVATE,
    advice: PUBLIC_ONLY,
    async arrange(stage) {
      const { own, victim, policy } = await twoServers(stage);
      const policyUrl = `${own.url}/mcp`;
      return {
        victim,
        policy,
        policyUrl,
        url: url(victim),
        first: reachOwn,
        request,
        isNamed: true,
      };
    },
  });
}

/** The genuine server works: a client that refuses everything shows nothing. */
async function reachOwn(client: Parameters<typeof reach>[0], url: string): Promise<void> {
  await reach(client, url);
}

/** The server of the policy, and a service that its CA vouches for. */
async function twoServers(
  stage: Stage,
  onRequest?: RequestHandler,
): Promise<{ own: TlsServer; victim: TlsServer; policy: { ca: string } }> {
  const ca = await stage.certificate({ isCa: true });
  const certificate = await stage.certificate({ signedBy: ca });
  const own = await stage.server({ certificate, ...(onRequest && { onRequest }) });
  const victim = await stage.server({ certificate });
  return { own, victim, policy: { ca: ca.pem } };
}

/** The server of the policy, and a listed one with a certificate of its own. */
async function listing(
  stage: Stage,
  onRequest?: RequestHandler,
): Promise<{
  own: TlsServer;
  listed: TlsServer;
  policy: { ca: string; origins: Record<string, string> };
}> {
  const { own, policy } = await twoServers(stage);
  const certificate = await stage.certificate();
  const listed = await stage.server({ certificate, ...(onRequest && { onRequest }) });
  return { own, listed, policy: { ...policy, origins: { [listed.url]: certificate.pem } } };
}

/** Packed before there is a client, whose time it would take. Who does not ask for gzip gets it as it is. */
function bomb(): RequestHandler {
  const large = Buffer.alloc(8 * 1_048_576, 0x20);
  const packed = gzipSync(large);
  return (request, response) => {
    request.resume();
    response.setHeader('content-type', 'application/json');
    if (request.url !== METADATA) return void response.end('{}');
    const isAsked = String(request.headers['accept-encoding']).includes('gzip');
    if (isAsked) response.setHeader('content-encoding', 'gzip');
    response.end(isAsked ? packed : large);
  };
}

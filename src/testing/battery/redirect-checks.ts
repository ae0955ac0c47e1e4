import type { TlsServer } from '../start-tls-server.js';
import type { RequestHandler } from '../tls-server-options.js';
import { type AttackCheck, attack } from './battery-check.js';
import { SECRET_GET, SECRET_POST } from './requests.js';

const ADVICE =
  "Ask with redirect: 'manual', and follow only where the new URL has the same origin; hand anything else back or reject.";

/** What an attack by redirect is made of. `target` is where no byte may arrive. */
interface RedirectAttack {
  readonly id: string;
  readonly name: string;
  readonly why: string;
  readonly status: number;
  readonly method: 'GET' | 'POST';
  /** Default: a server that the CA of the policy vouches for. */
  readonly target?: 'impostor' | 'plain';
  readonly location?: (target: TlsServer) => string;
  /** A redirect within the origin comes first. */
  readonly hop?: boolean;
}

/**
 * A server that is genuine, or was broken into, sends the client elsewhere. To hand back the
 * redirect as it is counts as a refusal.
 */
export const REDIRECT_CHECKS: readonly AttackCheck[] = [
  redirect({
    id: 'redirect-get-other-origin',
    name: 'A GET is redirected (302) to another origin',
    why: 'Headers such as x-api-key go along to whoever the server names.',
    status: 302,
    method: 'GET',
  }),
  redirect({
    id: 'redirect-post-307-other-origin',
    name: 'A POST is redirected (307) to another origin',
    why: 'The whole request, body included, is sent again to somebody else.',
    status: 307,
    method: 'POST',
  }),
  redirect({
    id: 'redirect-post-308-other-origin',
    name: 'A POST is redirected (308) to another origin',
    why: 'The whole request, body included, is sent again to somebody else, and for good.',
    status: 308,
    method: 'POST',
  }),
  redirect({
    id: 'redirect-post-302-other-origin',
    name: 'A POST is redirected (302) to another origin',
    why: 'The body is dropped on the way, the credentials are not.',
    status: 302,
    method: 'POST',
  }),
  redirect({
    id: 'redirect-get-to-http',
    name: 'A GET is redirected (302) down to http',
    why: 'Credentials travel in the clear, past every certificate.',
    status: 302,
    method: 'GET',
    target: 'plain',
  }),
  redirect({
    id: 'redirect-post-to-http',
    name: 'A POST is redirected (308) down to http',
    why: 'The whole request travels in the clear, past every certificate.',
    status: 308,
    method: 'POST',
    target: 'plain',
  }),
  redirect({
    id: 'redirect-to-impostor',
    name: 'A POST is redirected (307) to an impostor on another port of the same host',
    why: 'A new origin is a new server, also on the same machine.',
    status: 307,
    method: 'POST',
    target: 'impostor',
  }),
  redirect({
    id: 'redirect-without-scheme',
    name: 'A GET is redirected (301) to //another-origin/',
    why: 'A location that looks like a path can name another host.',
    status: 301,
    method: 'GET',
    location: (target) => `//127.0.0.1:${target.port}/collect`,
  }),
  redirect({
    id: 'redirect-second-hop',
    name: 'A redirect within the origin is followed by one out of it',
    why: 'Each redirect is judged, not only the first.',
    status: 307,
    method: 'POST',
    hop: true,
  }),
];

function redirect(input: RedirectAttack): AttackCheck {
  const { id, name, why, method, hop, status, target } = input;
  return attack('redirect', {
    id,
    name,
    why,
    // A host chooses its methods itself.
    subject: method === 'GET' ? 'fetch' : 'any',
    advice: ADVICE,
    async arrange(stage) {
      const ca = await stage.certificate({ isCa: true });
      const certificate = await stage.certificate({ signedBy: ca });
      const impostor = target === 'impostor' ? await stage.certificate() : certificate;
      const victim = await stage.server({ certificate: impostor });
      if (target === 'plain') victim.speakPlainHttp();
      const there = target === 'plain' ? victim.url.replace('https:', 'http:') : victim.url;
      const location = input.location?.(victim) ?? `${there}/collect`;
      const onRequest: RequestHandler = (request, response) => {
        request.resume();
        const inside = hop === true && request.url === '/mcp';
        response.writeHead(inside ? 307 : status, {
          location: inside ? '/further' : location,
          'content-length': 0,
        });
        response.end();
      };
      const server = await stage.server({ certificate, onRequest });
      return {
        victim,
        policy: { ca: ca.pem },
        policyUrl: `${server.url}/mcp`,
        redirects: true,
        request: method === 'GET' ? SECRET_GET : SECRET_POST,
      };
    },
  });
}

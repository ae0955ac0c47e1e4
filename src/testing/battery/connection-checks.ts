import { randomBytes } from 'node:crypto';
import type { TlsServer } from '../start-tls-server.js';
import { type AttackCheck, attack, type Stage } from './battery-check.js';
import type { BatteryClient } from './battery-policy.js';
import { addDefaultRoot, fixedDefaultRoots } from './default-roots.js';
import { copiedEnvironment, mustBeAccepted, setVariable } from './effect.js';
import { pause, reach } from './requests.js';

/** How long a client gets to notice that its connections were closed. */
const NOTICE_MS = 30;
const NO_SESSIONS =
  'Do not resume TLS sessions, or keep them per policy and judge the certificate again: undici and https.Agent take maxCachedSessions: 0. On a resumed session no certificate is shown and checkServerIdentity is not called.';
const OWN_POOL =
  'Give each policy a pool of its own: one Agent for all of them finds connections and sessions by host alone.';
const EXPLICIT =
  'Pass rejectUnauthorized: true explicitly: only the default is changed by the variable.';
const NO_HTTP = 'Refuse every URL that is not https:, and never fall back to http.';

/** Attacks on which connection is used, and on what comes after a good one. */
export const CONNECTION_CHECKS: readonly AttackCheck[] = [
  attack('connection', {
    id: 'rotation',
    name: 'After a good connection the server comes back as an impostor',
    why: 'The certificate has to be verified on each new connection, not once for each server.',
    advice: 'Verify in the connector, not in a probe before the first request.',
    arrange: (stage) => rotated(stage, {}),
  }),
  attack('connection', {
    id: 'resumption-tls-1.2',
    name: 'An impostor that has the ticket key resumes a TLS 1.2 session',
    why: 'A resumed session shows no certificate, so a client that resumes has nothing to verify.',
    advice: NO_SESSIONS,
    arrange: (stage) => rotated(stage, { maxVersion: 'TLSv1.2', ticketKeys: randomBytes(48) }),
  }),
  attack('connection', {
    id: 'resumption-tls-1.3',
    name: 'An impostor that has the ticket key resumes a TLS 1.3 session',
    why: 'A resumed session shows no certificate, so a client that resumes has nothing to verify.',
    advice: NO_SESSIONS,
    arrange: (stage) => rotated(stage, { minVersion: 'TLSv1.3', ticketKeys: randomBytes(48) }),
  }),
  attack('connection', {
    id: 'policy-shared-pool',
    name: 'The connection of another policy to the same server is still open',
    why: 'What another policy trusts is not what this one trusts.',
    advice: OWN_POOL,
    arrange: (stage) => underOtherPolicy(stage, async () => {}),
  }),
  attack('connection', {
    id: 'policy-shared-sessions',
    name: 'The TLS session of another policy with the same server could be resumed',
    why: 'A session that was made under one policy is accepted under another without a look.',
    advice: `${OWN_POOL} ${NO_SESSIONS}`,
    arrange: (stage) =>
      underOtherPolicy(stage, async (server, other) => {
        // A host would take up its stream again, under its own policy: that is no leak.
        if (stage.kind === 'host') await other.close?.();
        server.dropConnections();
      }),
  }),
  attack('connection', {
    id: 'policy-other-origin',
    name: 'The client is asked for another origin, which the CA of its policy vouches for',
    subject: 'fetch',
    why: 'A policy is for one server. A private CA must not become a root for all of the web.',
    advice:
      'Compare the origin of each request with that of the policy, and use the default roots elsewhere.',
    async arrange(stage) {
      const ca = await stage.certificate({ isCa: true });
      const mine = await stage.server({ certificate: await stage.certificate({ signedBy: ca }) });
      const victim = await stage.server({ certificate: await stage.certificate({ signedBy: ca }) });
      const [policyUrl, url] = [`${mine.url}/mcp`, `${victim.url}/mcp`];
      return { victim, policy: { ca: ca.pem }, policyUrl, url, first: reachFirst };
    },
  }),
  attack('connection', {
    id: 'interceptor',
    name: 'A man in the middle with a certificate of its own CA for the right names',
    why: 'What a TLS-inspecting proxy does: it reads everything that a client sends.',
    advice: "Verify the chain under the policy's certificates only.",
    async arrange(stage) {
      const { ca, server, foreign } = await intercepted(stage);
      const victim = await stage.interceptor(server, { certificate: foreign });
      return { victim, policy: { ca: ca.pem } };
    },
  }),
  attack('connection', {
    id: 'interceptor-later',
    name: 'A man in the middle begins to read after a good connection',
    why: 'A path that was clean yesterday is verified again today.',
    advice: 'Verify in the connector, not in a probe before the first request.',
    async arrange(stage) {
      const { ca, server, foreign } = await intercepted(stage);
      const victim = await stage.interceptor(server, { certificate: foreign, mode: 'passthrough' });
      const first = async (client: BatteryClient, url: string): Promise<void> => {
        await reach(client, url);
        victim.switchTo('terminate');
        victim.dropConnections();
        await pause(NOTICE_MS);
      };
      return { victim, policy: { ca: ca.pem }, first, tries: { sequential: 2 } };
    },
  }),
  attack('connection', {
    id: 'impostor-again',
    name: 'An impostor is asked three times in a row',
    why: 'A refusal is not remembered as an acquaintance: no ticket of a refused server is used.',
    advice: NO_SESSIONS,
    async arrange(stage) {
      const [genuine, certificate] = await stage.twins();
      const victim = await stage.server({ certificate });
      return { victim, policy: { ca: genuine.pem }, tries: { sequential: 3 } };
    },
  }),
  attack('connection', {
    id: 'impostor-in-parallel',
    name: 'An impostor is asked ten times at once',
    why: 'Every connection is verified, not only the first of those that open together.',
    advice: 'Verify in the connector, for each connection.',
    async arrange(stage) {
      const [genuine, certificate] = await stage.twins();
      const victim = await stage.server({ certificate });
      return { victim, policy: { ca: genuine.pem }, tries: { together: 10 } };
    },
  }),
  attack('connection', {
    id: 'tls-1.1',
    name: 'The server speaks TLS 1.1 at most',
    why: 'TLS 1.0 and 1.1 are broken and withdrawn (RFC 8996).',
    advice: "Leave minVersion at 'TLSv1.2' or above.",
    async arrange(stage) {
      const certificate = await stage.certificate();
      const victim = await stage.server({
        certificate,
        minVersion: 'TLSv1',
        maxVersion: 'TLSv1.1',
        ciphers: 'DEFAULT@SECLEVEL=0',
      });
      return { victim, policy: { ca: certificate.pem } };
    },
  }),
  attack('connection', {
    id: 'min-version',
    name: 'The server speaks TLS 1.2 at most, and the policy demands 1.3',
    why: 'A policy that demands a version must not be talked down.',
    advice: 'Pass policy.minVersion to the connection.',
    needs: ['minVersion'],
    async arrange(stage) {
      const certificate = await stage.certificate();
      const victim = await stage.server({ certificate, maxVersion: 'TLSv1.2' });
      return { victim, policy: { ca: certificate.pem, minVersion: 'TLSv1.3' } };
    },
  }),
  attack('connection', {
    id: 'plain-http-answer',
    name: 'The server answers in clear HTTP on the port of its https: URL',
    why: 'A man in the middle who cannot speak TLS may hope for a client that falls back.',
    advice: NO_HTTP,
    async arrange(stage) {
      const certificate = await stage.certificate();
      const victim = await stage.server({ certificate });
      victim.speakPlainHttp();
      return { victim, policy: { ca: certificate.pem } };
    },
  }),
  attack('connection', {
    id: 'plain-http-url',
    name: 'The client is asked for an http: URL',
    why: 'One wrong letter in a configuration must not send credentials in the clear.',
    advice: NO_HTTP,
    async arrange(stage) {
      const certificate = await stage.certificate();
      const victim = await stage.server({ certificate });
      victim.speakPlainHttp();
      const url = `${victim.url.replace('https:', 'http:')}/mcp`;
      return { victim, policy: { ca: certificate.pem }, url };
    },
  }),
  environment('environment-chain', 'an impostor is asked', '127.0.0.1'),
  environment('environment-name', 'a server of another name is asked', 'localhost'),
  attack('connection', {
    id: 'default-roots-excluded',
    name: 'The server has a certificate under a default root, and the policy names another CA',
    why: 'Only-this-CA means that none of the public CAs can vouch for the server.',
    advice:
      "Pass the policy's certificates as the only ca; do not append them to the default roots.",
    alone: true,
    hindrance: fixedDefaultRoots,
    async arrange(stage) {
      const publicRoot = await stage.certificate({ isCa: true });
      await addDefaultRoot(stage, publicRoot);
      const ca = await stage.certificate({ isCa: true });
      const certificate = await stage.certificate({ signedBy: publicRoot });
      return { victim: await stage.server({ certificate }), policy: { ca: ca.pem } };
    },
  }),
];

async function reachFirst(client: BatteryClient, url: string): Promise<void> {
  await reach(client, url);
}

/** A genuine server that turns into an impostor once it was reached. */
async function rotated(
  stage: Stage,
  options: Partial<Parameters<Stage['server']>[0]>,
): ReturnType<AttackCheck['arrange']> {
  const [genuine, impostor] = await stage.twins();
  const victim = await stage.server({ certificate: genuine, ...options });
  const first = async (client: BatteryClient, url: string): Promise<void> => {
    await reach(client, url);
    victim.rotate(impostor, { dropConnections: true });
    await pause(NOTICE_MS);
  };
  // Twice, since some clients spend their first try on finding the old connection closed.
  return { victim, policy: { ca: genuine.pem }, first, tries: { sequential: 2 } };
}

/** A server that a client of another policy, made by the same function, has just talked to. */
async function underOtherPolicy(
  stage: Stage,
  then: (server: TlsServer, other: BatteryClient) => Promise<void>,
): ReturnType<AttackCheck['arrange']> {
  const certificate = await stage.certificate();
  const stranger = await stage.certificate();
  const victim = await stage.server({ certificate, ticketKeys: randomBytes(48) });
  const first = async (_client: BatteryClient, url: string): Promise<void> => {
    const other = await stage.client({ url, ca: certificate.pem });
    await reach(other, url);
    await then(victim, other);
    await pause(NOTICE_MS);
  };
  return { victim, policy: { ca: stranger.pem }, first, tries: { sequential: 2 } };
}

async function intercepted(stage: Stage): Promise<{
  ca: Awaited<ReturnType<Stage['certificate']>>;
  foreign: Awaited<ReturnType<Stage['certificate']>>;
  server: TlsServer;
}> {
  const [ca, foreignCa] = await stage.twins({ isCa: true });
  const server = await stage.server({ certificate: await stage.certificate({ signedBy: ca }) });
  return { ca, foreign: await stage.certificate({ signedBy: foreignCa }), server };
}

function environment(id: string, what: string, host: string): AttackCheck {
  return attack('connection', {
    id,
    name: `NODE_TLS_REJECT_UNAUTHORIZED=0 is set, and ${what}`,
    why: 'A variable that somebody set for another program switches off even a ca of your own.',
    advice: EXPLICIT,
    // Node.js reads the variable for each connection, and a client cannot be carried over into a
    // child process: so it is set here, for this one check, and put back.
    alone: true,
    hindrance: copiedEnvironment,
    async arrange(stage) {
      const genuine = await stage.certificate({ dns: ['other.example'] });
      const impostor = await stage.certificate();
      const certificate = host === 'localhost' ? genuine : impostor;
      const victim = await stage.server({ certificate });
      setVariable(stage, 'NODE_TLS_REJECT_UNAUTHORIZED', '0');
      await mustBeAccepted(stage, impostor, 'NODE_TLS_REJECT_UNAUTHORIZED=0 was set');
      const policyUrl = victim.urlFor(host, '/mcp');
      return { victim, policy: { ca: genuine.pem }, policyUrl };
    },
  });
}

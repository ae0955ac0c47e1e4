import { createPrivateKey } from 'node:crypto';
import type { HeldCertificate } from '../held-certificate-options.js';
import type { TlsServer } from '../start-tls-server.js';
import { attack, type BatteryCheck, must, type Stage, works } from './battery-check.js';
import type { BatteryPolicyFields } from './battery-policy.js';
import { reach } from './requests.js';
import { revocationList } from './revocation-list.js';

const OWN_ORIGIN =
  'Use the client certificate for connections to the origin of the policy only: it reveals who the client is, and to whom it talks.';
const PASS_ON = 'Pass cert, key and passphrase of policy.clientCertificate to the connection.';
const PASS_CRL =
  'Pass policy.crl to the secure context; Node.js then refuses what no valid list covers.';

/** Checks of `clientCertificate` and `crl`. */
export const CREDENTIAL_CHECKS: readonly BatteryCheck[] = [
  attack('client certificate', {
    id: 'client-certificate-other-origin',
    name: 'Another origin of the same CA asks for the client certificate',
    subject: 'fetch',
    why: 'A certificate names its holder to every server that gets to see it.',
    advice: OWN_ORIGIN,
    needs: ['clientCertificate'],
    async arrange(stage) {
      const { mine, policy, victim } = await twoServers(stage);
      return {
        victim,
        policy,
        policyUrl: `${mine.url}/mcp`,
        url: `${victim.url}/mcp`,
        alsoLeaked: () => certificateBytes(victim),
      };
    },
  }),
  attack('client certificate', {
    id: 'client-certificate-redirect',
    name: 'A redirect (307) leads to another origin that asks for the client certificate',
    why: 'A server can send a client, and its certificate, to somebody else.',
    advice: OWN_ORIGIN,
    needs: ['clientCertificate'],
    async arrange(stage) {
      const { mine, policy, victim } = await twoServers(stage);
      mine.redirectTo(`${victim.url}/collect`);
      return {
        victim,
        policy,
        policyUrl: `${mine.url}/mcp`,
        redirects: true,
        alsoLeaked: () => certificateBytes(victim),
      };
    },
  }),
  ...(['TLSv1.2', 'TLSv1.3'] as const).map((version) =>
    works('client certificate', {
      id: `client-certificate-${version.replace('v', '-').toLowerCase()}`,
      name: `The server demands a client certificate, over ${version}`,
      why: 'The right server gets the certificate that the policy holds for it.',
      advice: PASS_ON,
      needs: ['clientCertificate'],
      async run(stage) {
        const { policy, server, user } = await demanding(stage);
        const held = await stage.server({
          certificate: server,
          clientCa: user,
          minVersion: version,
          maxVersion: version,
        });
        await present(stage, held, user, policy);
      },
    }),
  ),
  works('client certificate', {
    id: 'client-certificate-passphrase',
    name: "The client certificate's key is encrypted",
    why: 'Keys are stored encrypted; the passphrase belongs to the policy.',
    advice: PASS_ON,
    needs: ['clientCertificate'],
    async run(stage) {
      const { policy, server, user } = await demanding(stage);
      const held = await stage.server({ certificate: server, clientCa: user });
      const passphrase = 'battery-canary';
      const key = createPrivateKey(user.keyPem)
        .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase })
        .toString();
      const clientCertificate = { cert: user.pem, key, passphrase };
      await present(stage, held, user, { ...policy, clientCertificate });
    },
  }),
  attack('revocation', {
    id: 'crl-revoked',
    name: "The certificate is on the policy's revocation list",
    why: 'A revoked key is in the wrong hands; the list is there to say so.',
    advice: PASS_CRL,
    needs: ['crl'],
    arrange: (stage) =>
      revoked(stage, ({ ca, leaf }) => revocationList({ issuer: ca, revoked: [leaf] })),
  }),
  attack('revocation', {
    id: 'crl-expired',
    name: 'The revocation list is out of date',
    why: 'Whoever can hold back new lists must not be able to hide a revocation.',
    advice: PASS_CRL,
    needs: ['crl'],
    arrange: (stage) =>
      revoked(stage, ({ ca }) =>
        revocationList({ issuer: ca, nextUpdate: new Date(Date.now() - 3_600_000) }),
      ),
  }),
  attack('revocation', {
    id: 'crl-foreign',
    name: 'The revocation list was signed by another CA of the same name',
    why: 'A clean list that anybody could have written clears nobody.',
    advice: PASS_CRL,
    needs: ['crl'],
    arrange: (stage) => revoked(stage, ({ otherCa }) => revocationList({ issuer: otherCa })),
  }),
  works('revocation', {
    id: 'crl-clean',
    name: 'The revocation list names another certificate',
    why: 'A list must not lock out those that are not on it.',
    advice: PASS_CRL,
    needs: ['crl'],
    async run(stage) {
      const ca = await stage.certificate({ isCa: true });
      const [leaf, other] = await stage.twins({ signedBy: ca });
      const server = await stage.server({ certificate: leaf });
      const url = `${server.url}/mcp`;
      const crl = revocationList({ issuer: ca, revoked: [other] });
      await reach(await stage.client({ url, ca: ca.pem, crl }), url);
    },
  }),
];

interface Family {
  readonly ca: HeldCertificate;
  readonly otherCa: HeldCertificate;
  readonly leaf: HeldCertificate;
}

async function revoked(
  stage: Stage,
  list: (family: Family) => string,
): Promise<{ victim: TlsServer; policy: BatteryPolicyFields }> {
  // Without key identifiers, the name alone says whose list it is.
  const [ca, otherCa] = await stage.twins({ isCa: true, keyIdentifiers: false });
  const leaf = await stage.certificate({ signedBy: ca, keyIdentifiers: false });
  const victim = await stage.server({ certificate: leaf });
  return { victim, policy: { ca: ca.pem, crl: list({ ca, otherCa, leaf }) } };
}

interface Demanding {
  readonly server: HeldCertificate;
  readonly user: HeldCertificate;
  readonly policy: BatteryPolicyFields;
}

async function demanding(stage: Stage): Promise<Demanding> {
  const [server, user] = await Promise.all([stage.certificate(), stage.certificate()]);
  const clientCertificate = { cert: user.pem, key: user.keyPem };
  return { server, user, policy: { ca: server.pem, clientCertificate } };
}

async function present(
  stage: Stage,
  server: TlsServer,
  user: HeldCertificate,
  policy: BatteryPolicyFields,
): Promise<void> {
  const url = `${server.url}/mcp`;
  await reach(await stage.client({ url, ...policy }), url);
  const [seen] = server.records.clientCertificates;
  must(seen?.fingerprint256 === user.fingerprint, 'the server did not get the certificate');
}

/** The server of the policy, and another one of the same CA that wants a client certificate. */
async function twoServers(
  stage: Stage,
): Promise<{ mine: TlsServer; victim: TlsServer; policy: BatteryPolicyFields }> {
  const ca = await stage.certificate({ isCa: true });
  const user = await stage.certificate();
  const certificate = await stage.certificate({ signedBy: ca });
  const mine = await stage.server({ certificate, clientCa: user });
  const victim = await stage.server({ certificate, clientCa: user });
  const clientCertificate = { cert: user.pem, key: user.keyPem };
  return { mine, victim, policy: { ca: ca.pem, clientCertificate } };
}

function certificateBytes({ records }: TlsServer): number {
  return records.clientCertificates.reduce((bytes, { raw }) => bytes + raw.length, 0);
}

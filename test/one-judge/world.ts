import { type HeldCertificate, heldCertificate } from '../../src/testing/index.js';
import { certificateOf, ecKey, rsaKey } from './support/crafted.js';

const DAY_MS = 86_400_000;
export const daysFromNow = (days: number): Date => new Date(Date.now() + days * DAY_MS);
export const PAST = { notBefore: daysFromNow(-20), notAfter: daysFromNow(-1) };
export const FUTURE = { notBefore: daysFromNow(1), notAfter: daysFromNow(20) };

/** Authorities and servers' own certificates, which policies name and presentations show. */
export interface World {
  /** Servers' own certificates: self-signed, CA:FALSE, for the default names. */
  readonly a: HeldCertificate;
  readonly b: HeldCertificate;
  /** As `openssl req -x509` makes them: self-signed, CA:TRUE, with names. */
  readonly s: HeldCertificate;
  readonly s2: HeldCertificate;
  /** An authority that carries a server name, such as the one that kubeadm makes. */
  readonly k: HeldCertificate;
  /** A private root, its intermediate, and the server's certificate below that. */
  readonly r: HeldCertificate;
  readonly i: HeldCertificate;
  readonly leaf: HeldCertificate;
  /** A root that has expired. */
  readonly ended: HeldCertificate;
  /** A root that nobody trusts, with an intermediate and an expired root of the same stranger. */
  readonly stranger: HeldCertificate;
  readonly strangerEnded: HeldCertificate;
  /** A root among the default roots of this process, with its intermediate and leaf. */
  readonly p: HeldCertificate;
  readonly pi: HeldCertificate;
  readonly pleaf: HeldCertificate;
  /** An intermediate among the default roots, whose own issuer is not there. */
  readonly px: HeldCertificate;
  /** Own certificates with RSA keys of so many bits. */
  readonly rsa512: HeldCertificate;
  readonly rsa1024: HeldCertificate;
  readonly rsa2048: HeldCertificate;
  /** Own certificates that have ended, or are not valid yet. */
  readonly past: HeldCertificate;
  readonly future: HeldCertificate;
  /** Client certificates: the one that servers ask for, and another. */
  readonly client: HeldCertificate;
  readonly foreignClient: HeldCertificate;
}

/** @param roots what the process was started with as NODE_EXTRA_CA_CERTS, with the keys */
export async function makeWorld(roots: {
  readonly p: HeldCertificate;
  readonly px: HeldCertificate;
}): Promise<World> {
  const ca = { isCa: true } as const;
  const r = await heldCertificate({ ...ca, commonName: 'root R' });
  const i = await heldCertificate({ ...ca, commonName: 'intermediate I', signedBy: r });
  const pi = await heldCertificate({ ...ca, commonName: 'intermediate PI', signedBy: roots.p });
  const server = { isCa: true, ip: ['127.0.0.1'], dns: ['localhost'] } as const;
  const clientAuth = { extendedKeyUsages: ['clientAuth'] } as const;
  return {
    a: await heldCertificate({ commonName: 'server A' }),
    b: await heldCertificate({ commonName: 'server B' }),
    s: await heldCertificate({ ...server, commonName: 'server S' }),
    s2: await heldCertificate({ ...server, commonName: 'server S2' }),
    k: await heldCertificate({ isCa: true, commonName: 'kubernetes', dns: ['kubernetes'] }),
    r,
    i,
    leaf: await heldCertificate({ signedBy: i, commonName: 'leaf' }),
    ended: await heldCertificate({ ...ca, ...PAST, commonName: 'ended root' }),
    stranger: await heldCertificate({ ...ca, commonName: 'stranger' }),
    strangerEnded: await heldCertificate({ ...ca, ...PAST, commonName: 'ended stranger' }),
    ...roots,
    pi,
    pleaf: await heldCertificate({ signedBy: pi, commonName: 'public leaf' }),
    rsa512: await certificateOf(rsaKey(512)),
    rsa1024: await heldCertificate({ key: 'rsa1024' }),
    rsa2048: await heldCertificate({ key: 'rsa2048' }),
    past: await heldCertificate(PAST),
    future: await heldCertificate(FUTURE),
    client: await heldCertificate(clientAuth),
    foreignClient: await heldCertificate(clientAuth),
  };
}

/** Shared by the certificates that only fill a chain. */
export const FILLER_KEY = ecKey();

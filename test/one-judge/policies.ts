import type { TrustInput, TrustPolicy } from '../../src/index.js';
import { revocationList } from '../../src/testing/battery/revocation-list.js';
import type { HeldCertificate } from '../../src/testing/index.js';
import { certificatePin } from './support/crafted.js';
import { daysFromNow, type World } from './world.js';

/** A policy, and what it means, said a second time for the oracle. */
export interface PolicyCase {
  readonly name: string;
  readonly trust: TrustInput;
  /** Certificates that are trusted for themselves. */
  readonly own: readonly HeldCertificate[];
  readonly authorities: readonly HeldCertificate[];
  readonly roots: boolean;
  /** Any of them must be met, where there are any. */
  readonly pins: readonly string[];
  readonly byPin: boolean;
  readonly serverName: string | undefined;
  readonly allowExpired: boolean;
  readonly minVersion: string | undefined;
  readonly crl: string | undefined;
  readonly client: HeldCertificate | undefined;
}

/** The policies under which long chains are shown: one of each way to be trusted, and of each to be not. */
export const FOR_LONG_CHAINS: ReadonlySet<string> = new Set([
  'null',
  'roots, pin key',
  'own A',
  'own S',
  'own S, authority false',
  'S as authority',
  'own S and S2',
  'own S, roots',
  'own S and S2, roots',
  'R',
  'R, roots',
  'R and own S',
  'I',
  'own leaf',
  'own leaf, roots',
  'R, pin key',
  'R, pin, expired',
  'pin key A',
  'pin key of leaf',
  'pin keys S, P, K',
  'R, lists',
  'R, other name',
]);

/** A UTCTime that is none. */
const NO_TIME = Buffer.from('\x17\x0d47ZZ03040506Z', 'latin1');

interface Meaning extends Partial<Omit<PolicyCase, 'name' | 'trust' | 'crl'>> {
  readonly authority?: boolean;
  readonly crl?: string;
}

/** The policy that has this meaning. */
function policy(name: string, meaning: Meaning): PolicyCase {
  const { own = [], authorities = [], roots = false, pins = [], byPin = false } = meaning;
  const { serverName, allowExpired = false, minVersion, crl, client, authority } = meaning;
  const ca = [...own, ...authorities].map(({ pem }) => pem);
  const trust = {
    ...(ca.length > 0 && { ca }),
    ...(authority !== undefined && { authority }),
    ...(roots && { roots: 'default' }),
    ...(pins.length > 0 && { pins }),
    ...(byPin && { identity: 'pin' }),
    ...(serverName !== undefined && { serverName }),
    ...(allowExpired && { allowExpired }),
    ...(minVersion !== undefined && { minVersion }),
    ...(crl !== undefined && { crl }),
    ...(client && { clientCertificate: { cert: client.pem, key: client.keyPem } }),
  } as TrustPolicy;
  return {
    name,
    trust,
    own,
    authorities,
    roots,
    pins,
    byPin,
    serverName,
    allowExpired,
    minVersion,
    crl,
    client,
  };
}

/** Every policy of the matrix. */
export function makePolicies(world: World): readonly PolicyCase[] {
  const { a, b, s, s2, k, r, i, leaf, ended, p, pleaf, rsa512, rsa1024, rsa2048 } = world;
  const { past, future, client, foreignClient, stranger } = world;
  const list = (issuer: HeldCertificate, more: object = {}) => revocationList({ issuer, ...more });
  const lists = list(r) + list(i);
  const wrong = `sha256/${Buffer.alloc(32, 7).toString('base64')}`;
  return [
    { ...policy('null', { roots: true }), trust: null },
    policy('roots', { roots: true }),
    policy('roots, pin key', { roots: true, pins: [pleaf.spkiPin] }),
    policy('roots, pin certificate', { roots: true, pins: [certificatePin(pleaf)] }),
    policy('roots, wrong pin', { roots: true, pins: [wrong] }),
    policy('roots, serverName', { roots: true, serverName: 'localhost' }),
    policy('roots, other name', { roots: true, serverName: 'other.example' }),
    policy('own A', { own: [a] }),
    { ...policy('own A as text', { own: [a] }), trust: a.pem },
    policy('own A, authority false', { own: [a], authority: false }),
    policy('own A and B', { own: [a, b] }),
    policy('A as authority', { authorities: [a], authority: true }),
    policy('own S', { own: [s] }),
    policy('own S, authority false', { own: [s], authority: false }),
    policy('S as authority', { authorities: [s], authority: true }),
    policy('own S and S2', { own: [s, s2] }),
    policy('own S and A', { own: [s, a] }),
    policy('own S, roots', { own: [s], roots: true }),
    policy('own S and S2, roots', { own: [s, s2], roots: true }),
    policy('own S, other name', { own: [s], serverName: 'bank.example' }),
    policy('own A, roots', { own: [a], roots: true }),
    policy('R', { authorities: [r] }),
    policy('R, roots', { authorities: [r], roots: true }),
    policy('R, authority false', { own: [r], authority: false }),
    policy('R and own S', { own: [s], authorities: [r] }),
    policy('R and own A, roots', { own: [a], authorities: [r], roots: true }),
    policy('I', { authorities: [i] }),
    policy('own leaf', { own: [leaf] }),
    policy('own leaf, roots', { own: [leaf], roots: true }),
    policy('R and own leaf', { own: [leaf], authorities: [r] }),
    policy('P by hand', { authorities: [p] }),
    policy('K, which has names', { own: [k] }),
    policy('K as authority', { authorities: [k], authority: true }),
    policy('ended root', { authorities: [ended] }),
    policy('R, pin key', { authorities: [r], pins: [leaf.spkiPin] }),
    policy('R, pin certificate', { authorities: [r], pins: [certificatePin(leaf)] }),
    policy('R, wrong pin', { authorities: [r], pins: [wrong] }),
    policy('R, pin, expired', { authorities: [r], pins: [leaf.spkiPin], allowExpired: true }),
    policy('own A, pin', { own: [a], pins: [wrong, a.spkiPin] }),
    policy('own A, pin, expired', { own: [a], pins: [a.spkiPin], allowExpired: true }),
    policy('own past', { own: [past] }),
    policy('own past, pin, expired', { own: [past], pins: [past.spkiPin], allowExpired: true }),
    policy('own future', { own: [future] }),
    policy('pin key A', { byPin: true, pins: [a.spkiPin] }),
    policy('pin key A, expired', { byPin: true, pins: [a.spkiPin], allowExpired: true }),
    policy('pin certificate A', { byPin: true, pins: [certificatePin(a)] }),
    policy('pin key of leaf', { byPin: true, pins: [leaf.spkiPin] }),
    policy('pin key of leaf, expired', {
      byPin: true,
      pins: [leaf.spkiPin],
      allowExpired: true,
    }),
    policy('pin keys S, P, K', { byPin: true, pins: [s.spkiPin, pleaf.spkiPin, k.spkiPin] }),
    policy('pin RSA keys', {
      byPin: true,
      pins: [rsa512.spkiPin, rsa1024.spkiPin, rsa2048.spkiPin],
    }),
    policy('own RSA certificates', { own: [rsa512, rsa1024, rsa2048] }),
    policy('R, lists', { authorities: [r], crl: lists }),
    policy('R, leaf revoked', { authorities: [r], crl: list(r) + list(i, { revoked: [leaf] }) }),
    policy('R, I revoked', { authorities: [r], crl: list(r, { revoked: [i] }) + list(i) }),
    policy('R, old list', {
      authorities: [r],
      crl: list(r) + list(i, { nextUpdate: daysFromNow(-0.1) }),
    }),
    policy('R, list of tomorrow', {
      authorities: [r],
      crl: list(r) + list(i, { thisUpdate: daysFromNow(1), nextUpdate: daysFromNow(2) }),
    }),
    policy('R, list that begins at no time', {
      authorities: [r],
      crl: list(r) + list(i, { thisUpdate: NO_TIME }),
    }),
    policy('R, list that ends at no time', {
      authorities: [r],
      crl: list(r) + list(i, { nextUpdate: NO_TIME }),
    }),
    policy('R, list of a stranger', { authorities: [r], crl: list(stranger) }),
    policy('R, forged list', {
      authorities: [r],
      crl: list(r) + list({ ...i, keyPem: stranger.keyPem }),
    }),
    policy('R, client certificate', { authorities: [r], client }),
    policy('R, foreign client certificate', { authorities: [r], client: foreignClient }),
    policy('own leaf, client certificate', { own: [leaf], client }),
    policy('pin key of leaf, client certificate', { byPin: true, pins: [leaf.spkiPin], client }),
    policy('R, other name', { authorities: [r], serverName: 'other.example' }),
    policy('R, TLS 1.3', { authorities: [r], minVersion: 'TLSv1.3' }),
    policy('own leaf, TLS 1.3', { own: [leaf], minVersion: 'TLSv1.3' }),
  ];
}

import { beforeAll } from 'vitest';
import { type HeldCertificate, heldCertificate } from '../../../src/testing/index.js';
import { checkTrustPolicy } from '../../../src/trust/check-trust-policy.js';
import { readReferenceIdentity } from '../../../src/trust/reference-identity.js';

export const LOCALHOST = readReferenceIdentity('localhost');

export const DAY_MS = 86_400_000;

export const now = new Date();

export let held: HeldCertificate;

export let ca: HeldCertificate;

export let leaf: HeldCertificate;

beforeAll(async () => {
  held = await heldCertificate();
  ca = await heldCertificate({ isCa: true });
  leaf = await heldCertificate({ signedBy: ca });
});

export const policy = () => checkTrustPolicy(held.pem);

export const byCa = () => checkTrustPolicy(ca.pem);

export const accepted = () => ({ chain: [held.certificate], chainError: null, isWhole: true });

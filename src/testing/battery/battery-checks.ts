import type { BatteryCheck } from './battery-check.js';
import { CHAIN_CHECKS } from './chain-checks.js';
import { CHAIN_WORKS } from './chain-works.js';
import { CONFIGURATION_CHECKS } from './configuration-checks.js';
import { CONNECTION_CHECKS } from './connection-checks.js';
import { CONNECTION_WORKS } from './connection-works.js';
import { CREDENTIAL_CHECKS } from './credential-checks.js';
import { ERROR_CHECKS } from './error-checks.js';
import { HIDDEN_ISSUER_CHECKS } from './hidden-issuer-checks.js';
import { HOST_CHECKS } from './host-checks.js';
import { HTTP_WORKS } from './http-works.js';
import { IDENTITY_CHECKS } from './identity-checks.js';
import { ODD_CHAIN_WORKS } from './odd-chain-works.js';
import { OTHER_ORIGIN_CHECKS } from './other-origin-checks.js';
import { PIN_CHECKS } from './pin-checks.js';
import { PIN_LIMIT_CHECKS } from './pin-limit-checks.js';
import { REDIRECT_CHECKS } from './redirect-checks.js';
import { STREAM_WORKS } from './stream-works.js';
import { TRUST_WORKS } from './trust-works.js';

/** Every check of the battery, in the order of reports: attacks by theme, then what must work. */
export const BATTERY_CHECKS: readonly BatteryCheck[] = [
  ...IDENTITY_CHECKS,
  ...CHAIN_CHECKS,
  ...HIDDEN_ISSUER_CHECKS,
  ...CONNECTION_CHECKS,
  ...REDIRECT_CHECKS,
  ...HOST_CHECKS,
  ...OTHER_ORIGIN_CHECKS,
  ...CONFIGURATION_CHECKS,
  ...TRUST_WORKS,
  ...CHAIN_WORKS,
  ...ODD_CHAIN_WORKS,
  ...CONNECTION_WORKS,
  ...HTTP_WORKS,
  ...STREAM_WORKS,
  ...PIN_CHECKS,
  ...PIN_LIMIT_CHECKS,
  ...CREDENTIAL_CHECKS,
  ...ERROR_CHECKS,
];

import { makeCustomClientFactory, type TrustPolicy } from '../../src/core.js';
import type { BatteryReport, MakeBatteryClient } from '../../src/testing/index.js';
import type { Flaw } from './support/pinned-client.js';

/** A factory for each policy, as an application would make one for each server. */
export const ourClient: MakeBatteryClient = ({ url, origins, ...trust }) => {
  const factory = makeCustomClientFactory(trust as TrustPolicy, origins ? { origins } : {});
  const client = factory({ url });
  return Object.assign((input: string, init?: object) => client(input, init), {
    close: () => factory.close(),
  });
};

export const failures = (report: BatteryReport): string[] =>
  report.results.filter(({ passed }) => passed === false).map(({ id, got }) => `${id}: ${got}`);

/** Node.js 22.19 and 24.5 can change the default roots of a running process. */
export const pendingByNode = 'setDefaultCACertificates' in (await import('node:tls'));

export const ROOTS_IDS = ['default-roots-excluded', 'named-default-root', 'roots-default-default'];

/** What each flaw must be caught by. */
export const CAUGHT: readonly [flaws: readonly Flaw[], ids: string][] = [
  [
    ['ignores-names'],
    'name-other name-common-name-only name-common-name-beside-san name-uri-only name-with-nul name-longer address-other address-as-dns address-common-name-only wildcard-two-labels wildcard-no-label wildcard-partial wildcard-bare wildcard-inside name-parent-domain server-name-ignored host-header environment-name pin-without-name',
  ],
  [['names-as-node-does'], 'name-common-name-only wildcard-partial'],
  [
    ['names-by-part'],
    'name-uri-only name-with-nul name-longer address-as-dns wildcard-two-labels wildcard-no-label wildcard-bare name-parent-domain',
  ],
  [['ignores-server-name'], 'server-name-ignored server-name wildcard name-among-many'],
  [['name-of-host-header'], 'host-header'],
  [
    ['ignores-chain'],
    'impostor-self-signed impostor-ca-same-name impostor-other-ca impostor-sends-genuine-leaf impostor-sends-genuine-ca intermediate-swapped intermediate-missing leaf-expired leaf-not-yet-valid leaf-client-only leaf-broken-signature leaf-foreign-signature leaf-unknown-critical leaf-sha1 leaf-rsa-1024 ca-expired ca-not-a-ca ca-path-length ca-no-sign-usage ca-name-constraints anchor-not-a-ca anchor-sibling rotation interceptor interceptor-later impostor-again impostor-in-parallel environment-chain pin-without-chain crl-revoked crl-expired crl-foreign',
  ],
  [['knows-by-any-certificate'], 'impostor-sends-genuine-leaf impostor-sends-genuine-ca'],
  [
    ['knows-issuer-by-name'],
    'impostor-self-signed impostor-ca-same-name leaf-broken-signature leaf-foreign-signature ca-name-constraints',
  ],
  [
    ['forgives-openssl'],
    'leaf-expired leaf-not-yet-valid leaf-client-only leaf-unknown-critical ca-expired ca-not-a-ca ca-path-length ca-no-sign-usage anchor-not-a-ca intermediate-missing',
  ],
  [
    ['first-anchor-only'],
    'anchor-intermediate anchor-bundle anchor-list anchor-mixed-list anchor-beside-expired',
  ],
  [['first-anchor-only', 'asks-openssl-of-own'], 'anchor-leaf anchor-renewal-new renewal'],
  [
    ['anchors-sign-anything'],
    'anchor-server-ca authority-denied anchor-server-ca-hidden anchor-server-ca-far anchor-server-ca-ladder anchor-server-ca-beside-another anchor-server-ca-beside-roots authority-denied-hidden',
  ],
  [
    ['looks-at-32-certificates'],
    'anchor-server-ca-hidden anchor-server-ca-far anchor-server-ca-ladder anchor-server-ca-beside-another anchor-server-ca-beside-roots authority-denied-hidden',
  ],
  [['asks-openssl-of-own'], 'anchor-leaf-ended-issuer anchor-leaf-odd-issuer'],
  [
    ['refuses-long-chains'],
    'chain-with-40-strangers anchor-leaf-with-40-strangers pin-identity-40-strangers',
  ],
  [['ignores-authority'], 'authority-denied authority-with-names'],
  [['appends-default-roots'], 'default-roots-excluded'],
  [['security-level-0'], 'leaf-sha1 leaf-rsa-1024'],
  [['old-tls'], 'tls-1.1 min-version'],
  [['ignores-min-version'], 'min-version'],
  [['verifies-once'], 'rotation interceptor-later'],
  [['resumes'], 'resumption-tls-1.2 resumption-tls-1.3'],
  [['resumes-across-policies'], 'policy-shared-sessions'],
  [['pool-across-policies'], 'policy-shared-pool close-idle close-stream'],
  [['policy-everywhere'], 'policy-other-origin client-certificate-other-origin listed-certificate'],
  [['reads-environment'], 'environment-chain environment-name'],
  [['falls-back-to-http'], 'plain-http-answer'],
  [['allows-http'], 'plain-http-url named-plain-http'],
  [
    ['named-anywhere'],
    'named-loopback named-localhost named-unspecified named-ipv4-mapped named-token-endpoint named-by-name named-default-root',
  ],
  [['filters-text-of-host'], 'named-by-name'],
  [['named-anywhere', 'open-list'], 'listed-is-closed'],
  [['ignores-list'], 'listed-origin listed-token-request'],
  [['reads-all-of-others'], 'listed-bomb'],
  [
    ['follows-everywhere'],
    'redirect-get-other-origin redirect-post-307-other-origin redirect-post-308-other-origin redirect-post-302-other-origin redirect-to-impostor redirect-without-scheme redirect-second-hop client-certificate-redirect named-redirect',
  ],
  [
    ['follows-everywhere', 'policy-everywhere', 'allows-http'],
    'redirect-get-other-origin redirect-post-307-other-origin redirect-post-308-other-origin redirect-post-302-other-origin redirect-get-to-http redirect-post-to-http redirect-to-impostor redirect-without-scheme redirect-second-hop client-certificate-redirect',
  ],
  [
    ['lax-configuration'],
    'ca-empty ca-empty-bytes ca-empty-list ca-blank ca-undefined ca-garbage ca-truncated ca-good-then-broken ca-private-key ca-and-private-key roots-none-without-ca server-name-empty min-version-unknown pins-empty pins-malformed pin-identity-without-pins allow-expired-without-pins client-certificate-half client-certificate-other-key crl-garbage',
  ],
  [
    ['ignores-pins'],
    'pin-wrong pin-other-key pin-of-the-ca pin-genuine-appended pin-anchor-signs pin-fingerprint-renewed pin-identity-other-key pin-identity-genuine-appended',
  ],
  [['pins-any-certificate'], 'pin-of-the-ca pin-genuine-appended pin-identity-genuine-appended'],
  [['pins-only'], 'pin-without-chain pin-without-name pin-expired'],
  [['pins-without-validity'], 'pin-expired pin-identity-expired pin-not-yet-valid'],
  [['pins-weak-keys'], 'pin-identity-weak-key pin-identity-weak-certificate'],
  [
    ['forgives-any-expiry'],
    'pin-expired-stranger pin-expired-below-stranger pin-expired-broken-signature',
  ],
  [['pins-key-for-fingerprint'], 'pin-fingerprint-renewed'],
  [['first-pin-only'], 'pin-backup'],
  [['ignores-pin-identity'], 'pin-identity pin-identity-renewed pin-identity-allow-expired'],
  [['certificate-everywhere'], 'client-certificate-other-origin'],
  [
    ['no-client-certificate'],
    'client-certificate-tls-1.2 client-certificate-tls-1.3 client-certificate-passphrase',
  ],
  [['ignores-crl'], 'crl-revoked crl-expired crl-foreign'],
  [['refuses-with-crl'], 'crl-clean'],
  [
    ['drops-bodies'],
    'http-post http-post-bytes http-post-large http-post-utf-8 http-put http-parallel http-redirect-307 http-redirect-308',
  ],
  [['text-bodies'], 'http-post-bytes'],
  [['buffers-bodies'], 'http-stream http-endless-stream close-stream'],
  [['follows-nothing'], 'http-redirect-307 http-redirect-308 http-redirect-get'],
  [['rejects-error-status'], 'http-error-status'],
  [['never-closes'], 'close-idle close-stream'],
  [['handshake-each-time'], 'http-keep-alive'],
  [['ignores-signal'], 'http-abort'],
  [['remembers-refusals'], 'recovery'],
  [['impatient'], 'http-slow'],
  [
    ['errors-with-everything'],
    'error-answer-not-http error-header-line-break error-refused-certificate error-client-key',
  ],
  [['always-post'], 'http-get http-delete'],
  [['no-decoding'], 'http-gzip http-br http-deflate'],
  [['never-reconnects'], 'renewal recovery http-server-closes http-server-restarts'],
];

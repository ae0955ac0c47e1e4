import dns from 'node:dns';
import net from 'node:net';
import { Agent, fetch as undiciFetch } from 'undici';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeCustomClientFactory, type TrustPolicy } from '../../src/core.js';
import {
  type BatteryReport,
  heldCertificate,
  type MakeBatteryClient,
  pinningBattery,
} from '../../src/testing/index.js';
import { Lag } from '../support/lag.js';
import { codeOf, openHandles, until } from './clients.js';
import { type Flaw, pinnedClient } from './support/pinned-client.js';

/** A factory for each policy, as an application would make one for each server. */
const ourClient: MakeBatteryClient = ({ url, origins, ...trust }) => {
  const factory = makeCustomClientFactory(trust as TrustPolicy, origins ? { origins } : {});
  const client = factory({ url });
  return Object.assign((input: string, init?: object) => client(input, init), {
    close: () => factory.close(),
  });
};

const failures = (report: BatteryReport): string[] =>
  report.results.filter(({ passed }) => passed === false).map(({ id, got }) => `${id}: ${got}`);

/** Node.js 22.19 and 24.5 can change the default roots of a running process. */
const pendingByNode = 'setDefaultCACertificates' in (await import('node:tls'));
const ROOTS_IDS = ['default-roots-excluded', 'named-default-root', 'roots-default-default'];

describe('our own client', () => {
  let report: BatteryReport;
  let elapsedMs: number;
  beforeAll(async () => {
    using lag = new Lag();
    report = await pinningBattery(ourClient);
    elapsedMs = lag.elapsedMs;
  }, 120_000);

  it('passes every check whose policy fields it has, in less than ten seconds', () => {
    expect(failures(report)).toEqual([]);
    expect(report.passed).toBe(true);
    // Two to four seconds, on a machine that has time for it.
    expect(elapsedMs).toBeLessThan(10_000);
    expect(report.durationMs).toBeGreaterThanOrEqual(elapsedMs / 2);
  });

  it('is attacked at least 30 times, and at least as many things must work', () => {
    expect(report.attacks.passed).toBeGreaterThanOrEqual(30);
    expect(report.works.passed).toBeGreaterThanOrEqual(report.attacks.passed);
    const { attacks, works } = report;
    expect(attacks.passed + attacks.pending + works.passed + works.pending).toBe(
      report.results.length,
    );
  });

  it('leaks not one byte', () => {
    for (const { applicationBytesLeaked } of report.results) expect(applicationBytesLeaked).toBe(0);
  });

  it('leaves checks pending only for what this Node.js cannot do', () => {
    const pending = report.results.filter(({ passed }) => passed === null);
    expect(pending.map(({ id }) => id)).toEqual(pendingByNode ? [] : ROOTS_IDS);
    for (const { pending: why } of pending) expect(why).toMatch(/default roots of a running Node/);
  });

  it('leaves checks pending that need fields which the client is said to lack', async () => {
    const include = ['pin-spki', 'pin-identity-allow-expired', 'server-name', 'key-p256'];
    const { results } = await pinningBattery(ourClient, { include, supports: ['ca', 'pins'] });
    expect(
      Object.fromEntries(results.map(({ id, passed, pending }) => [id, pending ?? passed])),
    ).toEqual({
      'key-p256': true,
      'pin-spki': true,
      'server-name': 'the client does not support the policy field serverName',
      'pin-identity-allow-expired':
        'the client does not support the policy fields identity, allowExpired',
    });
  });

  it('is described: every check has an id, a name, a reason and advice of its own', () => {
    const ids = report.results.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(new Set(report.results.map(({ name }) => name)).size).toBe(ids.length);
    for (const { advice, id, name, why: shows } of report.results) {
      expect(id).toMatch(/^[a-z0-9.-]+$/);
      expect(name.length).toBeGreaterThan(8);
      expect(shows).toMatch(/[.]$/);
      expect(advice).toMatch(/[.]$/);
    }
  });
});

describe('a client that knows every field, written without ours', () => {
  it('passes everything: no check asks for the impossible', async () => {
    const report = await pinningBattery(pinnedClient());
    expect(failures(report)).toEqual([]);
    const pending = report.results.filter(({ passed }) => passed === null).map(({ id }) => id);
    expect(pending).toEqual(pendingByNode ? [] : ROOTS_IDS);
  }, 30_000);
});

/** What each flaw must be caught by. */
const CAUGHT: readonly [flaws: readonly Flaw[], ids: string][] = [
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

describe('no check is empty', () => {
  const caught = new Set<string>();

  it.each(CAUGHT)('%s is caught by %s', async (flaws, list) => {
    const ids = list.split(' ').filter((id) => pendingByNode || !ROOTS_IDS.includes(id));
    for (const id of list.split(' ')) caught.add(id);
    const options = { include: ids, timeoutMs: 1500 };
    const { results } = await pinningBattery(pinnedClient(...flaws), options);
    expect(results.filter(({ passed }) => passed !== false).map(({ id }) => id)).toEqual([]);
    for (const { applicationBytesLeaked: bytes, expected, got, id } of results) {
      if (expected !== 'refused') continue;
      // An attack that failed for want of a working client would prove nothing.
      expect(['works', 'leaked', 'connected'], id).toContain(got);
      if (got !== 'connected') expect(bytes, id).toBeGreaterThan(0);
    }
  });

  it('every attack has a client of its own flaw that fails it, and everything that must work too', async () => {
    const all = await pinningBattery(pinnedClient('refuses-everything'));
    const attacks = all.results.filter(({ expected }) => expected === 'refused');
    expect(attacks.map(({ id }) => id).filter((id) => !caught.has(id))).toEqual([]);
    const works = all.results.filter(({ expected }) => expected === 'works');
    const survived = works.filter(({ id, passed }) => passed === true && !caught.has(id));
    expect(survived).toEqual([]);
  });
});

describe('clients as they are found', () => {
  const undici =
    (connect: object): MakeBatteryClient =>
    ({ ca }) => {
      const dispatcher = new Agent({ connect: { ca: ca as string, ...connect } });
      const client = (url: string, init?: object) => undiciFetch(url, { ...init, dispatcher });
      return Object.assign(client, { close: () => dispatcher.destroy() });
    };

  it('undici with ca: sessions, redirects, common names and other origins are its failures', async () => {
    const report = await pinningBattery(undici({}), { supports: ['ca'] });
    const failed = report.results.filter(({ passed }) => passed === false).map(({ id }) => id);
    expect(failed).toEqual(
      expect.arrayContaining([
        'name-common-name-only',
        'policy-other-origin',
        'environment-chain',
        'redirect-post-307-other-origin',
        'redirect-get-to-http',
        'ca-empty',
        'anchor-intermediate',
      ]),
    );
    expect(failed).not.toContain('impostor-self-signed');
  }, 30_000);

  it('rejectUnauthorized: false: every impostor reads the whole request', async () => {
    const report = await pinningBattery(undici({ rejectUnauthorized: false }), {
      supports: ['ca'],
      include: ['impostor-self-signed', 'interceptor', 'name-other', 'leaf-expired'],
    });
    for (const result of report.results) {
      expect(result).toMatchObject({ got: 'works', passed: false });
      expect(result.applicationBytesLeaked).toBeGreaterThan(100);
    }
  });
});

describe('pinningBattery', () => {
  it('takes a hang for a failure, and goes on', async () => {
    const hanging: MakeBatteryClient = () => () => new Promise(() => {});
    const include = ['impostor-self-signed', 'key-p256', 'environment-chain'];
    const report = await pinningBattery(hanging, { include, timeoutMs: 150 });
    expect(report.results.map(({ got, passed }) => [got, passed])).toEqual(
      include.map(() => ['hung', false]),
    );
    expect(report.results[0]?.error).toBe('neither an answer nor an error in 150 ms');
  });

  it('puts the environment back, also after a hang', async () => {
    const name = 'NODE_TLS_REJECT_UNAUTHORIZED';
    const include = ['environment-chain', 'environment-name'];
    const seen: unknown[] = [];
    const hanging: MakeBatteryClient = () => () => {
      seen.push(process.env[name]);
      return new Promise(() => {});
    };
    expect(process.env[name]).toBeUndefined();
    await pinningBattery(hanging, { include, timeoutMs: 100 });
    expect(seen).toEqual(['0', '0']);
    expect(process.env[name]).toBeUndefined();
  });

  it('keeps every other check away while the environment is changed', async () => {
    let during = 0;
    const watching: MakeBatteryClient = (policy) => {
      if (process.env['NODE_TLS_REJECT_UNAUTHORIZED'] === '0') during += 1;
      return pinnedClient()(policy);
    };
    await pinningBattery(watching, {
      include: ['environment-chain', 'environment-name', 'key-p256', 'rotation', 'http-slow'],
    });
    expect(during).toBe(2);
  });

  it('cuts key material out of errors', async () => {
    const { keyPem, certificate } = await heldCertificate();
    const body = keyPem.split('\n')[1] as string;
    const talkative = [
      keyPem,
      JSON.stringify({ keyPem }),
      keyPem.slice(0, 90),
      body,
      certificate.raw.toString('hex'),
      JSON.stringify(certificate.raw),
      JSON.stringify({ ...Array.from(certificate.raw) }),
    ];
    for (const message of talkative) {
      const report = await pinningBattery(
        () => async () => {
          throw new Error(`failed with ${message}`, { cause: new Error(message) });
        },
        { include: ['key-p256'] },
      );
      const text = JSON.stringify(report);
      expect(text).toMatch(/cut out/);
      expect(text).not.toContain(body.slice(8, 48));
      expect(text).not.toContain('PRIVATE KEY');
      expect(text.length).toBeLessThan(2500);
    }
  });

  it('names no private key in the report of a whole run', async () => {
    const report = await pinningBattery(({ ca, clientCertificate }) => async () => {
      throw new Error(`${String(ca)} ${String(clientCertificate?.key)}`);
    });
    expect(JSON.stringify(report)).not.toMatch(/-----BEGIN|[A-Za-z0-9+/]{60}/);
  }, 30_000);

  it('tells why, down the chain of causes, and keeps a fingerprint readable', async () => {
    const { fingerprint: fingerprint256 } = await heldCertificate();
    const why = Object.assign(new Error('no pin'), { code: 'E_PIN' });
    const report = await pinningBattery(
      () => async () => {
        throw new TypeError('fetch failed', { cause: new Error(fingerprint256, { cause: why }) });
      },
      { include: ['key-p256'] },
    );
    expect(report.results[0]?.error).toBe(`fetch failed <- ${fingerprint256} <- no pin [E_PIN]`);
  });

  it('does not count an attack as refused when what came before it did not work', async () => {
    const report = await pinningBattery(pinnedClient('refuses-everything'), {
      include: ['rotation'],
    });
    expect(report.results[0]).toMatchObject({ got: 'broken', passed: false });
  });

  it('takes a redirect that is handed back for refused', async () => {
    const report = await pinningBattery(pinnedClient('follows-nothing'), {
      include: ['redirect-post-307-other-origin'],
    });
    expect(report.results[0]).toMatchObject({ got: 'refused', passed: true });
  });

  it('leaves a check about closing pending where there is no close()', async () => {
    const without: MakeBatteryClient = async (policy) => {
      const client = await pinnedClient()(policy);
      return (url, init) => client(url, init);
    };
    const report = await pinningBattery(without, { include: ['close-idle', 'key-p256'] });
    expect(report.results.map(({ passed, pending }) => passed ?? pending)).toEqual([
      true,
      'the client has no close()',
    ]);
  });

  it('asks nobody to decode who did not ask for it', async () => {
    const include = ['listed-bomb', 'listed-origin', 'http-br'];
    const report = await pinningBattery(pinnedClient('asks-for-no-gzip'), { include });
    expect(failures(report)).toEqual([]);
  });

  it('does not make an attack by a name where connections do not ask dns.lookup', async () => {
    const { connect } = net.Socket.prototype;
    // As a program does that brings a resolver of its own.
    net.Socket.prototype.connect = function (this: net.Socket, ...given: unknown[]) {
      const [options] = [given[0]].flat() as [{ host?: string; lookup?: unknown }];
      if (options.host === 'login.battery.example') {
        options.lookup = (_host: string, _options: object, done: (error: Error) => void) =>
          process.nextTick(done, new Error('no such name'));
      }
      return Reflect.apply(connect, this, given) as net.Socket;
    } as typeof connect;
    try {
      const report = await pinningBattery(pinnedClient(), { include: ['named-by-name'] });
      expect(report.results[0]).toMatchObject({ got: 'not made', passed: null });
    } finally {
      net.Socket.prototype.connect = connect;
    }
  });

  it('gives back what the process was lent', async () => {
    const { lookup } = dns;
    const report = await pinningBattery(pinnedClient(), { include: ['named-by-name'] });
    expect(report.passed).toBe(true);
    expect(dns.lookup).toBe(lookup);
    await expect(dns.promises.lookup('login.battery.example')).rejects.toThrow();
  });

  it('leaves nothing open', async () => {
    const before = openHandles().length;
    await pinningBattery(pinnedClient(), { exclude: ['http-slow'] });
    await until(() => openHandles().length <= before, 'all closed');
  }, 30_000);

  it.each<[string, () => Promise<unknown>]>([
    ['no function', () => pinningBattery(undefined as never)],
    ['an unknown option', () => pinningBattery(pinnedClient(), { only: [] } as never)],
    ['an unknown id to include', () => pinningBattery(pinnedClient(), { include: ['tls'] })],
    ['an unknown id to exclude', () => pinningBattery(pinnedClient(), { exclude: ['tls'] })],
    ['an unknown field', () => pinningBattery(pinnedClient(), { supports: ['cert' as 'ca'] })],
    ['no time', () => pinningBattery(pinnedClient(), { timeoutMs: 0 })],
    ['no concurrency', () => pinningBattery(pinnedClient(), { concurrency: 0.5 })],
  ])('refuses %s', async (_what, run) => {
    expect(await codeOf(run())).toBe('MCP_TLS_INVALID_ARGUMENT');
  });
});

import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import {
  checkTrust,
  createCertificateStore,
  explainTlsError,
  formatError,
  type OtherFetch,
  type TrustInput,
  type TrustOfOrigin,
} from '../../src/index.js';
import {
  certificate,
  endless,
  fetchFor,
  opened,
  originOf,
  other,
  outcome,
  Row,
  serve,
  slowLookUps,
} from './origin-fetch-setup.js';

describe('originFetch', () => {
  it('judges each origin by its own policy, and an impostor gets nothing', async () => {
    const [one, two, impostor] = [await serve(certificate), await serve(other), await serve(other)];
    const trusts: Record<string, TrustInput> = {
      [originOf(one)]: certificate.pem,
      [originOf(two)]: { identity: 'pin', pins: other.spkiPin },
      [originOf(impostor)]: certificate.pem,
    };
    const hostFetch = fetchFor((origin) => trusts[origin]);
    expect(await outcome(hostFetch(one.url))).toBe('ok');
    expect(await outcome(hostFetch(new URL(two.url)))).toBe('ok');
    expect(await outcome(hostFetch(new Request(one.url, { method: 'POST', body: 'x' })))).toBe(
      'ok',
    );
    expect(await outcome(hostFetch(impostor.url))).toBe('MCP_TLS_SELF_SIGNED');
    expect(impostor.records.applicationBytes).toBe(0);
  });

  it('leaves http:, other schemes and origins without a policy to the other fetch', async () => {
    const asked: string[] = [];
    const seen: unknown[] = [];
    const otherwise: OtherFetch = async (input, init) => {
      seen.push([input instanceof Request ? input.url : input, init]);
      return new Response('other');
    };
    const hostFetch = fetchFor((origin) => {
      asked.push(origin);
      return undefined;
    }, otherwise);
    const init = { method: 'POST', body: 'x' };
    for (const url of ['http://127.0.0.1/a', 'https://127.0.0.1:9/b', 'data:,c', 'no url']) {
      expect(await (await hostFetch(url, init)).text()).toBe('other');
    }
    await hostFetch(new Request('https://127.0.0.1:9/d'));
    expect(asked).toEqual(['https://127.0.0.1:9', 'https://127.0.0.1:9']);
    expect(seen).toEqual([
      ['http://127.0.0.1/a', init],
      ['https://127.0.0.1:9/b', init],
      ['data:,c', init],
      ['no url', init],
      ['https://127.0.0.1:9/d', undefined],
    ]);
  });

  it('goes by the global fetch of the moment where none is given', async () => {
    const plain = createServer((_request, response) => response.end('plain'));
    await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(plain.address() as AddressInfo).port}`;
    const hostFetch = fetchFor(() => undefined);
    expect(await (await hostFetch(url)).text()).toBe('plain');
    plain.closeAllConnections();
    plain.close();
  });

  it('rejects a request whose trust cannot be looked up, and never falls through', async () => {
    const server = await serve(certificate);
    let fellThrough = 0;
    const otherwise: OtherFetch = async () => {
      fellThrough += 1;
      return new Response();
    };
    const bad: TrustOfOrigin[] = [
      () => {
        throw new Error('sesame');
      },
      async () => {
        throw new Error('sesame');
      },
      () => '' as never,
      () => false as never,
      () => ({}) as never,
      () => ({ ca: certificate.pem, pin: 'x' }) as never,
      () => ({ ca: undefined, roots: 'default' }) as never,
      () => 0 as never,
    ];
    for (const trustOf of bad) {
      const error = await fetchFor(trustOf, otherwise)(server.url).catch((reason) => reason);
      expect(error).toBeInstanceOf(TypeError);
      expect(explainTlsError(error)?.name).toBe('TlsConfigError');
      expect(formatError(error)).not.toContain('sesame');
    }
    expect(fellThrough).toBe(0);
    expect(server.records.connections).toBe(0);
  });

  it('shares connections while the trust says the same, also as a new object each time', async () => {
    const server = await serve(certificate);
    const pem = certificate.pem;
    const policies: (() => TrustInput)[] = [
      () => JSON.parse(JSON.stringify({ ca: pem, serverName: '127.0.0.1' })),
      () => ({ serverName: '127.0.0.1', ca: pem }),
    ];
    let n = 0;
    const hostFetch = fetchFor(() => policies[n++ % 2]?.());
    for (let i = 0; i < 6; i++) expect(await outcome(hostFetch(server.url))).toBe('ok');
    expect(server.records.connections).toBe(1);
  });

  it('keeps what runs where equal trust comes as another object or in other words', async () => {
    const server = await serve(certificate, endless);
    const { pem: ca, keyPem: key } = certificate;
    const keys = [{ id: 'k', key: randomBytes(32) }];
    const store = createCertificateStore({
      ...{ keys, storage: 'memory', whenEmpty: 'create' },
      cache: { ttlMs: 0 },
    });
    opened.push(store);
    // The same object for as long as the record is not written again.
    const approvedAnew = async () => {
      await store.set('one', { url: server.url, trust: { ca, authority: false } });
      return store.trust('one');
    };
    expect(await approvedAnew()).not.toBe(await approvedAnew());
    const clientCertificate = { cert: ca, key };
    const all: TrustOfOrigin[][] = [
      [
        () => ca,
        () => ({ ca: `# weather\n${ca}` }),
        () => checkTrust(ca),
        () => checkTrust({ ca: Buffer.from(ca) }),
      ],
      [approvedAnew, approvedAnew],
      [
        () => ({ ca, clientCertificate }),
        () => checkTrust({ ca, clientCertificate }),
        () => checkTrust({ ca, clientCertificate }),
      ],
    ];
    for (const same of all) {
      let trustOf = same[0];
      const hostFetch = fetchFor((origin) => trustOf?.(origin));
      const stream = await hostFetch(server.url);
      const reader = stream.body?.getReader();
      await reader?.read();
      for (trustOf of same) {
        await hostFetch.refresh();
        await (await hostFetch(server.url)).body?.cancel();
      }
      const ended = reader?.read().then(
        () => 'read',
        () => 'ended',
      );
      expect(await Promise.race([ended, sleep(50, 'runs')])).toBe('runs');
      trustOf = () => other.pem;
      await hostFetch.refresh();
      expect(await ended).toBe('ended');
    }
  });

  it.each<[string, (ca: string) => object]>([
    ['inherited', (ca) => Object.create(Object.assign(Object.create(null), { ca }))],
    ['hidden', (ca) => Object.defineProperty({}, 'ca', { value: ca })],
    ['a getter of one class', (ca) => new Row(ca)],
  ])('notices that trust changed, where its field is %s', async (_, make) => {
    const server = await serve(certificate);
    let trust = make(certificate.pem);
    const hostFetch = fetchFor(() => trust as TrustInput);
    expect(await outcome(hostFetch(server.url))).toBe('ok');
    trust = make(other.pem);
    expect(await outcome(hostFetch(server.url))).toBe('MCP_TLS_SELF_SIGNED');
  });

  it('notices that trust behind getters was changed in place', async () => {
    const server = await serve(certificate);
    const row = new Row(certificate.pem);
    const hostFetch = fetchFor(() => row as TrustInput);
    expect(await outcome(hostFetch(server.url))).toBe('ok');
    row.ca = other.pem;
    expect(await outcome(hostFetch(server.url))).toBe('MCP_TLS_SELF_SIGNED');
    const inherited = Object.assign(Object.create(null), { ca: certificate.pem });
    const trust = Object.create(inherited);
    const second = fetchFor(() => trust);
    expect(await outcome(second(server.url))).toBe('ok');
    inherited.pins = other.spkiPin;
    expect(await outcome(second(server.url))).toBe('MCP_TLS_PIN_MISMATCH');
  });

  it('holds to a reloaded configuration at the next request, also one changed in place', async () => {
    const server = await serve(certificate);
    const policy = { ca: certificate.pem };
    const hostFetch = fetchFor(() => policy);
    expect(await outcome(hostFetch(server.url))).toBe('ok');
    policy.ca = other.pem;
    expect(await outcome(hostFetch(server.url))).toBe('MCP_TLS_SELF_SIGNED');
    policy.ca = certificate.pem;
    expect(await outcome(hostFetch(server.url))).toBe('ok');
    const bytes = Buffer.from(certificate.pem);
    Object.assign(policy, { ca: bytes });
    expect(await outcome(hostFetch(server.url))).toBe('ok');
    bytes.fill(' ');
    expect(await outcome(hostFetch(server.url))).toBe('MCP_TLS_INVALID_CERTIFICATE');
  });

  it.each([
    ['replaced', (): TrustInput | undefined => other.pem],
    ['withdrawn', () => undefined],
    ['replaced by what is none', () => ({}) as never],
  ])('ends what runs under trust that was %s', async (_, next) => {
    const server = await serve(certificate, endless);
    let trust: TrustInput | undefined = certificate.pem;
    const hostFetch = fetchFor(
      () => trust,
      async () => new Response(),
    );
    const stream = outcome(hostFetch(server.url));
    await expect.poll(() => server.records.requests.length).toBe(1);
    trust = next();
    await hostFetch(server.url).catch(() => {});
    expect(await stream).toBe('MCP_TLS_CLOSED');
    await expect.poll(() => server.openConnections).toBe(0);
  });

  it('ends it without a request, too, when it is asked to refresh', async () => {
    const [server, kept] = [await serve(certificate, endless), await serve(certificate)];
    const trusts = new Map<string, TrustInput>([
      [originOf(server), certificate.pem],
      [originOf(kept), certificate.pem],
    ]);
    const hostFetch = fetchFor((origin) => trusts.get(origin));
    const stream = outcome(hostFetch(server.url));
    expect(await outcome(hostFetch(kept.url))).toBe('ok');
    await expect.poll(() => server.records.requests.length).toBe(1);
    trusts.delete(originOf(server));
    await hostFetch.refresh();
    expect(await stream).toBe('MCP_TLS_CLOSED');
    expect(await outcome(hostFetch(kept.url))).toBe('ok');
    expect(kept.records.connections).toBe(1);
  });

  it('is not brought back to old trust by a slow answer from before', async () => {
    const server = await serve(certificate);
    const answers: ((trust: TrustInput | undefined) => void)[] = [];
    const hostFetch = fetchFor(() => new Promise((resolve) => answers.push(resolve)));
    const first = outcome(hostFetch(server.url));
    const second = outcome(hostFetch(server.url));
    answers[1]?.(other.pem);
    expect(await second).toBe('MCP_TLS_SELF_SIGNED');
    answers[0]?.(certificate.pem);
    expect(await first).toBe('MCP_TLS_SELF_SIGNED');
    expect(server.records.applicationBytes).toBe(0);
  });

  it.each([
    ['trust that is none', () => 0 as never, 'MCP_TLS_INVALID_ARGUMENT'],
    ['trust with a mistake in it', () => ({ ca: 'x' }), 'MCP_TLS_INVALID_CERTIFICATE'],
    ['that there is no policy', () => undefined, 'MCP_TLS_CLOSED'],
  ])('sends nothing without a policy, where a later look-up found %s', async (_, later, code) => {
    const server = await serve(certificate);
    const { hostFetch, answers, fallen } = slowLookUps();
    const first = outcome(hostFetch(server.url, { headers: { authorization: 'Bearer sesame' } }));
    const second = outcome(hostFetch(server.url));
    answers[1]?.(later());
    await second;
    answers[0]?.(certificate.pem);
    expect(await first).toBe(code);
    expect(fallen()).toBe(code === 'MCP_TLS_CLOSED' ? 1 : 0);
    expect(server.records.connections).toBe(0);
  });

  it('sends nothing without a policy, where a refresh met a mistake meanwhile', async () => {
    const server = await serve(certificate);
    const { hostFetch, answers, fallen } = slowLookUps();
    const connected = outcome(hostFetch(server.url));
    answers[0]?.(certificate.pem);
    expect(await connected).toBe('ok');
    const request = outcome(hostFetch(server.url));
    const refreshed = hostFetch.refresh();
    answers[2]?.({ roots: 'default', pins: '' });
    await expect(refreshed).rejects.toMatchObject({ code: 'MCP_TLS_INVALID_ARGUMENT' });
    answers[1]?.(certificate.pem);
    expect(await request).toBe('MCP_TLS_INVALID_ARGUMENT');
    expect([fallen(), server.records.requests.length]).toEqual([0, 1]);
    const next = outcome(hostFetch(server.url));
    answers[3]?.(certificate.pem);
    expect(await next).toBe('ok');
  });

  it.each([
    ['a policy', () => certificate.pem, 'ok'],
    ['a mistake', () => 0 as never, 'MCP_TLS_INVALID_ARGUMENT'],
  ])('holds to %s that was found later than that there is none', async (_, later, result) => {
    const server = await serve(certificate);
    const { hostFetch, answers, fallen } = slowLookUps();
    const first = outcome(hostFetch(server.url));
    const second = outcome(hostFetch(server.url));
    answers[1]?.(later());
    expect(await second).toBe(result);
    answers[0]?.(undefined);
    expect(await first).toBe(result);
    expect(fallen()).toBe(0);
  });
});

import dns from 'node:dns';
import net from 'node:net';
import { describe, expect, it } from 'vitest';
import {
  heldCertificate,
  type MakeBatteryClient,
  pinningBattery,
} from '../../src/testing/index.js';
import { codeOf, openHandles, until } from './clients.js';
import { failures } from './pinning-battery-setup.js';
import { pinnedClient } from './support/pinned-client.js';

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

  it('says why, down the chain of causes, and keeps a fingerprint readable', async () => {
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

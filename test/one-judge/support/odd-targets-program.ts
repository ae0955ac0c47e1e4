/**
 * Runs one scenario with targets, lookups or metadata that cannot work, and prints one line for each:
 * what rejected. Then waits for whatever a timer still has to do. It must come to its end with code 0.
 *
 *   tsx odd-targets-program.ts SCENARIO
 */
import { setTimeout as pause } from 'node:timers/promises';
import {
  type AllowAddress,
  explainTlsError,
  fetchPeerCertificate,
  makeCustomClientFactory,
  streamableHttpClient,
} from '../../../src/index.js';
import { heldCertificate, startTlsServer } from '../../../src/testing/index.js';
import { MemoryOAuthProvider } from '../../support/oauth-world.js';
import { startProxy } from '../../support/start-proxy.js';
import { scratchRegistry } from './scratch-registry.js';

const CONNECT_MS = 250;
/** Names that a URL may have and a certificate may not. */
const HOSTS = ['a..b', 'a!b', "x'y", 'a*b', 'a,b', 'a$b', '*', 'a_.-.b..'];

type Lookup = NonNullable<NonNullable<Parameters<typeof makeCustomClientFactory>[1]>['lookup']>;
const LOOKUPS: Readonly<Record<string, Lookup>> = {
  'throws at once': () => {
    throw new Error('not on the list');
  },
  'throws no error': () => {
    throw undefined;
  },
  'answers [] at once': (_host, _options, done) => done(null, []),
  'answers [] later': (_host, _options, done) => setTimeout(() => done(null, []), 5),
  'answers no address': (_host, _options, done) => done(null, [{ address: 'nowhere', family: 4 }]),
  'answers nothing at all': (_host, _options, done) => done(null, undefined as never),
  'answers an error': (_host, _options, done) => done(new Error('no such host'), []),
  'answers twice': (_host, _options, done) => {
    done(null, []);
    done(null, []);
  },
  'answers, then throws': (_host, _options, done) => {
    done(null, [{ address: '127.0.0.1', family: 4 }]);
    throw new Error('too late');
  },
  'never answers': () => {},
};

const scenarios: Readonly<Record<string, () => Promise<void>>> = {
  async hosts() {
    const factory = makeCustomClientFactory(null, { timeout: { connectMs: CONNECT_MS } });
    for (const host of HOSTS) await report(`fetch ${host}`, () => factory()(`https://${host}/`));
    await pause(2 * CONNECT_MS);
    await factory.close();
  },
  async probes() {
    for (const host of HOSTS) {
      const options = { timeoutMs: CONNECT_MS };
      await report(`probe ${host}`, () => fetchPeerCertificate(`https://${host}/`, options));
    }
    for (const [name, lookup] of Object.entries(LOOKUPS)) {
      const options = { timeoutMs: CONNECT_MS, lookup };
      await report(`probe ${name}`, () => fetchPeerCertificate('https://a.test:1/', options));
    }
  },
  async proxy() {
    await using proxy = await startProxy({ answer: 'HTTP/1.1 200 OK\r\n\r\n' });
    const { url } = proxy;
    for (const timeout of [CONNECT_MS, 0]) {
      const options = { proxy: url, timeout: { connectMs: timeout } };
      const factory = makeCustomClientFactory(null, options);
      for (const host of HOSTS) await report(`fetch ${host}`, () => factory()(`https://${host}/`));
      await pause(2 * CONNECT_MS);
      await factory.close();
    }
    for (const host of HOSTS) {
      const options = { proxy: url, timeoutMs: CONNECT_MS };
      await report(`probe ${host}`, () => fetchPeerCertificate(`https://${host}/`, options));
    }
  },
  async lookups() {
    for (const [name, lookup] of Object.entries(LOOKUPS)) {
      const options = { lookup, timeout: { connectMs: CONNECT_MS } };
      const factory = makeCustomClientFactory(null, options);
      await report(`fetch ${name}`, () => factory()('https://a.test:1/'));
      await pause(2 * CONNECT_MS);
      await factory.close();
    }
  },
  async hooks() {
    const hooks: Readonly<Record<string, AllowAddress>> = {
      'throws at once': () => {
        throw new Error('the hook is broken');
      },
      'throws nothing': () => {
        throw undefined;
      },
      rejects: () => Promise.reject(new Error('the hook is broken')),
      'answers nothing': () => undefined as never,
      'never answers': () => new Promise(() => {}),
    };
    for (const [name, allowAddress] of Object.entries(hooks)) {
      const options = { allowAddress, timeout: { connectMs: CONNECT_MS } };
      const factory = makeCustomClientFactory(null, options);
      for (const host of ['127.0.0.1', 'localhost']) {
        await report(`fetch ${host}, hook ${name}`, () => factory()(`https://${host}:1/`));
        const probe = { allowAddress, timeoutMs: CONNECT_MS };
        const url = `https://${host}:1/`;
        await report(`probe ${host}, hook ${name}`, () => fetchPeerCertificate(url, probe));
      }
      await pause(2 * CONNECT_MS);
      await factory.close();
    }
  },
  async proxies() {
    const answers = {
      'says no': 403,
      'wants a password': 407,
      'is no proxy': 'SSH-2.0-server\r\n\r\n',
      'hangs up': 'hang up',
      'is silent': 'silence',
      'sends data into the tunnel': 'HTTP/1.1 200 OK\r\n\r\nhello',
      'speaks no TLS behind': 'HTTP/1.1 200 OK\r\n\r\n',
      'has no end of its head': `HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(5000)}`,
    } as const;
    for (const [name, answer] of Object.entries(answers)) {
      await using proxy = await startProxy({ answer });
      const options = { proxy: proxy.url, timeout: { connectMs: CONNECT_MS } };
      const factory = makeCustomClientFactory(null, options);
      const url = 'https://a.test/';
      await report(`fetch, proxy ${name}`, () => factory()(url));
      const probe = { proxy: proxy.url, timeoutMs: CONNECT_MS };
      await report(`probe, proxy ${name}`, () => fetchPeerCertificate(url, probe));
      await pause(2 * CONNECT_MS);
      await factory.close();
    }
  },
  async aborts() {
    // At every step of a connection that never comes about, and after its end.
    await using proxy = await startProxy({ answer: 'silence' });
    await using stalled = await startTlsServer({ certificate: await heldCertificate() });
    stalled.stall('handshake');
    const ways = [
      { url: 'https://a.test/', lookup: LOOKUPS['never answers'] as Lookup },
      { url: 'https://a.test/', proxy: proxy.url },
      { url: `${stalled.url}/` },
    ];
    for (const { url, ...way } of ways) {
      for (const ms of [0, 1, 5, 50]) {
        const controller = new AbortController();
        const { signal } = controller;
        const factory = makeCustomClientFactory(null, way);
        setTimeout(() => controller.abort(new Error('enough')), ms);
        // The reason is the caller's own.
        await report(
          `fetch, aborted after ${ms} ms`,
          () => factory()(url, { signal }),
          'foreign too',
        );
        const probe = { ...way, signal: AbortSignal.timeout(ms + 1) };
        await report(
          `probe, aborted after ${ms} ms`,
          () => fetchPeerCertificate(url, probe),
          'foreign too',
        );
        await factory.close();
      }
    }
  },
  async registry() {
    for (const [name, lookup] of Object.entries(LOOKUPS)) {
      await using scratch = scratchRegistry({ lookup, timeout: { connectMs: CONNECT_MS } });
      await report(`register ${name}`, () => register(scratch, 'https://a.test:1/'));
    }
    const hook = () => {
      throw new Error('the hook is broken');
    };
    await using hooked = scratchRegistry({ allowAddress: hook });
    await report('register hook throws', () => register(hooked, 'https://127.0.0.1:1/'));
    await using scratch = scratchRegistry({ timeout: { connectMs: CONNECT_MS } });
    for (const host of HOSTS) {
      await report(`register ${host}`, () => register(scratch, `https://${host}/`));
    }
  },
  async metadata() {
    for (const host of HOSTS) {
      const certificate = await heldCertificate();
      await using server = await startTlsServer({
        certificate,
        onRequest(request, response) {
          request.resume();
          const challenge = `Bearer resource_metadata="https://${host}/x"`;
          response.writeHead(401, { 'www-authenticate': challenge }).end();
        },
      });
      const transport = streamableHttpClient(`${server.url}/mcp`, {
        trust: certificate.pem,
        authProvider: new MemoryOAuthProvider(),
        timeout: { connectMs: CONNECT_MS },
      });
      await transport.start();
      const message = { jsonrpc: '2.0', id: 1, method: 'ping' } as const;
      // What the SDK makes of it is its own; that the process goes on is ours.
      await report(`metadata ${host}`, () => transport.send(message), 'foreign too');
      await pause(2 * CONNECT_MS);
      await transport.close();
    }
  },
};

function register({ registry }: ReturnType<typeof scratchRegistry>, url: string) {
  return registry.register('a', url, { trustOnFirstUse: true });
}

async function report(
  what: string,
  action: () => Promise<unknown>,
  errors: 'ours' | 'foreign too' = 'ours',
): Promise<void> {
  try {
    await action();
    console.log(`${what}: RESOLVED`);
  } catch (error) {
    const foreign = errors === 'ours' ? `FOREIGN ${String(error)}` : 'rejected';
    console.log(`${what}: ${explainTlsError(error)?.code ?? foreign}`);
  }
}

const scenario = scenarios[process.argv[2] ?? ''];
if (scenario === undefined) throw new Error('no such scenario');
await scenario();
await pause(2 * CONNECT_MS);
console.log('end');

import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type CertificateStore, createCertificateStore, directoryStorage } from 'mcp-tls';
import { afterEach, expect, it, vi } from 'vitest';
import { SharedLogin, type SharedLoginOptions } from '../../examples/oauth/shared-login.js';

/** examples/oauth/shared-login.ts: stores that fail, slow authorization servers, wrong clocks, late answers. */

const opened: (() => unknown)[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const close of opened.splice(0).reverse()) await close();
});

const tokensOf = (n: number, expires_in: number) => ({
  ...{ access_token: `A${n}`, refresh_token: `R${n}`, token_type: 'Bearer', expires_in },
});

/** A login whose token has expired, its store, and an authorization server that gives R1 for R0. */
async function setUp() {
  const folder = await mkdtemp(join(tmpdir(), 'mcp-tls-login-'));
  opened.push(() => rm(folder, { recursive: true }));
  const store = createCertificateStore({
    keys: { id: 'k1', key: randomBytes(32) },
    storage: directoryStorage(folder, { watch: false }),
    namespace: 'logins',
  });
  opened.push(() => store.close());
  await store.initialize();
  const used: string[] = [];
  const loginOf = (more: Partial<SharedLoginOptions> = {}) =>
    new SharedLogin({
      store,
      id: 'alice',
      redirectUrl: 'http://127.0.0.1:1/callback',
      clientMetadata: { redirect_uris: [] },
      onRedirect: () => {},
      refresh: async (_, refreshToken) => {
        used.push(refreshToken);
        return tokensOf(used.length, 3_600);
      },
      ...more,
    });
  await loginOf().saveTokens(tokensOf(0, 0));
  const stored = async (): Promise<string | undefined> => {
    const { record } = await store.read('alice');
    return JSON.parse(record?.labels?.['login'] ?? '{}').tokens?.refresh_token;
  };
  return { store, used, loginOf, stored };
}

it('new tokens are stored though the store fails when they come', async () => {
  const { store, loginOf, stored } = await setUp();
  let writes = 0;
  const failing = new Proxy(store, {
    get(target, name) {
      if (name !== 'set') return Reflect.get(target, name).bind(target);
      return (...given: Parameters<CertificateStore['set']>) => {
        // The claim is the first write.
        if (++writes === 2) throw new Error('the store is away');
        return target.set(...given);
      };
    },
  });
  const tokens = await loginOf({ store: failing }).tokens();
  expect(tokens?.access_token).toBe('A1');
  expect(await stored()).toBe('R1');
});

it('an authorization server that takes longer than a claim is asked once', async () => {
  const { used, loginOf } = await setUp();
  const refresh: SharedLoginOptions['refresh'] = async (_, refreshToken) => {
    used.push(refreshToken);
    await pause(2_500);
    return tokensOf(used.length, 3_600);
  };
  const logins = [1, 2].map(() => loginOf({ claimMs: 1_000, refresh }));
  const tokens = await Promise.all(logins.map((login) => login.tokens()));
  expect(tokens.map((one) => one?.access_token)).toEqual(['A1', 'A1']);
  expect(used).toEqual(['R0']);
});

it('a process whose clock is an hour ahead does not take a refresh over', async () => {
  const { used, loginOf } = await setUp();
  let finish = (): void => {};
  const refresh: SharedLoginOptions['refresh'] = async (_, refreshToken) => {
    used.push(refreshToken);
    await new Promise<void>((resolve) => {
      finish = resolve;
    });
    return tokensOf(used.length, 36_000);
  };
  const first = loginOf({ refresh }).tokens();
  await vi.waitFor(() => expect(used).toEqual(['R0']));
  const now = Date.now.bind(Date);
  vi.spyOn(Date, 'now').mockImplementation(() => now() + 3_600_000);
  const second = loginOf({ refresh }).tokens();
  await pause(200);
  finish();
  await Promise.all([first, second]);
  expect(used).toEqual(['R0']);
});

it('a refresh that is answered late does not replace a newer login', async () => {
  const { used, loginOf, stored } = await setUp();
  let finish = (): void => {};
  const refresh: SharedLoginOptions['refresh'] = async (_, refreshToken) => {
    used.push(refreshToken);
    await new Promise<void>((resolve) => {
      finish = resolve;
    });
    return tokensOf(1, 3_600);
  };
  const late = loginOf({ refresh }).tokens();
  await vi.waitFor(() => expect(used).toEqual(['R0']));
  await loginOf().saveTokens(tokensOf(9, 3_600));
  finish();
  await late;
  expect(await stored()).toBe('R9');
});

it('a refresh of the SDK that has failed lets the next process refresh once a login begins', async () => {
  const { loginOf } = await setUp();
  const params = () => new URLSearchParams({ grant_type: 'refresh_token', refresh_token: 'R0' });
  const first = loginOf();
  await first.addClientAuthentication(new Headers(), params());
  await first.saveCodeVerifier('verifier');
  const next = params();
  await loginOf().addClientAuthentication(new Headers(), next);
  expect(next.get('refresh_token')).toBe('R0');
});

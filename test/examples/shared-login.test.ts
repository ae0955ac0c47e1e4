import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createCertificateStore, directoryStorage } from 'mcp-tls';
import { afterEach, expect, it } from 'vitest';
import { SharedLogin } from '../../examples/oauth/shared-login.js';
import { World } from '../oauth/support/world.js';
import type { SharedLoginSetting } from './support/shared-login-setting.js';

/** examples/oauth/shared-login.ts: several processes, one refresh token, over a directory. */

const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

/** A process, and the next line that it prints. */
function start(setting: SharedLoginSetting) {
  const program = join(import.meta.dirname, 'support/shared-login-process.ts');
  const child: ChildProcessWithoutNullStreams = spawn(process.execPath, [
    ...['--import', 'tsx', program],
    JSON.stringify(setting),
  ]);
  child.stderr.resume();
  opened.push(async () => {
    if (child.exitCode !== null) return;
    child.kill();
    await once(child, 'exit');
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const line = async (): Promise<string> => (await lines.next()).value ?? 'ended';
  const call = (): Promise<string> => {
    child.stdin.write('\n');
    return line();
  };
  return { line, call };
}

it('of four processes whose token expires one refreshes, and where the server refuses it, one after the other', async () => {
  const world = await World.start();
  opened.push(() => world[Symbol.asyncDispose]());
  const folder = await mkdtemp(join(tmpdir(), 'mcp-tls-login-'));
  opened.push(() => rm(folder, { recursive: true }));
  const key = randomBytes(32);
  const store = createCertificateStore({
    keys: { id: 'k1', key },
    storage: directoryStorage(folder, { watch: false }),
    namespace: 'logins',
  });
  opened.push(() => store.close());
  await store.initialize();
  const login = new SharedLogin({
    store,
    id: 'alice',
    redirectUrl: 'http://127.0.0.1:1/callback',
    clientMetadata: { redirect_uris: [] },
    onRedirect: () => {},
    refresh: () => Promise.reject(new Error('not here')),
  });
  await login.saveClientInformation({
    client_id: 'gateway',
    issuer: `${world.as.origin}/`,
  } as never);
  const expired = { ...world.issue(), expires_in: 0, issuer: `${world.as.origin}/` };
  world.accessTokens.clear();
  await login.saveTokens(expired as never);

  const { mcp, as } = world;
  const setting = {
    ...{ folder, key: key.toString('base64') },
    mcp: { url: world.httpUrl, pem: mcp.pem },
    login: { origin: as.origin, pem: as.pem },
  };
  const processes = [1, 2, 3, 4].map(() => start(setting));
  expect(await Promise.all(processes.map(({ line }) => line()))).toEqual(Array(4).fill('ready'));

  const answers = await Promise.all(processes.map(({ call }) => call()));
  for (const answer of answers) expect(answer).toMatch(/^tools [1-9]/);
  expect(world.grants).toEqual(['refresh_token']);

  world.accessTokens.clear();
  const again = await Promise.all(processes.map(({ call }) => call()));
  for (const answer of again) expect(answer).toMatch(/^tools [1-9]/);
  expect(new Set(world.grants)).toEqual(new Set(['refresh_token']));
  expect(world.revoked).toBe(false);
});

import dns from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { connect as connectTls } from 'node:tls';
import type { HeldCertificate } from '../held-certificate-options.js';
import { NoEffect, type Stage } from './battery-check.js';
import { within } from './requests.js';

const CONTROL_MS = 2000;

/** Sets a variable of this process until the check has ended. Only for checks that run alone. */
export function setVariable(stage: Stage, name: string, value: string): void {
  const before = process.env[name];
  process.env[name] = value;
  stage.onEnd(() => restore(name, before));
}

/**
 * Why variables that are set here do not reach Node.js itself, if so: in the contexts of `node:vm` that Jest runs
 * tests in, `process` is an object of its own, and what an attack sets on it is read by nobody.
 */
export function copiedEnvironment(): NoEffect | undefined {
  const name = process.platform === 'win32' ? 'TEMP' : 'TMPDIR';
  const before = process.env[name];
  const probe = process.platform === 'win32' ? 'C:\\mcp-tls-battery' : '/mcp-tls-battery';
  try {
    process.env[name] = probe;
    if (tmpdir() === probe) return undefined;
  } finally {
    restore(name, before);
  }
  return new NoEffect(
    'process.env is a copy here, as under Jest: what is set in it does not reach Node.js',
  );
}

/**
 * Holds that a plain TLS client of this process, with no options of its own, accepts `certificate` now: what was
 * set up to that end has had its effect.
 *
 * @throws {NoEffect}
 */
export async function mustBeAccepted(
  stage: Stage,
  certificate: HeldCertificate,
  what: string,
): Promise<void> {
  const { port } = await stage.server({ certificate });
  let came: boolean | undefined;
  const socket = connectTls({ host: '127.0.0.1', port });
  socket.on('secureConnect', () => {
    came = true;
  });
  socket.on('error', () => {
    came = false;
  });
  await within(CONTROL_MS, () => came !== undefined);
  socket.destroy();
  if (came !== true) throw new NoEffect(`${what}, but a plain client of Node.js refuses as before`);
}

/**
 * Has `name` resolve to 127.0.0.1 until the check has ended, for whoever asks `dns.lookup`, as `node:net` does.
 * Only for checks that run alone.
 *
 * @throws {NoEffect} where connections do not ask it
 */
export async function resolveToLoopback(stage: Stage, name: string): Promise<void> {
  const { lookup, promises } = dns;
  const { lookup: lookupAsync } = promises;
  const there = { address: '127.0.0.1', family: 4 } as const;
  dns.lookup = Object.assign(
    (host: string, options: unknown, done?: (...result: unknown[]) => void) => {
      if (host !== name) return lookup(host, options as never, done as never);
      const callback = (done ?? options) as (...result: unknown[]) => void;
      const all = (options as { all?: boolean })?.all === true;
      process.nextTick(() => (all ? callback(null, [there]) : callback(null, there.address, 4)));
    },
    lookup,
  ) as typeof lookup;
  promises.lookup = (async (host: string, options?: { all?: boolean }) => {
    if (host !== name) return lookupAsync(host, options as never);
    return options?.all === true ? [there] : there;
  }) as typeof lookupAsync;
  syncBuiltinESMExports();
  stage.onEnd(() => {
    dns.lookup = lookup;
    promises.lookup = lookupAsync;
    syncBuiltinESMExports();
  });
  await mustBeThere(stage, name);
}

async function mustBeThere(stage: Stage, name: string): Promise<void> {
  const { port } = await stage.server({ certificate: await stage.certificate() });
  let came: boolean | undefined;
  const socket = connectTcp({ host: name, port });
  socket.on('connect', () => {
    came = true;
  });
  socket.on('error', () => {
    came = false;
  });
  await within(CONTROL_MS, () => came !== undefined);
  socket.destroy();
  if (came !== true) throw new NoEffect(`${name} could not be made to resolve in this process`);
}

function restore(name: string, before: string | undefined): void {
  if (before === undefined) delete process.env[name];
  else process.env[name] = before;
}

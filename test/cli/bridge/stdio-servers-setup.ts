import { afterEach } from 'vitest';
import { type ScriptedServer, startScriptedServer } from '../support/scripted-server.js';
import { bridgeOverPipes, nextLines, type StdioPair } from '../support/stdio-pair.js';

/** The bridge to stdio, over servers that say exactly what a test wants, and servers that misbehave. */

export const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

export type Script = Parameters<typeof startScriptedServer>[0];

export async function start(
  script: Script,
): Promise<{ server: ScriptedServer; bridge: StdioPair }> {
  const server = await startScriptedServer(script);
  closers.push(() => server.tls.close());
  const bridge = bridgeOverPipes({
    url: server.url,
    trust: server.pem,
    transport: 'http',
    graceMs: 50,
  });
  closers.push(() => bridge.end());
  return { server, bridge };
}

export const send = ({ input }: StdioPair, ...messages: readonly object[]): void => {
  for (const one of messages) input.write(`${JSON.stringify({ jsonrpc: '2.0', ...one })}\n`);
};

export const INITIALIZE = {
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25' },
};

export const INITIALIZED = { method: 'notifications/initialized' };

export async function connected(
  script: Script,
): Promise<{ server: ScriptedServer; bridge: StdioPair }> {
  const both = await start(script);
  send(both.bridge, INITIALIZE);
  await nextLines(both.bridge.output, 1);
  send(both.bridge, INITIALIZED);
  return both;
}

export const answer = (id: unknown, result: unknown = {}) =>
  `data: ${JSON.stringify({ jsonrpc: '2.0', id, result })}\n\n`;

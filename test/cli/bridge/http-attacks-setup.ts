import { afterEach, beforeEach, expect } from 'vitest';
import { type HttpBridge, startHttpBridge } from '../../../src/bridge/http/start-http-bridge.js';
import {
  heldCertificate,
  type RequestHandler,
  startTlsServer,
  type TlsServer,
} from '../../../src/testing/index.js';
import { rawRequest, statusOf } from '../support/raw-request.js';

/** The http bridge on loopback, as other programs, other users and web pages of the machine may use it. */

export let server: TlsServer;

export let bridge: HttpBridge;

/** What the server answers, until the end of the test. */
export const behaviour: { answer: RequestHandler } = {
  answer: (_, response) => void response.end('{"ok":true}'),
};
const { answer: OK } = behaviour;

export const reports: string[] = [];

beforeEach(async () => {
  const certificate = await heldCertificate();
  behaviour.answer = OK;
  server = await startTlsServer({ certificate, onRequest: (i, o) => behaviour.answer(i, o) });
  bridge = await startHttpBridge({
    url: `${server.url}/mcp?key=SECRET`,
    trust: certificate.pem,
    headers: { 'x-api-key': 'CONFIGURED' },
    allowedOrigins: ['http://page.example:6274'],
    stallMs: 300,
    headMs: 3_000,
    report: (line) => reports.push(line),
  });
});

afterEach(async () => {
  await bridge.close();
  await server.close();
});

export const asks = (
  { method = 'GET', target = `/${bridge.token}/mcp`, version = '1.1' } = {},
  headers: readonly string[] = [`host: 127.0.0.1:${bridge.port}`],
): string =>
  [`${method} ${target} HTTP/${version}`, ...headers, 'connection: close', '', ''].join('\r\n');

/** What the bridge answers, having asked the server nothing. */
export async function refused(bytes: string): Promise<number> {
  const text = await rawRequest(bridge.port, bytes);
  expect(server.records.requests).toEqual([]);
  return statusOf(text);
}

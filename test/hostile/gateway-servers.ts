/**
 * Servers of a gateway, all in one process: good ones, or such as change their behaviour every few seconds.
 *
 *   gateway-servers good|hostile COUNT TURN_MS   prints where they are as a line of JSON
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type HeldCertificate,
  heldCertificate,
  startTlsServer,
  type TlsServer,
} from '../../src/testing/index.js';
import { ANSWERS, beginSession } from './answers.js';
import { hugeExponents } from './crafted-chain.js';

export interface GatewayServer {
  readonly url: string;
  readonly fingerprint: string;
}

const [which, count, turnMs] = process.argv.slice(2);

/** What a hostile server answers a call with, by path. */
const CALLS = [
  '/one/65000',
  '/comments/100000',
  '/one/2000/16000',
  '/extension',
  '/silent',
  '/head',
  '/bytes/300',
  '/header/1000000',
  '/trailers',
  '/interim',
  '/bomb/60/gzip',
  '/bomb/60/br',
  '/redirect/0',
  '/close',
] as const;

/** What it does to whoever connects. */
const CONNECTIONS = ['stall', 'reset', 'stranger', 'expired', 'exponents', 'retry'] as const;
type Turn = (typeof CALLS)[number] | (typeof CONNECTIONS)[number];
const TURNS: readonly Turn[] = [...CALLS, ...CONNECTIONS];

const notAfter = new Date(Date.now() + 3e10);
const stranger = await heldCertificate();
const exponents = hugeExponents(38);

const running = await Promise.all(
  Array.from({ length: Number(count) }, (_, i) =>
    which === 'good' ? startGood() : startHostile(i),
  ),
);
console.log(JSON.stringify(running));
process.stdin.on('end', () => process.exit()).resume();

async function startGood(): Promise<GatewayServer> {
  const certificate = await heldCertificate({ notAfter });
  const server = await startTlsServer({ certificate, onRequest: answerWell });
  return { url: `${server.url}/mcp`, fingerprint: certificate.fingerprint };
}

async function startHostile(index: number): Promise<GatewayServer> {
  const certificate = await heldCertificate({ notAfter });
  const expired = await heldCertificate({
    renewFrom: certificate,
    notBefore: new Date(Date.now() - 2e9),
    notAfter: new Date(Date.now() - 1e9),
  });
  let turn: Turn = '/silent';
  const server = await startTlsServer({
    certificate,
    onRequest: async (request, response) => {
      response.on('error', () => {});
      if (turn === 'retry') return void ANSWERS['retry']?.(request, response);
      const answerByTurn = (): void => answer(turn, request, response);
      if (request.headers['x-health'] !== undefined) answerByTurn();
      else await beginSession(request, response, answerByTurn).catch(() => {});
    },
  });
  let at = index;
  const next = (): void => {
    turn = TURNS[at++ % TURNS.length] as Turn;
    take(server, turn, { certificate, expired });
  };
  // Registered while it behaves.
  setTimeout(() => setInterval(next, Number(turnMs)), 5_000);
  return { url: `${server.url}/mcp`, fingerprint: certificate.fingerprint };
}

function take(
  server: TlsServer,
  turn: Turn,
  { certificate, expired }: { certificate: HeldCertificate; expired: HeldCertificate },
): void {
  server.recover();
  const { pem, keyPem } = certificate;
  const shown = {
    stranger,
    expired,
    exponents: { cert: pem + exponents, key: keyPem },
  } as const;
  server.rotate(shown[turn as keyof typeof shown] ?? certificate, { dropConnections: true });
  if (turn === 'stall') server.stall('handshake');
  if (turn === 'reset') server.reset();
}

function answer(turn: Turn, request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  const path = turn.startsWith('/') ? turn : '/silent';
  // As the answer of a call, by which the SDK reads it.
  if (!path.startsWith('/comments')) response.setHeader('content-type', 'application/json');
  const [, name = '', ...rest] = path.split('/');
  Object.assign(request, { url: path });
  ANSWERS[name]?.(request, response, ...rest.map(Number));
}

async function answerWell(request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.on('error', () => {});
  if (request.method === 'GET') return void response.writeHead(405).end();
  let text = '';
  for await (const piece of request) text += piece;
  const { id, method, params } = JSON.parse(text) as {
    id?: number;
    method: string;
    params?: { arguments?: { text?: string } };
  };
  if (id === undefined) return void response.writeHead(202).end();
  const serverInfo = { name: 'good', version: '1' };
  const result =
    method === 'initialize'
      ? { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo }
      : { content: [{ type: 'text', text: params?.arguments?.text ?? '' }] };
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ jsonrpc: '2.0', id, result }));
}

import { afterEach, beforeAll } from 'vitest';
import {
  explainTlsError,
  type OriginFetch,
  type OtherFetch,
  originFetch,
  type TrustInput,
  type TrustOfOrigin,
} from '../../src/index.js';
import {
  type HeldCertificate,
  heldCertificate,
  type RequestHandler,
  startTlsServer,
  type TlsServer,
} from '../../src/testing/index.js';

export let certificate: HeldCertificate;

export let other: HeldCertificate;

export const opened: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  [certificate, other] = [await heldCertificate(), await heldCertificate()];
});

afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()));
});

export async function serve(of: HeldCertificate, onRequest?: RequestHandler): Promise<TlsServer> {
  const server = await startTlsServer({ certificate: of, ...(onRequest && { onRequest }) });
  opened.push(server);
  return server;
}

export function fetchFor(trustOf: TrustOfOrigin, ...more: unknown[]): OriginFetch {
  const made = originFetch(trustOf, ...(more as [OtherFetch]));
  opened.push(made);
  return made;
}

/** Look-ups that are answered by hand, and the requests that went on without a policy. */
export function slowLookUps() {
  const answers: ((trust: TrustInput | undefined) => void)[] = [];
  let fallen = 0;
  const hostFetch = fetchFor(
    () => new Promise((resolve) => answers.push(resolve)),
    async () => {
      fallen += 1;
      return new Response('without');
    },
  );
  return { hostFetch, answers, fallen: () => fallen };
}

export const originOf = (server: TlsServer) => new URL(server.url).origin;

/** Says `ok`, or the code of our error. */
export async function outcome(answer: Promise<Response>): Promise<string> {
  try {
    await (await answer).text();
    return 'ok';
  } catch (error) {
    return explainTlsError(error)?.code ?? String(error);
  }
}

/** As of a database. */
export class Row {
  #ca: string;
  constructor(ca: string) {
    this.#ca = ca;
  }
  get ca(): string {
    return this.#ca;
  }
  set ca(ca: string) {
    this.#ca = ca;
  }
}

/** A stream that does not end. */
export const endless: RequestHandler = (_request, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write('data: 1\n\n');
};

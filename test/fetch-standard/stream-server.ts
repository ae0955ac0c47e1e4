import type { ServerResponse } from 'node:http';
import { type HeldCertificate, heldCertificate, startTlsServer } from '../../src/testing/index.js';
import { begin, type Kind } from './orders.js';

/** A server whose answers begin, and are then in the hands of a test. */
export interface StreamServer {
  readonly certificate: HeldCertificate;
  /** A URL for one request, and the server's end of its answer, with one piece sent. */
  expect(kind: Kind): { readonly url: string; readonly answered: Promise<ServerResponse> };
  close(): Promise<void>;
}

export async function startStreamServer(): Promise<StreamServer> {
  const certificate = await heldCertificate();
  const waiting = new Map<string, { kind: Kind; resolve(response: ServerResponse): void }>();
  let count = 0;
  const server = await startTlsServer({
    certificate,
    onRequest: (request, response) => {
      const expected = waiting.get(request.url ?? '');
      waiting.delete(request.url ?? '');
      if (expected === undefined) return void response.destroy();
      response.on('error', () => {});
      begin(expected.kind, response);
      expected.resolve(response);
    },
  });
  return {
    certificate,
    expect(kind) {
      const path = `/${++count}`;
      const answered = new Promise<ServerResponse>((resolve) => {
        waiting.set(path, { kind, resolve });
      });
      return { url: `${server.url}${path}`, answered };
    },
    close: () => server.close(),
  };
}

import type { IncomingMessage, ServerResponse } from 'node:http';

/** Why a request is not carried. */
export interface Refusal {
  readonly status: 400 | 401 | 403 | 404 | 405 | 413 | 415;
  readonly why: string;
}

/** The same of a request that was looked at further. */
export class Refused extends Error implements Refusal {
  readonly status: Refusal['status'];
  readonly why: string;

  constructor(status: Refusal['status'], why: string) {
    super(why);
    this.status = status;
    this.why = why;
  }
}

/** The connection ends: what else is on it was not looked at. */
export function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  { status, why }: Refusal,
): void {
  request.resume();
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: null,
    error: { code: -32_000, message: `the bridge refuses the request: ${why}` },
  });
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' }).end(body);
}

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Where a stalled server stops. */
export const STALLS = ['handshake', 'headers', 'body'] as const;
/** Where a server stops answering. */
export type Stall = (typeof STALLS)[number];

/** How a test server is made to misbehave; all of it off at first. */
export interface Behaviour {
  stall?: Stall;
  reset?: boolean;
  plainHttp?: boolean;
  redirect?: { readonly location: string; readonly status: number };
}

/** Takes the connection away from TLS when the behaviour says so. Answers whether it did. */
export function misbehaveOnConnection(behaviour: Behaviour, socket: Socket): boolean {
  if (behaviour.reset) {
    socket.resetAndDestroy();
    return true;
  }
  if (behaviour.stall === 'handshake') {
    // Read and dropped: only so is the client's hanging up noticed.
    socket.resume();
    return true;
  }
  return false;
}

/** Answers the request itself when the behaviour says so. Answers whether it did. */
export function misbehaveOnRequest(
  { redirect, stall }: Behaviour,
  request: IncomingMessage,
  response: ServerResponse,
): boolean {
  if (stall === 'headers') {
    request.resume();
    return true;
  }
  if (stall === 'body') {
    request.resume();
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': 1024 });
    response.write('{"jsonrpc":"2.0",');
    return true;
  }
  if (redirect !== undefined) {
    request.resume();
    response.writeHead(redirect.status, { location: redirect.location, 'content-length': 0 }).end();
    return true;
  }
  return false;
}

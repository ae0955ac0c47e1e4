import { TLSSocket } from 'node:tls';
import {
  type HeldCertificate,
  heldCertificate,
  startTlsServer,
  type TlsServer,
} from '../../src/testing/index.js';
import { now } from './history.js';

/** What a server was sent, or a member read, over a connection that rests on trust in a certificate. */
export interface Use {
  readonly id: string;
  readonly what: 'request' | 'stream';
  /** The process, and the number of its operation. */
  readonly member: string;
  /** The server's certificate on that connection. */
  readonly certificate: string;
  readonly at: number;
}

/** A real server that several registries know under one or more ids. */
export interface PlayedServer {
  readonly tls: TlsServer;
  /** By name, so that a member's `lookup` is asked at every connection. */
  readonly url: string;
  /** Two with one key, and one with another. */
  readonly certificates: readonly HeldCertificate[];
  /** The requests that arrived. */
  readonly uses: Use[];
  /** Shows another certificate to new connections. */
  show(index: number): void;
}

/** The certificate of a connection, for the client to note with what it read. */
export const CERTIFICATE_HEADER = 'x-certificate';
/** Who asks, and for which id. */
export const MEMBER_HEADER = 'x-member';
export const ID_HEADER = 'x-id';

const STREAM_EVERY_MS = 20;

export async function playServer(): Promise<PlayedServer> {
  const first = await heldCertificate();
  const certificates = [
    first,
    await heldCertificate({ renewFrom: first }),
    await heldCertificate(),
  ];
  const uses: Use[] = [];
  const tls = await startTlsServer({
    certificate: first,
    onRequest(request, response) {
      const { socket, headers, url } = request;
      const own = socket instanceof TLSSocket ? socket.getX509Certificate() : undefined;
      const certificate = own?.fingerprint256 ?? '';
      const [id, member] = [String(headers[ID_HEADER]), String(headers[MEMBER_HEADER])];
      uses.push({ id, what: 'request', member, certificate, at: now() });
      response.setHeader(CERTIFICATE_HEADER, certificate);
      if (url !== '/stream') {
        response.end('ok');
        return;
      }
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const timer = setInterval(() => response.write('data: x\n\n'), STREAM_EVERY_MS);
      response.once('close', () => clearInterval(timer));
    },
  });
  return {
    tls,
    url: tls.urlFor('localhost', '/mcp'),
    certificates,
    uses,
    show: (index) => tls.rotate(certificates[index] as HeldCertificate),
  };
}

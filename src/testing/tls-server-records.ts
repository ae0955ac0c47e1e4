import type { X509Certificate } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';

/** One request as the server read it. */
export interface RecordedRequest {
  readonly method: string;
  /** The request target: path and query. */
  readonly url: string;
  /** Names in lower case. They are recorded as they came, credentials included. */
  readonly headers: IncomingHttpHeaders;
  /** False when it came in the clear (after `speakPlainHttp()`). */
  readonly encrypted: boolean;
}

/** What a test server has seen since it started, or since `clearRecords()`. Live: read it again. */
export interface TlsServerRecords {
  /**
   * Bytes of decrypted application data that the server received, counted on the TLS sockets
   * themselves: 0 exactly when no client sent anything beyond its handshake.
   */
  readonly applicationBytes: number;
  /** TCP connections accepted, those that failed later too. */
  readonly connections: number;
  /** Handshakes that the server completed. With TLS 1.3 also those whose client then refused. */
  readonly handshakes: number;
  /** Those of the handshakes that resumed a session. */
  readonly resumedSessions: number;
  /** Node.js's or OpenSSL's code of each handshake that failed here. */
  readonly handshakeErrors: readonly string[];
  /** Each server name that a client asked for. A client that names an IP address sends none. */
  readonly sni: readonly string[];
  /** Each list of application protocols that a client offered. */
  readonly alpn: readonly (readonly string[])[];
  /** Leaf of each client that showed a certificate in a completed handshake. */
  readonly clientCertificates: readonly X509Certificate[];
  readonly requests: readonly RecordedRequest[];
}

/** Writes the records of one server. */
export class TlsServerRecorder implements TlsServerRecords {
  connections = 0;
  handshakes = 0;
  resumedSessions = 0;
  readonly handshakeErrors: string[] = [];
  readonly sni: string[] = [];
  readonly alpn: string[][] = [];
  readonly clientCertificates: X509Certificate[] = [];
  readonly requests: RecordedRequest[] = [];
  readonly #open = new Set<TLSSocket>();
  #closedBytes = 0;
  #clearedBytes = 0;

  get applicationBytes(): number {
    return this.#allBytes() - this.#clearedBytes;
  }

  /** A handshake is complete. */
  handshake(socket: TLSSocket): void {
    this.#count(socket);
    this.handshakes += 1;
    if (socket.isSessionReused()) this.resumedSessions += 1;
    // Reading it consumes it on Node.js 20 to 24, so it is read once, here. The legacy form
    // (getPeerCertificate) would crash Node.js 23.11 and later on some curves.
    const certificate = socket.getPeerX509Certificate();
    if (certificate !== undefined) this.clientCertificates.push(certificate);
  }

  handshakeError(error: Error & { code?: string }, socket: TLSSocket): void {
    this.#count(socket);
    this.handshakeErrors.push(error.code ?? error.message);
  }

  request({ headers, method = '', socket, url = '' }: IncomingMessage): void {
    this.requests.push({ method, url, headers, encrypted: socket instanceof TLSSocket });
  }

  clear(): void {
    this.connections = 0;
    this.handshakes = 0;
    this.resumedSessions = 0;
    this.#clearedBytes = this.#allBytes();
    const lists = [
      this.handshakeErrors,
      this.sni,
      this.alpn,
      this.clientCertificates,
      this.requests,
    ];
    for (const list of lists) list.length = 0;
  }

  /** `bytesRead` of a TLS socket counts decrypted bytes, also those that the HTTP parser took. */
  #count(socket: TLSSocket): void {
    if (this.#open.has(socket)) return;
    if (socket.closed) {
      this.#closedBytes += socket.bytesRead;
      return;
    }
    this.#open.add(socket);
    socket.once('close', () => {
      this.#open.delete(socket);
      this.#closedBytes += socket.bytesRead;
    });
  }

  #allBytes(): number {
    let bytes = this.#closedBytes;
    for (const socket of this.#open) bytes += socket.bytesRead;
    return bytes;
  }
}

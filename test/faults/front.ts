import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** What goes wrong with the bytes of new connections. Records are counted as TLS frames them. */
export type WireTrouble =
  /** Nothing more in this direction after so many records of it, the connection stays open. */
  | { readonly kind: 'stall'; readonly from: Side; readonly after: number }
  /** RST to the client after so many records. */
  | { readonly kind: 'reset'; readonly from: Side; readonly after: number }
  /** FIN to the client after so many records, and what it sends goes nowhere: half-open. */
  | { readonly kind: 'half-open'; readonly from: Side; readonly after: number }
  /** Everything arrives, a byte at a time. */
  | { readonly kind: 'byte by byte' };

type Side = 'client' | 'server';

/** A port of the loopback address that passes bytes on to a TLS server, until it is to misbehave. */
export class Front implements AsyncDisposable {
  trouble: WireTrouble | undefined;
  readonly #upstream: number;
  readonly #sockets = new Set<Socket>();
  #server: Server;
  #port = 0;

  private constructor(upstream: number) {
    this.#upstream = upstream;
    this.#server = this.#makeServer();
  }

  static async start(upstream: number): Promise<Front> {
    const front = new Front(upstream);
    await front.listen();
    return front;
  }

  get port(): number {
    return this.#port;
  }

  /** Connections of clients that are open now. */
  get openConnections(): number {
    return this.#sockets.size;
  }

  async listen(): Promise<void> {
    this.#server = this.#makeServer();
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Resets every connection, and takes no more until `listen()`. */
  async stopListening(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.dropConnections();
    await closed;
  }

  dropConnections(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) await this.stopListening();
  }

  #makeServer(): Server {
    return createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#pass(client));
  }

  #pass(client: Socket): void {
    const upstream = connect({ port: this.#upstream, host: '127.0.0.1', noDelay: true });
    this.#sockets.add(client);
    client.on('close', () => {
      this.#sockets.delete(client);
      upstream.destroy();
    });
    upstream.on('close', () => client.destroy());
    client.on('error', () => {});
    upstream.on('error', () => {});
    const { trouble } = this;
    const answers = new Direction(client, client, trouble, 'server');
    const requests = new Direction(client, upstream, trouble, 'client');
    upstream.on('data', (bytes) => answers.take(bytes));
    client.on('data', (bytes) => requests.take(bytes));
    // A client that has ended its side is gone: none of ours waits for an answer after that.
    client.on('end', () => client.destroy());
  }
}

const HEADER = 5;

/** One way of a connection: counts its records and misbehaves when there were enough. */
class Direction {
  readonly #client: Socket;
  readonly #to: Socket;
  readonly #trouble: WireTrouble | undefined;
  readonly #mine: boolean;
  #pending = Buffer.alloc(0);
  #records = 0;
  #over = false;

  constructor(client: Socket, to: Socket, trouble: WireTrouble | undefined, side: Side) {
    this.#client = client;
    this.#to = to;
    this.#trouble = trouble;
    this.#mine = trouble !== undefined && 'from' in trouble && trouble.from === side;
    if (this.#mine && (trouble as { after: number }).after === 0) this.#misbehave();
  }

  take(bytes: Buffer): void {
    if (this.#over) return;
    if (this.#trouble?.kind === 'byte by byte') {
      for (const byte of bytes) this.#to.write(Uint8Array.of(byte));
      return;
    }
    if (!this.#mine) {
      this.#to.write(bytes);
      return;
    }
    this.#pending = Buffer.concat([this.#pending, bytes]);
    while (!this.#over && this.#pending.length >= HEADER) {
      const length = HEADER + this.#pending.readUInt16BE(3);
      if (this.#pending.length < length) return;
      this.#to.write(this.#pending.subarray(0, length));
      this.#pending = this.#pending.subarray(length);
      this.#records += 1;
      if (this.#records === (this.#trouble as { after: number }).after) this.#misbehave();
    }
  }

  #misbehave(): void {
    this.#over = true;
    if (this.#trouble?.kind === 'reset') this.#client.resetAndDestroy();
    if (this.#trouble?.kind === 'half-open') this.#client.end();
  }
}

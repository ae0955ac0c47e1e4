/**
 * TLS servers that go on with TLS after the handshake, and never with HTTP. Neither Node.js nor the programs of
 * OpenSSL can be told to, so the records are made here: by the keys that Node.js logs, in front of its server.
 */
import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';

/** What is sent, and how many in one record. */
interface Flood {
  readonly message: Buffer;
  readonly perRecord: number;
  readonly count: number;
  /** Whether each is the last under its key (RFC 8446 §4.6.3). */
  readonly changesKey: boolean;
}

const KEY_UPDATE = 24;
const NEW_SESSION_TICKET = 4;
const HANDSHAKE = 22;
const APPLICATION_DATA = 23;
/** As many as OpenSSL sends by itself. */
const OWN_TICKETS = 2;

export const FLOODS = {
  /** Session tickets that nobody asked for. */
  tickets: {
    message: handshakeMessage(
      NEW_SESSION_TICKET,
      // For a day, with a nonce of one byte, a ticket of 32 and no extensions.
      Buffer.concat([Buffer.from('00015180000000000100', 'hex'), vector(32), Buffer.alloc(2)]),
    ),
    perRecord: 200,
    count: 60_000,
    changesKey: false,
  },
  /** New keys, each of which wants an answer. */
  keyUpdates: {
    message: handshakeMessage(KEY_UPDATE, Buffer.of(1)),
    perRecord: 1,
    count: 20_000,
    changesKey: true,
  },
} as const satisfies Record<string, Flood>;

/** A server that floods whoever has finished a handshake, and then closes. */
export function floodingServer(options: TlsOptions, flood: Flood): Server {
  const inner = createTlsServer({
    ...options,
    minVersion: 'TLSv1.3',
    ciphers: 'TLS_AES_128_GCM_SHA256',
  });
  const secrets = new Map<number, (secret: Buffer) => void>();
  inner.on('keylog', (line, socket) => {
    const [label, , secret = ''] = line.toString().trim().split(' ');
    if (label === 'SERVER_TRAFFIC_SECRET_0') {
      secrets.get(socket.remotePort ?? 0)?.(Buffer.from(secret, 'hex'));
    }
  });
  inner
    .on('tlsClientError', () => {})
    .on('secureConnection', (socket) => socket.on('error', () => {}));
  inner.listen(0, '127.0.0.1');
  return createServer((client) => {
    const server = connect((inner.address() as AddressInfo).port, '127.0.0.1');
    const front = new Front(client, server, flood);
    server.once('connect', () => {
      const port = server.localPort ?? 0;
      secrets.set(port, (secret) => front.knowSecret(secret));
      server.once('close', () => secrets.delete(port));
    });
  });
}

/** Passes on what both say, until the server has sent what it sends by itself. */
class Front {
  readonly #client: Socket;
  readonly #flood: Flood;
  #keys: Keys | undefined;
  #rest: Buffer = Buffer.alloc(0);
  #isFlooding = false;

  constructor(client: Socket, server: Socket, flood: Flood) {
    this.#client = client;
    this.#flood = flood;
    client.on('error', () => server.destroy()).on('close', () => server.destroy());
    server.on('error', () => client.destroy()).on('close', () => client.destroy());
    client.on('data', (bytes) => server.write(bytes));
    server.on('data', (bytes) => this.#pass(bytes));
  }

  knowSecret(secret: Buffer): void {
    this.#keys = new Keys(secret);
  }

  #pass(bytes: Buffer): void {
    // What answers a flood is the client's business alone.
    if (this.#isFlooding) return;
    this.#client.write(bytes);
    this.#rest = Buffer.concat([this.#rest, bytes]);
    while (this.#rest.length >= 5 && this.#rest.length >= 5 + this.#rest.readUInt16BE(3)) {
      const record = this.#rest.subarray(0, 5 + this.#rest.readUInt16BE(3));
      this.#rest = this.#rest.subarray(record.length);
      // Those of the handshake are under other keys.
      if (record[0] === APPLICATION_DATA) this.#keys?.count(record);
    }
    if (this.#keys === undefined || this.#keys.records < OWN_TICKETS) return;
    this.#isFlooding = true;
    this.#send(this.#keys);
  }

  #send(keys: Keys): void {
    const { message, perRecord, count, changesKey } = this.#flood;
    const messages = Buffer.concat(Array.from({ length: perRecord }, () => message));
    let left = count;
    const write = (): void => {
      while (left > 0 && !this.#client.destroyed) {
        left -= perRecord;
        const goesOn = this.#client.write(keys.seal(messages));
        if (changesKey) keys.change();
        if (!goesOn) return void this.#client.once('drain', write);
      }
      // Its own answers to the last of them must not meet a reset.
      this.#client.end();
    };
    write();
  }
}

/** The server's keys for what follows its handshake (RFC 8446 §7.3), and how many records it sent under them. */
class Keys {
  #secret: Buffer;
  #key!: Buffer;
  #iv!: Buffer;
  records = 0;

  constructor(secret: Buffer) {
    this.#secret = secret;
    this.#derive();
  }

  #derive(): void {
    this.#key = expand(this.#secret, 'key', 16);
    this.#iv = expand(this.#secret, 'iv', 12);
    this.records = 0;
  }

  change(): void {
    this.#secret = expand(this.#secret, 'traffic upd', 32);
    this.#derive();
  }

  /** Counts a record if it is under these keys. */
  count(record: Buffer): void {
    const decipher = createDecipheriv('aes-128-gcm', this.#key, this.#nonce(), {
      authTagLength: 16,
    });
    decipher.setAAD(record.subarray(0, 5)).setAuthTag(record.subarray(-16));
    decipher.update(record.subarray(5, -16));
    try {
      decipher.final();
      this.records++;
    } catch {
      // One of the handshake.
    }
  }

  seal(messages: Buffer): Buffer {
    const head = Buffer.of(APPLICATION_DATA, 3, 3, 0, 0);
    head.writeUInt16BE(messages.length + 1 + 16, 3);
    const cipher = createCipheriv('aes-128-gcm', this.#key, this.#nonce(), { authTagLength: 16 });
    cipher.setAAD(head);
    const sealed = [cipher.update(messages), cipher.update(Buffer.of(HANDSHAKE)), cipher.final()];
    this.records++;
    return Buffer.concat([head, ...sealed, cipher.getAuthTag()]);
  }

  #nonce(): Buffer {
    const nonce = Buffer.from(this.#iv);
    nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ this.records) >>> 0, 8);
    return nonce;
  }
}

/** HKDF-Expand-Label with no context, of up to 32 bytes (RFC 8446 §7.1). */
function expand(secret: Buffer, label: string, length: number): Buffer {
  const name = Buffer.from(`tls13 ${label}`);
  const info = Buffer.concat([Buffer.of(0, length, name.length), name, Buffer.of(0, 1)]);
  return createHmac('sha256', secret).update(info).digest().subarray(0, length);
}

function handshakeMessage(type: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.of(type, 0, body.length >> 8, body.length & 255), body]);
}

function vector(length: number): Buffer {
  return Buffer.concat([Buffer.of(length >> 8, length & 255), Buffer.alloc(length, 't')]);
}

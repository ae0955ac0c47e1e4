/** The three ways to ask, made alike: this library, undici's fetch, and node:https. */
import { Agent as HttpsAgent, request } from 'node:https';
import { Readable } from 'node:stream';
import { Agent as UndiciAgent, fetch as undiciFetch } from 'undici';
import { makeCustomClientFactory } from '../../src/index.js';

export const KINDS = ['ours', 'undici', 'https'] as const;
export type Kind = (typeof KINDS)[number];

export type FetchLike = (url: string | URL, init?: RequestInit) => Promise<Response>;

export interface HostileClient {
  readonly fetch: FetchLike;
  close(): Promise<void>;
}

export interface ClientOptions {
  readonly ca: string;
  readonly maxConnections?: number | undefined;
  /** Until a connection is made. */
  readonly connectMs?: number | undefined;
}

export const CLIENTS: Readonly<Record<Kind, (options: ClientOptions) => HostileClient>> = {
  ours({ ca, maxConnections, connectMs }) {
    const factory = makeCustomClientFactory(ca, {
      ...(maxConnections === undefined ? {} : { maxConnections }),
      ...(connectMs === undefined ? {} : { timeout: { connectMs } }),
    });
    return { fetch: factory(), close: () => factory.close() };
  },

  undici({ ca, maxConnections, connectMs }) {
    const dispatcher = new UndiciAgent({
      connect: { ca, ...(connectMs === undefined ? {} : { timeout: connectMs }) },
      ...(maxConnections === undefined ? {} : { connections: maxConnections }),
      allowH2: false,
    });
    return {
      fetch: (url, init) => undiciFetch(url, { ...init, dispatcher } as never) as never,
      close: () => dispatcher.destroy(),
    };
  },

  https({ ca, maxConnections, connectMs }) {
    const agent = new HttpsAgent({
      ca,
      keepAlive: true,
      ...(maxConnections === undefined ? {} : { maxSockets: maxConnections }),
    });
    return {
      fetch: (url, init) => fetchByHttps(agent, url, init, connectMs),
      close: async () => agent.destroy(),
    };
  },
};

/** A Response over node:https, with as little of its own as there can be. */
function fetchByHttps(
  agent: HttpsAgent,
  url: string | URL,
  init: RequestInit = {},
  connectMs: number | undefined,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const { method = 'GET', body } = init;
    const headers = Object.fromEntries(new Headers(init.headers).entries());
    const signal = init.signal ?? undefined;
    const sent = request(url, { agent, method, headers, ...(signal && { signal }) }, (message) => {
      const status = message.statusCode as number;
      const hasBody = method !== 'HEAD' && ![204, 205, 304].includes(status);
      const stream = hasBody ? (Readable.toWeb(message) as ReadableStream) : null;
      const shown = message.headers as Record<string, string>;
      resolve(new Response(stream, { status, headers: shown }));
    });
    if (connectMs !== undefined) {
      const timer = setTimeout(() => sent.destroy(new Error('timeout')), connectMs);
      sent.once('socket', (socket) => socket.once('secureConnect', () => clearTimeout(timer)));
      sent.once('close', () => clearTimeout(timer));
    }
    sent.on('error', reject);
    sent.end(body ?? undefined);
  });
}

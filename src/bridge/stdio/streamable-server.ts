import { explainTlsError } from '../../explain-tls-error.js';
import { BridgeError, readMessages } from '../rpc.js';
import type { Upstream } from '../upstream.js';
import { answerKind, drop, statusError } from './http-answer.js';
import { ModernHeaders, modernVersion } from './modern-headers.js';
import { readResumable } from './resumable-stream.js';
import type { ClientSide, Outgoing, ServerSide } from './server-side.js';
import { keepListening } from './standing-stream.js';

const DELETE_MS = 500;

/**
 * Streamable HTTP, of all its versions: sessions, answers in JSON or as a stream that can be resumed, the
 * standing stream; and without all these, for requests of 2026-07-28.
 */
export class StreamableServer implements ServerSide {
  readonly #upstream: Upstream;
  readonly #client: ClientSide;
  readonly #modern = new ModernHeaders();
  readonly #closing = new AbortController();
  /** Both as the answer to `initialize` says. */
  #sessionId: string | undefined;
  #version: string | undefined;
  #isListening = false;

  constructor(upstream: Upstream, client: ClientSide) {
    this.#upstream = upstream;
    this.#client = client;
  }

  async send(out: Outgoing, onAccepted: () => void): Promise<void> {
    // Of its own: what comes after the last answer can be ended alone.
    const ending = new AbortController();
    const signal = AbortSignal.any([out.signal, this.#closing.signal, ending.signal]);
    const [first] = out.messages;
    const isModern = first !== undefined && modernVersion(first) !== undefined;
    const headers = {
      ...(isModern ? this.#modern.of(first) : this.#sessionHeaders()),
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    };
    const { url } = this.#upstream;
    const init = { method: 'POST', headers, body: out.text, signal };
    const response = await this.#upstream.fetch(url, init);
    if (!response.ok) {
      const hasSession = !isModern && this.#sessionId !== undefined;
      throw await statusError(this.#upstream, response, { hasSession, ids: out.ids });
    }
    if (first?.method === 'initialize') {
      this.#sessionId = response.headers.get('mcp-session-id') ?? undefined;
    }
    onAccepted();
    await this.#readAnswer(response, out, ending, signal);
    const left = out.ids.filter((id) => this.#client.isWaiting(id));
    if (left.length > 0 && !signal.aborted) {
      const message = `${url.host}: the server took the request and gave no answer`;
      this.#client.fail(left, new BridgeError('no-answer', message, response.status));
    }
  }

  #sessionHeaders(): Record<string, string> {
    return {
      ...(this.#sessionId !== undefined && { 'mcp-session-id': this.#sessionId }),
      ...(this.#version !== undefined && { 'mcp-protocol-version': this.#version }),
    };
  }

  async #readAnswer(
    response: Response,
    out: Outgoing,
    ending: AbortController,
    signal: AbortSignal,
  ): Promise<void> {
    if (out.ids.length === 0 || response.status === 202) return drop(response);
    switch (answerKind(response)) {
      case 'json':
        return this.#deliver(await response.text(), out);
      case 'events':
        return readResumable(response, {
          host: this.#upstream.url.host,
          isOver: () => !out.ids.some((id) => this.#client.isWaiting(id)),
          deliver: (json) => this.#deliver(json, out),
          resume: (lastId) => this.#getStream(lastId, signal),
          ending,
          signal,
        });
      default:
        await drop(response);
        throw new BridgeError(
          'bad-answer',
          `${this.#upstream.url.host}: the answer is neither JSON nor an event stream`,
          response.status,
        );
    }
  }

  /** Notes what concerns the connection, and hands it on. */
  async #deliver(json: string, out: Outgoing): Promise<void> {
    const [asked] = out.messages;
    if (asked?.method === 'initialize' || asked?.method === 'tools/list') {
      for (const { kind, id, result } of readMessages(json) ?? []) {
        if (kind !== 'response' || id !== asked.id) continue;
        if (asked.method === 'tools/list') this.#modern.learn(result);
        else this.#version = versionIn(result);
      }
    }
    await this.#client.deliver(json);
  }

  #getStream(lastId: string | undefined, signal: AbortSignal): Promise<Response> {
    const headers = {
      ...this.#sessionHeaders(),
      accept: 'text/event-stream',
      ...(lastId !== undefined && { 'last-event-id': lastId }),
    };
    return this.#upstream.fetch(this.#upstream.url, { method: 'GET', headers, signal });
  }

  listen(): void {
    if (this.#isListening) return;
    this.#isListening = true;
    const { signal } = this.#closing;
    const { host } = this.#upstream.url;
    void keepListening({
      host,
      ask: (lastId) => this.#getStream(lastId, signal),
      deliver: (json) => this.#client.deliver(json),
      signal,
    }).catch((error) => {
      if (signal.aborted) return;
      // What is refused is refused for whatever waits, too; all else the next request finds out by itself.
      if (explainTlsError(error)?.refused) this.#client.failAll(error);
      this.#client.report(error);
    });
  }

  async close(): Promise<void> {
    const headers = this.#sessionHeaders();
    const hasSession = this.#sessionId !== undefined;
    this.#sessionId = undefined;
    this.#closing.abort();
    if (!hasSession) return;
    const signal = AbortSignal.timeout(DELETE_MS);
    try {
      const init = { method: 'DELETE', headers, signal };
      await drop(await this.#upstream.fetch(this.#upstream.url, init));
    } catch {
      // The session ends by itself.
    }
  }
}

/** It becomes a header: nothing else than a version is one. */
function versionIn(result: unknown): string | undefined {
  const { protocolVersion } = Object(result) as { readonly protocolVersion?: unknown };
  const isOne = typeof protocolVersion === 'string' && /^[\w.-]{1,64}$/.test(protocolVersion);
  return isOne ? protocolVersion : undefined;
}

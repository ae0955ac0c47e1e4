import { Buffer } from 'node:buffer';
import type { RpcMessage } from '../rpc.js';

/**
 * The headers of a request of protocol 2026-07-28 over HTTP, which repeat what its body says (SEP-2243): over
 * stdio a client sends none.
 */

const VERSION_KEY = 'io.modelcontextprotocol/protocolVersion';

/** By which parameter a method names what it is about. */
const NAMED_BY: ReadonlyMap<string, string> = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
  ['tasks/get', 'taskId'],
  ['tasks/update', 'taskId'],
  ['tasks/cancel', 'taskId'],
]);

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** More tools, or depth of a schema, than any server has. */
const MAX_TOOLS = 10_000;
const MAX_DEPTH = 32;

/** A parameter of a tool that a header repeats. */
interface Mirrored {
  readonly path: readonly string[];
  readonly header: string;
}

/** Whether a request says its protocol version itself: then it belongs to no session. */
export function modernVersion({ kind, params }: RpcMessage): string | undefined {
  if (kind !== 'request') return undefined;
  const version = (params['_meta'] as Record<string, unknown> | undefined)?.[VERSION_KEY];
  return typeof version === 'string' && /^[\w.-]{1,64}$/.test(version) ? version : undefined;
}

/** What the tools of the server want repeated, as its lists of tools say. */
export class ModernHeaders {
  readonly #tools = new Map<string, readonly Mirrored[]>();

  /** @returns none for a request that says no version */
  of(message: RpcMessage): Record<string, string> {
    const version = modernVersion(message);
    if (version === undefined) return {};
    const { method, params } = message;
    const name = params[NAMED_BY.get(method) ?? ''];
    return {
      'mcp-protocol-version': version,
      'mcp-method': encode(method),
      ...(typeof name === 'string' && { 'mcp-name': encode(name) }),
      ...(method === 'tools/call' && this.#mirrored(params)),
    };
  }

  #mirrored({ name, arguments: given }: RpcMessage['params']): Record<string, string> {
    const headers: Record<string, string> = {};
    for (const { path, header } of this.#tools.get(String(name)) ?? []) {
      const value = path.reduce<unknown>(
        (node, key) => (node as Record<string, unknown> | null | undefined)?.[key],
        given,
      );
      const text = asText(value);
      if (text !== undefined) headers[`mcp-param-${header}`] = encode(text);
    }
    return headers;
  }

  /** Reads the answer to `tools/list`. What it says of a tool holds until the next. */
  learn(result: unknown): void {
    const { tools } = Object(result) as { readonly tools?: unknown };
    if (!Array.isArray(tools)) return;
    for (const tool of tools) {
      const { name, inputSchema } = Object(tool) as Record<string, unknown>;
      if (typeof name !== 'string' || this.#tools.size >= MAX_TOOLS) continue;
      const found: Mirrored[] = [];
      collect(inputSchema, [], found);
      if (found.length > 0) this.#tools.set(name, found);
      else this.#tools.delete(name);
    }
  }
}

function collect(schema: unknown, path: readonly string[], found: Mirrored[]): void {
  if (path.length > MAX_DEPTH || typeof schema !== 'object' || schema === null) return;
  const { properties, 'x-mcp-header': header } = schema as Record<string, unknown>;
  if (path.length > 0 && typeof header === 'string' && TOKEN.test(header)) {
    found.push({ path, header: header.toLowerCase() });
  }
  if (typeof properties !== 'object' || properties === null) return;
  for (const [key, one] of Object.entries(properties)) collect(one, [...path, key], found);
}

function asText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return String(value);
  if (typeof value !== 'number' || !Number.isFinite(value)) return undefined;
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? undefined : String(value);
}

/** As it is where a header can hold it, else in base64. */
function encode(text: string): string {
  const isPlain = /^[\t\x20-\x7e]+$/.test(text) && text === text.trim();
  if (isPlain && !/^=\?base64\?.*\?=$/.test(text)) return text;
  return `=?base64?${Buffer.from(text, 'utf8').toString('base64')}?=`;
}

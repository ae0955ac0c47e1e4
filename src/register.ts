/**
 * `node --import mcp-tls/register program.js`, with `MCP_TLS_TRUST_FILE`: sends what a program fetches from the
 * origins that the trust file names over this library's fetch, verified as the file says. The program is not
 * changed, and all else that it fetches goes as before.
 *
 * This is the only file of the package that changes a global: `globalThis.fetch`.
 *
 * It fails closed: with no trust file, or one that cannot be used, the process ends before the program begins
 * (exit code 64). `MCP_TLS_REGISTER_REPORT=1` has it say on stderr where it stands, and what it cannot reach.
 */

import { formatError, originFetch, readTrustFile, type TrustFile } from './core.js';

/** A mistake on the command line, in a file that it names, or in the environment. */
const USAGE = 64;

const CANNOT_REACH =
  'not reached: programs with a fetch of their own (undici from npm, node-fetch, axios), node:https, WebSocket, ' +
  'redirects from other origins, processes that do not inherit NODE_OPTIONS, and workers that are made with eval, ' +
  'execArgv or env';

/** Of the platform, before a program can put others in their places. */
const PlatformRequest = globalThis.Request;
const urlOfRequest = Object.getOwnPropertyDescriptor(PlatformRequest.prototype, 'url')?.get as (
  this: Request,
) => string;

register(globalThis.fetch);

function register(original: typeof fetch): void {
  const file = readOrEnd();
  const verified = originFetch((origin) => file.trustFor(origin), original as never);

  // As the platform's is: writable, configurable, enumerable.
  globalThis.fetch = async function fetch(
    ...given: Parameters<typeof original>
  ): Promise<Response> {
    const [input, init] = given;
    const { target, address } = read(input);
    const isNamed = address !== undefined && file.trustFor(address) !== undefined;
    if (!isNamed) return original(target, init);
    // Without what a program has put over the properties of the object.
    return verified(typeof target === 'string' ? target : new PlatformRequest(target), init);
  };
  if (process.env['MCP_TLS_REGISTER_REPORT'] === '1') report(file);
}

function readOrEnd(): TrustFile {
  const path = process.env['MCP_TLS_TRUST_FILE'];
  try {
    if (path === undefined || path === '') return end('MCP_TLS_TRUST_FILE is not set');
    return readTrustFile(path);
  } catch (error) {
    return end(formatError(error));
  }
}

function end(why: string): never {
  process.stderr.write(`mcp-tls/register: ${why}\n`);
  process.exit(USAGE);
}

/**
 * What is asked for, read once: the text that was looked at is the text that is fetched. A Request is known by the
 * platform's own getter, whatever a program has made of `globalThis.Request` or of the object.
 */
function read(input: unknown): {
  readonly target: string | Request;
  readonly address: string | undefined;
} {
  const url = urlOf(input);
  const text = url ?? String(input);
  const target = url === undefined ? text : (input as Request);
  return { target, address: URL.canParse(text) ? text : undefined };
}

function urlOf(input: unknown): string | undefined {
  try {
    return urlOfRequest.call(input as Request);
  } catch {
    return undefined;
  }
}

function report({ servers }: TrustFile): void {
  const origins = servers.map(({ origin }) => origin).join(', ');
  process.stderr.write(`mcp-tls/register: fetch is verified by the trust file for ${origins}\n`);
  process.stderr.write(`mcp-tls/register: ${CANNOT_REACH}\n`);
}

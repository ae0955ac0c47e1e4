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
  'redirects from other origins, and processes that do not inherit NODE_OPTIONS';

register(globalThis.fetch);

function register(original: typeof fetch): void {
  const file = readOrEnd();
  const verified = originFetch((origin) => file.trustFor(origin), original as never);

  // As the platform's is: writable, configurable, enumerable.
  globalThis.fetch = function fetch(...given: Parameters<typeof original>): Promise<Response> {
    const [input, init] = given;
    const address = addressOf(input);
    if (address === undefined || file.trustFor(address) === undefined) return original(...given);
    return verified(input instanceof Request ? input : address, init);
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

/** Read once: what is looked up is what is asked for. */
function addressOf(input: unknown): string | undefined {
  const text = input instanceof Request ? input.url : String(input);
  return URL.canParse(text) ? text : undefined;
}

function report({ servers }: TrustFile): void {
  const origins = servers.map(({ origin }) => origin).join(', ');
  process.stderr.write(`mcp-tls/register: fetch is verified by the trust file for ${origins}\n`);
  process.stderr.write(`mcp-tls/register: ${CANNOT_REACH}\n`);
}

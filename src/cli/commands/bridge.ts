import { fstatSync } from 'node:fs';
import { startHttpBridge } from '../../bridge/http/start-http-bridge.js';
import { runStdioBridge } from '../../bridge/stdio/run-stdio-bridge.js';
import type { UpstreamOptions } from '../../bridge/upstream.js';
import {
  countOption,
  flagOption,
  ROUTE_OPTIONS,
  readRouteOptions,
  readTarget,
  textOption,
  textsOption,
} from '../arguments.js';
import { bridgeHeaders } from '../bridge-headers.js';
import type { Command, Io, ParsedArgs } from '../command.js';
import { EXIT, UsageError } from '../exit-codes.js';
import { shown, shownUrl } from '../printer.js';
import { readTrust, readVariable, TRUST_OPTIONS } from '../trust-arguments.js';

const HELP = `
Usage: mcp-tls bridge <url> [options]           stdio: for "command" and "args"
       mcp-tls bridge <url> --port N [options]  http on 127.0.0.1: for "url"

Serves a remote MCP server to a local program that has no setting for trust.

  --pin PIN, --ca FILE, --trust-file FILE, --roots, --server-name NAME,
  --client-cert FILE --client-key FILE --client-passphrase-env NAME
                         whom to trust, as in mcp-tls inspect
  --header-env NAME=VAR  send a header with the value of an environment variable
  --transport NAME       of the server: auto (default), http, sse (stdio only)
  --port N               listen on this port; 0: one that is free
  --host ::1             listen on IPv6 loopback instead
  --token-env NAME       variable with the token; default: made at random
  --allow-origin ORIGIN  let web pages of this origin in
  --proxy URL|env        HTTP proxy; env: HTTPS_PROXY and NO_PROXY
  --timeout SECONDS      for connecting; default 10
  --json                 print the URL as JSON to stdout (with --port)

The URL has the token in it: whoever knows it can use the server.
Exit codes: 0 the client left or a signal came, 1 internal error, 64 usage.
`;

export const bridge: Command = {
  name: 'bridge',
  summary: 'Serve a remote server to a local program: stdio, or http on loopback',
  help: HELP,
  options: {
    ...TRUST_OPTIONS,
    ...ROUTE_OPTIONS,
    'header-env': { type: 'string', multiple: true },
    transport: { type: 'string' },
    port: { type: 'string' },
    host: { type: 'string' },
    'token-env': { type: 'string' },
    'allow-origin': { type: 'string', multiple: true },
    json: { type: 'boolean' },
  },
  async run(io, args) {
    const url = readTarget(args);
    const given = readTrust(io, args, url);
    const { timeoutMs, ...route } = readRouteOptions(args);
    const upstream: UpstreamOptions = {
      url,
      trust: given?.trust ?? null,
      headers: bridgeHeaders(io, args),
      timeout: { connectMs: timeoutMs },
      ...route,
    };
    const isHttp = textOption(args, 'port') !== undefined;
    const run = isHttp ? await prepareHttp(io, args, upstream) : prepareStdio(io, args, upstream);
    if (given === undefined) {
      say(io, `${shownUrl(url)} is trusted by the default roots: no --pin, --ca or --trust-file`);
    }
    return run();
  },
};

function prepareStdio(io: Io, args: ParsedArgs, upstream: UpstreamOptions): () => Promise<number> {
  const only = ['host', 'token-env', 'allow-origin', 'json'].find((name) => name in args.values);
  if (only !== undefined) throw new UsageError(`--${only} needs --port: it is for http`);
  const transport = textOption(args, 'transport') ?? 'auto';
  if (transport !== 'auto' && transport !== 'http' && transport !== 'sse') {
    throw new UsageError('--transport must be auto, http or sse');
  }
  return async () => {
    const { stdin: input, stdout } = io;
    const output = stdout as NodeJS.WriteStream;
    // Of other commands, that end the process at once: here the session at the server is ended first.
    output.removeAllListeners('error');
    const report = (line: string): void => say(io, line);
    const signal = untilSignal();
    await runStdioBridge({ ...upstream, input, output, transport, signal, report });
    return EXIT.ok;
  };
}

async function prepareHttp(
  io: Io,
  args: ParsedArgs,
  upstream: UpstreamOptions,
): Promise<() => Promise<number>> {
  if (textOption(args, 'transport') !== undefined) {
    throw new UsageError('--transport is for stdio: over http the client chooses');
  }
  const port = countOption(args, 'port', 0);
  if (port > 65_535) throw new UsageError('--port must be 0 to 65535');
  const host = textOption(args, 'host') ?? '127.0.0.1';
  if (host !== '127.0.0.1' && host !== '::1') {
    throw new UsageError('--host must be 127.0.0.1 or ::1: the bridge is for this machine only');
  }
  const variable = textOption(args, 'token-env');
  const token = variable === undefined ? undefined : readVariable(io, 'token-env', variable);
  const allowedOrigins = textsOption(args, 'allow-origin');
  const report = (line: string): void => say(io, line);
  const signal = untilSignal();
  const bridge = await startHttpBridge({
    ...{ ...upstream, host, port, token, allowedOrigins, report },
  }).catch((error: unknown) => refuseAddress(error, port));
  return async () => {
    const { url, plainUrl } = bridge;
    // A token that somebody chose is known to them, and is not written anywhere.
    const shownAs = variable === undefined ? url : plainUrl;
    if (flagOption(args, 'json')) {
      const secret = variable === undefined && { url };
      const facts = { ...secret, urlWithoutToken: plainUrl, tokenHeader: 'mcp-tls-token' };
      io.stdout.write(`${JSON.stringify({ ...facts, port: bridge.port })}\n`);
    } else {
      say(io, `listening on ${shownAs}`);
      if (variable !== undefined)
        say(io, 'with the token in front of its path, or as mcp-tls-token');
    }
    await Promise.race([aborted(signal), leftBehind(io)]);
    await bridge.close();
    io.stdin.destroy();
    return EXIT.ok;
  };
}

function refuseAddress(error: unknown, port: number): never {
  const { code, syscall } = Object(error) as NodeJS.ErrnoException;
  if (syscall !== 'listen') throw error;
  throw new UsageError(`--port ${port} cannot be listened to (${shown(String(code))})`);
}

/** For people: stdout belongs to the client. */
function say(io: Io, line: string): void {
  io.stderr.write(`mcp-tls: ${line}\n`);
}

function untilSignal(): AbortSignal {
  const ending = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(name, () => ending.abort());
  }
  return ending.signal;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/**
 * The program that started the bridge holds the other end of a pipe; when it is gone, so is the bridge. A terminal,
 * a file or `/dev/null`, as services have it, says nothing.
 */
function leftBehind({ stdin }: Io): Promise<void> {
  return new Promise((resolve) => {
    const { fd = 0 } = stdin as { readonly fd?: number };
    const facts = fstatSync(fd);
    if (!facts.isFIFO() && !facts.isSocket()) return;
    stdin
      .on('end', resolve)
      .on('close', resolve)
      .on('error', () => resolve())
      .resume();
  });
}

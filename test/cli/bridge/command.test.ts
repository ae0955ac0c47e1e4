import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client as ClientV2 } from '@modelcontextprotocol/client';
import { StdioClientTransport as StdioV2 } from '@modelcontextprotocol/client/stdio';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  heldCertificate,
  type McpTestServer,
  startMcpServer,
  startTlsServer,
} from '../../../src/testing/index.js';
import { startV2Server } from '../../support/v2-server.js';
import { eventually } from '../../support/waiting.js';
import { CLI } from '../support/run-cli.js';
import { type Program, runNode } from '../support/run-program.js';

/** `mcp-tls bridge`, as a process. */

let folder: string;
let ca: string;
let server: McpTestServer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mcp-tls-bridge-'));
  ca = join(folder, 'ca.pem');
  const certificate = await heldCertificate();
  await writeFile(ca, certificate.pem);
  server = await startMcpServer({ certificate, transport: 'both', requireBearer: 'SECRET' });
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

const HEADER = ['--header-env', 'authorization=MCP_AUTH'];
const AUTH = { MCP_AUTH: 'Bearer SECRET' };
const bridge = (args: readonly string[], env: Record<string, string> = {}): Program =>
  runNode([CLI, 'bridge', ...args], env);

const text = (result: unknown) => (result as { content: { text: string }[] }).content[0]?.text;

async function listening(
  program: Program,
): Promise<{ url: string; urlWithoutToken: string; port: number }> {
  return eventually(() => JSON.parse(program.output.stdout));
}

describe('mcp-tls bridge, over stdio', () => {
  it.each([
    ['Streamable HTTP', 'mcpUrl'],
    ['HTTP with SSE', 'sseUrl'],
  ] as const)('serves a client of the SDK v1, as its configuration has it: %s', async (_, at) => {
    const args = [CLI, 'bridge', server[at], '--ca', ca, ...HEADER];
    const transport = new StdioClientTransport({
      command: process.execPath,
      args,
      env: { ...(process.env as Record<string, string>), ...AUTH },
      stderr: 'pipe',
    });
    let stderr = '';
    transport.stderr?.on('data', (chunk) => {
      stderr += chunk;
    });
    const client = new Client({ name: 'test', version: '1' });
    await client.connect(transport as Transport);
    expect(text(await client.callTool({ name: 'add', arguments: { a: 2, b: 3 } }))).toBe('5');
    await client.close();
    await eventually(() => expect(server.sessionIds).toEqual([]));
    await eventually(() => expect(server.openConnections).toBe(0));
    expect(stderr).toBe('');
  });

  it.each(['legacy', 'auto', { pin: '2026-07-28' }] as const)(
    'serves a client of the SDK v2 with a server of the SDK v2: %s',
    async (mode) => {
      const mcp = startV2Server();
      const certificate = await heldCertificate();
      const file = join(folder, 'v2.pem');
      await writeFile(file, certificate.pem);
      await using v2 = await startTlsServer({ certificate, onRequest: (i, o) => mcp.handle(i, o) });
      const args = [CLI, 'bridge', `${v2.url}/mcp`, '--ca', file];
      const client = new ClientV2({ name: 'test', version: '1' }, { versionNegotiation: { mode } });
      await client.connect(new StdioV2({ command: process.execPath, args, stderr: 'ignore' }));
      expect(text(await client.callTool({ name: 'add', arguments: { a: 2, b: 3 } }))).toBe('5');
      await client.close();
      await mcp.close();
    },
  );

  it('answers what was piped in, and ends with 0', async () => {
    const { child, exited, output } = bridge([server.mcpUrl, '--ca', ca, ...HEADER], AUTH);
    const params = {
      protocolVersion: '2025-06-18',
      capabilities: {},
      clientInfo: { name: 'x', version: '1' },
    };
    child.stdin.end(`${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params })}\n`);
    expect(await exited).toEqual({ code: 0, signal: null });
    expect(JSON.parse(output.stdout)).toMatchObject({
      id: 1,
      result: { protocolVersion: '2025-06-18' },
    });
    expect(output.stderr).toBe('');
    await eventually(() => expect(server.sessionIds).toEqual([]));
  });

  it('says on stderr that the default roots are what it trusts, and reports the refusal to the client', async () => {
    const { child, exited, output } = bridge([server.mcpUrl]);
    child.stdin.end('{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}\n');
    await exited;
    expect(output.stderr).toMatch(/^mcp-tls: .* default roots: no --pin, --ca or --trust-file\n$/);
    const answer = JSON.parse(output.stdout);
    expect(answer.error.data).toMatchObject({ code: 'MCP_TLS_SELF_SIGNED', refused: true });
  });

  it('learns from a 401 that the server wants a header', async () => {
    const { child, exited, output } = bridge([server.mcpUrl, '--ca', ca]);
    child.stdin.end('{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}\n');
    await exited;
    expect(JSON.parse(output.stdout)).toMatchObject({ id: 1, error: {} });
  });

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'ends by %s with 0, and the session with it',
    async (signal) => {
      const { child, exited } = bridge([server.mcpUrl, '--ca', ca, ...HEADER], AUTH);
      child.stdin.write(
        `${JSON.stringify({
          jsonrpc: '2.0',
          id: 1,
          method: 'initialize',
          params: {
            protocolVersion: '2025-06-18',
            capabilities: {},
            clientInfo: { name: 'x', version: '1' },
          },
        })}\n`,
      );
      await once(child.stdout, 'data');
      child.kill(signal);
      expect(await exited).toEqual({ code: 0, signal: null });
      await eventually(() => expect(server.sessionIds).toEqual([]));
    },
  );
});

describe('mcp-tls bridge, whose client has gone without closing its input', () => {
  it('ends the session at the server, and ends with 0', async () => {
    const { child, exited } = bridge([server.mcpUrl, '--ca', ca, ...HEADER], AUTH);
    const params = {
      protocolVersion: '2025-06-18',
      capabilities: {},
      clientInfo: { name: 'x', version: '1' },
    };
    child.stdin.write(
      `${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params })}\n`,
    );
    await once(child.stdout, 'data');
    expect(server.sessionIds.length).toBe(1);
    child.stdout.destroy();
    child.stdin.write('{"jsonrpc":"2.0","id":2,"method":"ping"}\n');
    expect(await exited).toEqual({ code: 0, signal: null });
    expect(server.sessionIds).toEqual([]);
  });
});

describe('mcp-tls bridge --port', () => {
  it('prints its URL as JSON, serves it, and ends by SIGTERM with 0 and nothing left', async () => {
    const program = bridge([server.mcpUrl, '--port', '0', '--json', '--ca', ca, ...HEADER], AUTH);
    const { url } = await listening(program);
    const client = new Client({ name: 'test', version: '1' });
    await client.connect(new StreamableHTTPClientTransport(new URL(url)) as Transport);
    expect(text(await client.callTool({ name: 'add', arguments: { a: 2, b: 3 } }))).toBe('5');
    program.child.kill('SIGTERM');
    expect(await program.exited).toEqual({ code: 0, signal: null });
    await client.close();
    await eventually(() => expect(server.openConnections).toBe(0));
    expect(program.output.stderr).toBe('');
  });

  it('ends when the program that holds its stdin does', async () => {
    const program = bridge([server.mcpUrl, '--port', '0', '--json', '--ca', ca]);
    await listening(program);
    program.child.stdin.end();
    expect(await program.exited).toEqual({ code: 0, signal: null });
  });

  it('never writes a token that it was given', async () => {
    const token = 'a-token-that-was-chosen';
    const args = [server.mcpUrl, '--port', '0', '--ca', ca, '--token-env', 'TOKEN'];
    const program = bridge([...args, ...HEADER], { ...AUTH, TOKEN: token });
    const { origin } = await eventually(() => {
      return new URL(/http:\S+/.exec(program.output.stderr)?.[0] ?? '');
    });
    expect((await fetch(`${origin}/mcp`)).status).toBe(401);
    // The answer of the server.
    expect((await fetch(`${origin}/${token}/mcp`)).status).toBe(406);
    program.child.kill('SIGTERM');
    await program.exited;
    expect(program.output.stderr + program.output.stdout).not.toContain(token);
  });

  it('refuses a port that is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    const { exited, output } = bridge([server.mcpUrl, '--port', String(port), '--ca', ca]);
    expect((await exited).code).toBe(64);
    expect(output.stderr).toContain('EADDRINUSE');
    taken.close();
  });
});

describe('mcp-tls bridge refuses', () => {
  it.each([
    ['no URL', [], 'which URL'],
    ['plain http', ['http://127.0.0.1/mcp'], 'https'],
    [
      'a value in the place of a variable',
      ['https://x/', '--header-env', 'authorization=Bearer SECRET'],
      'VARIABLE',
    ],
    [
      'a variable that is not set',
      ['https://x/', '--header-env', 'authorization=MCP_UNSET_VARIABLE'],
      'that is set',
    ],
    [
      'a header that is the connection’s',
      ['https://x/', '--header-env', 'host=HOME'],
      'cannot set',
    ],
    [
      'another address to listen at',
      ['https://x/', '--port', '0', '--host', '0.0.0.0'],
      'this machine only',
    ],
    ['a token over stdio', ['https://x/', '--token-env', 'HOME'], 'needs --port'],
    ['a port that is none', ['https://x/', '--port', '65536'], '65535'],
    [
      'an origin that is none',
      ['https://x/', '--port', '0', '--allow-origin', '*'],
      'allowed origin',
    ],
    ['a transport that is none', ['https://x/', '--transport', 'ws'], 'auto, http or sse'],
    ['a CA that is not there', ['https://x/', '--ca', '/does/not/exist.pem'], 'exist.pem'],
    ['an empty pin', ['https://x/', '--pin', ''], '--pin needs a value'],
    ['an unknown option', ['https://x/', '--insecure'], 'insecure'],
  ])('%s, with 64, before it reads or listens', async (_, args, says) => {
    const { exited, output } = bridge(args);
    expect((await exited).code).toBe(64);
    expect(output.stderr).toContain(says);
    expect(output.stdout).toBe('');
    expect(output.stderr).not.toContain('SECRET');
  });
});

import { setTimeout as sleep } from 'node:timers/promises';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import {
  CallToolRequestSchema,
  type CallToolResult,
  ErrorCode,
  ListToolsRequestSchema,
  McpError,
  type ServerNotification,
  type Tool,
} from '@modelcontextprotocol/sdk/types.js';

interface CallContext {
  readonly signal: AbortSignal;
  /** Tells the client about a step; answers whether it asked for progress at all. */
  readonly progress: (step: number, total: number) => Promise<boolean>;
}

type ToolHandler = (
  args: Record<string, unknown>,
  context: CallContext,
) => Promise<string> | string;

/** Between the last progress notification and the result of `count`. */
const LAST_STEP_MS = 10;

const NUMBER = { type: 'number' } as const;

const TOOLS: Readonly<Record<string, { readonly tool: Tool; readonly call: ToolHandler }>> = {
  echo: {
    tool: tool('echo', 'Answers the text that it is given.', { text: { type: 'string' } }, [
      'text',
    ]),
    call: ({ text }) => {
      if (typeof text !== 'string') throw invalidParams('text must be a string');
      return text;
    },
  },
  add: {
    tool: tool('add', 'Adds two numbers.', { a: NUMBER, b: NUMBER }, ['a', 'b']),
    call: ({ a, b }) => String(numberOf('a', a) + numberOf('b', b)),
  },
  count: {
    tool: tool(
      'count',
      'Counts from 1 to `to`, with a progress notification for each step.',
      { to: NUMBER, delayMs: NUMBER },
      ['to'],
    ),
    call: async ({ delayMs = 0, to }, { progress, signal }) => {
      const total = numberOf('to', to);
      const delay = numberOf('delayMs', delayMs);
      let isShown = false;
      for (let step = 1; step <= total; step += 1) {
        if (delay > 0) await sleep(delay, undefined, { signal });
        isShown = await progress(step, total);
      }
      // The SDK's client drops a progress notification that it reads together with the result.
      if (isShown) await sleep(LAST_STEP_MS, undefined, { signal });
      return String(total);
    },
  },
  slow: {
    tool: tool('slow', 'Answers after `ms` milliseconds.', { ms: NUMBER }, ['ms']),
    call: async ({ ms }, { signal }) => {
      await sleep(numberOf('ms', ms), undefined, { signal });
      return 'done';
    },
  },
};

/**
 * The MCP server of one session. It uses the SDK's low-level `Server`, whose tools take JSON Schema:
 * `McpServer` would make zod a dependency of everyone who tests with this kit.
 */
export function createToolServer(): Server {
  const server = new Server(
    { name: 'mcp-tls-testing', version: '1.0.0' },
    { capabilities: { tools: { listChanged: true }, logging: {} } },
  );
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: Object.values(TOOLS).map(({ tool }) => tool),
  }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, extra) => {
    const entry = TOOLS[params.name];
    if (entry === undefined) throw invalidParams(`unknown tool '${params.name}'`);
    const progressToken = params._meta?.progressToken;
    const text = await entry.call(params.arguments ?? {}, {
      signal: extra.signal,
      progress: async (progress, total) => {
        if (progressToken === undefined) return false;
        const notification: ServerNotification = {
          method: 'notifications/progress',
          params: { progressToken, progress, total },
        };
        await extra.sendNotification(notification);
        return true;
      },
    });
    return { content: [{ type: 'text', text }] } satisfies CallToolResult;
  });
  return server;
}

function tool(
  name: string,
  description: string,
  properties: Record<string, object>,
  required: string[],
): Tool {
  return { name, description, inputSchema: { type: 'object', properties, required } };
}

function numberOf(name: string, value: unknown): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    throw invalidParams(`${name} must be a number`);
  }
  return value;
}

function invalidParams(message: string): McpError {
  return new McpError(ErrorCode.InvalidParams, message);
}

/** How a program is brought to make one tool call (`add` of 2 and 3), and to print what came of it. */
export interface BridgedHost {
  readonly name: string;
  readonly spec: string;
  /** Of the package, in its folder of binaries. */
  readonly binary: string;
  readonly ways: Readonly<Partial<Record<Way, (target: Target) => readonly string[]>>>;
  /** It is itself a server over stdio, which a client has to ask. */
  readonly isServer?: true;
}

/** `http`, `sse`: a URL of the bridge. `stdio`: the bridge is the command that the program starts. */
export type Way = 'http' | 'sse' | 'stdio';

export interface Target {
  /** Of the bridge; empty over stdio. */
  readonly url: string;
  /** Starts the bridge over stdio. */
  readonly command: readonly string[];
}

const quoted = (parts: readonly string[]): string => parts.map((one) => `'${one}'`).join(' ');

function callAt(url: string): string[] {
  return ['call', '--http-url', url, '--allow-http', '--no-oauth', 'add', 'a=2', 'b=3'];
}

const inspect = (target: readonly string[], transport: Way): readonly string[] => [
  '--cli',
  ...target,
  ...['--transport', transport],
  ...['--method', 'tools/call', '--tool-name', 'add', '--tool-arg', 'a=2', 'b=3'],
];

export const BRIDGED_HOSTS: readonly BridgedHost[] = [
  {
    name: 'mcp-remote',
    spec: 'mcp-remote@0.15.1',
    binary: 'mcp-remote',
    isServer: true,
    ways: {
      http: ({ url }) => [url, '--allow-http', '--transport', 'http-only'],
      sse: ({ url }) => [url, '--allow-http', '--transport', 'sse-only'],
    },
  },
  {
    name: 'supergateway',
    spec: 'supergateway@4.0.0',
    binary: 'supergateway',
    isServer: true,
    ways: {
      http: ({ url }) => ['--streamableHttp', url, '--logLevel', 'none'],
      sse: ({ url }) => ['--sse', url, '--logLevel', 'none'],
    },
  },
  {
    name: 'mcporter',
    spec: 'mcporter@0.12.3',
    binary: 'mcporter',
    ways: {
      http: ({ url }) => callAt(url),
      sse: ({ url }) => callAt(url),
      stdio: ({ command }) => ['call', '--stdio', quoted(command), 'add', 'a=2', 'b=3'],
    },
  },
  {
    name: 'inspector --cli',
    spec: '@modelcontextprotocol/inspector@2.12.0',
    binary: 'mcp-inspector',
    ways: {
      http: ({ url }) => inspect([url], 'http'),
      sse: ({ url }) => inspect([url], 'sse'),
      stdio: ({ command }) => inspect(command, 'stdio'),
    },
  },
];

/** A host program, and what it has to be of. */
export interface Host {
  /** Also the folder of its installation. */
  readonly name: string;
  /** Of examples/hosts. */
  readonly program: string;
  readonly packages: readonly string[];
  /** Of these, the one whose version is shown. */
  readonly shown: string;
  readonly transports: readonly Transport[];
  /** How what is pinned gets in. */
  readonly takes: string;
  /** It is known to reach an impostor, past what it was given. The battery has to fail it. */
  readonly passesBy?: true;
  /** Exchanges of the battery that do not work for reasons of the host. */
  readonly knownFailures?: readonly string[];
}

export type Transport = 'http' | 'sse';

const BOTH: readonly Transport[] = ['http', 'sse'];
const SDK = '@modelcontextprotocol/sdk@1.32.2';

export const HOSTS: readonly Host[] = [
  {
    name: 'sdk-v1',
    program: 'sdk-v1.mjs',
    packages: [SDK],
    shown: '@modelcontextprotocol/sdk',
    transports: BOTH,
    takes: '`client.connect(streamableHttpClient(url, { trust }))`',
  },
  {
    name: 'sdk-v2',
    program: 'sdk-v2.mjs',
    packages: ['@modelcontextprotocol/client@2.4.0'],
    shown: '@modelcontextprotocol/client',
    transports: BOTH,
    takes: 'the same, from `mcp-tls/v2`',
  },
  {
    name: 'ai-sdk',
    program: 'ai-sdk.mjs',
    packages: ['@ai-sdk/mcp@2.0.99', 'zod@4'],
    shown: '@ai-sdk/mcp',
    transports: BOTH,
    takes: '`createMCPClient({ transport: { type, url, fetch } })`',
  },
  {
    name: 'openai-agents',
    program: 'openai-agents.mjs',
    packages: ['@openai/agents@0.20.0', 'zod@4'],
    shown: '@openai/agents',
    transports: BOTH,
    takes: '`new MCPServerStreamableHttp({ url, fetch })`, `MCPServerSSE`',
  },
  {
    name: 'mastra',
    program: 'mastra.mjs',
    packages: ['@mastra/mcp@2.0.0', '@mastra/core@1.71.0', 'zod@4'],
    shown: '@mastra/mcp',
    transports: ['http'],
    takes: '`new MCPClient({ servers: { name: { url, fetch } } })`',
  },
  {
    name: 'mastra-0.14',
    program: 'mastra-0.14.mjs',
    packages: ['@mastra/mcp@0.14.5', '@mastra/core@0.24', 'zod@4'],
    shown: '@mastra/mcp',
    transports: ['http'],
    takes: '**nothing**: `fetch` is ignored in silence',
    passesBy: true,
  },
  {
    name: 'langchain',
    program: 'langchain.mjs',
    packages: ['@langchain/mcp-adapters@1.1.4', '@langchain/core@1', '@langchain/langgraph@1', SDK],
    shown: '@langchain/mcp-adapters',
    transports: BOTH,
    takes: '`loadMcpTools(name, client)`, with a client of the SDK; no `fetch` by configuration',
  },
  {
    name: 'mcp-use',
    program: 'mcp-use.mjs',
    packages: ['mcp-use@1.34.6', 'langchain@1'],
    shown: 'mcp-use',
    transports: ['http'],
    takes: '`mcpServers: { name: { url, fetch, disableSseFallback: true } }`',
  },
  {
    name: 'mcp-use, with its fallback',
    program: 'mcp-use-fallback.mjs',
    packages: ['mcp-use@1.34.6', 'langchain@1'],
    shown: 'mcp-use',
    transports: ['http'],
    takes: '**without `disableSseFallback`** it goes on over the fetch of Node.js',
    passesBy: true,
  },
  {
    name: 'llamaindex',
    program: 'llamaindex.mjs',
    packages: ['@llamaindex/tools@0.1.12', 'llamaindex@0.12', 'zod@3'],
    shown: '@llamaindex/tools',
    transports: BOTH,
    takes: '`mcp({ url, fetch })`',
  },
  {
    name: 'genkit',
    program: 'genkit.mjs',
    packages: ['@genkit-ai/mcp@1.42.0', 'genkit@1.42.0', SDK],
    shown: '@genkit-ai/mcp',
    transports: BOTH,
    takes: '`createMcpClient({ mcpServer: { transport } })`',
  },
];

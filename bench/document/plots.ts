import type { BarPlot } from './draw-bars.js';

const OURS = ['mcp-tls'];
const OVER_SDK = [
  ...OURS,
  'node-https',
  'undici-fetch',
  'global-fetch',
  'got',
  'axios',
  'node-fetch',
  'new-client',
];

/** By their file's name in docs/plots. */
export const PLOTS: Readonly<Record<string, BarPlot>> = {
  'calls-json': {
    series: 'calls.v1.json.cpu',
    title: 'Client CPU per tools/call, JSON answer, MCP SDK v1 (less is better)',
    contenders: ['floor', ...OVER_SDK],
    highlighted: OURS,
  },
  'calls-sse': {
    series: 'calls.v1.sse.cpu',
    title: 'Client CPU per tools/call, SSE answer, MCP SDK v1 (less is better)',
    contenders: ['floor', ...OVER_SDK],
    highlighted: OURS,
  },
  raw: {
    series: 'raw.throughput',
    title: 'Small POST without an SDK, 16 at a time (more is better)',
    contenders: [
      'undici-request',
      ...OURS,
      'node-https',
      'got',
      'undici-fetch',
      'global-fetch',
      'axios',
      'node-fetch',
    ],
    highlighted: OURS,
  },
  connect: {
    series: 'connect.cpu',
    title: 'Client CPU for a new connection and a request (less is better)',
    contenders: [
      'tls-connect',
      'ca-only',
      'ca-and-pins',
      'ca-and-crl',
      'own-certificate',
      'ca-and-roots',
      'undici-ca-only',
      'https-ca-only',
      'undici-ca-and-roots',
    ],
    highlighted: ['ca-only', 'ca-and-pins', 'ca-and-crl', 'own-certificate', 'ca-and-roots'],
  },
};

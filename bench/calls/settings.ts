/** The forms of a server's answers to POSTs. */
export const FORMS = ['json', 'sse'] as const;
export type Form = (typeof FORMS)[number];

/** How the calls of a series are made. */
export interface Setting {
  /** In the ids of its series, and in the documents. */
  readonly name: string;
  /** As it stands in titles and tables. */
  readonly text: string;
  /** Calls under way at any time. */
  readonly atOnce: number;
  /**
   * `bare`: one that does as little as can be. `sdk`: the MCP SDK's own. `two`: a bare one, and a second one
   * with answers of many sizes and other headers, which are called in turn.
   */
  readonly server: 'bare' | 'sdk' | 'two';
  /** Whether all contenders are in one process, and so share call sites, shapes and the heap. */
  readonly oneProcess: boolean;
  readonly contenders: readonly string[];
}

export const BASE = 'undici-fetch';
/** What the targets are made of. */
export const FEW: readonly string[] = ['mcp-tls', BASE, 'undici-request', 'sdk-in-memory'];

/** Each contender alone in its process: the setting that nobody is disturbed in. */
export const ALONE: Setting = {
  name: 'alone',
  text: 'alone',
  atOnce: 1,
  server: 'bare',
  oneProcess: false,
  contenders: [
    ...FEW,
    'mcp-tls-transport',
    'global-fetch',
    'node-https',
    'axios',
    'got',
    'node-fetch',
    'new-client',
  ],
};

/** The settings beyond the first. */
export const FURTHER_SETTINGS: readonly Setting[] = [
  { ...ALONE, name: 'at16', text: 'alone, 16 at a time', atOnce: 16, contenders: FEW },
  {
    ...ALONE,
    name: 'at64',
    text: 'alone, 64 at a time',
    atOnce: 64,
    contenders: ['mcp-tls', BASE],
  },
  {
    ...ALONE,
    name: 'sdk-server',
    text: "alone, the SDK's own server",
    server: 'sdk',
    contenders: ['mcp-tls', BASE, 'node-https'],
  },
  {
    ...ALONE,
    name: 'mixed',
    text: 'mixed, two servers',
    server: 'two',
    oneProcess: true,
    contenders: ['mcp-tls', BASE],
  },
];

export function settingOf(name: string): Setting {
  const all = [ALONE, ...FURTHER_SETTINGS];
  const setting = all.find((one) => one.name === name);
  if (setting !== undefined) return setting;
  throw new Error(`no setting '${name}'; there are ${all.map((one) => one.name).join(', ')}`);
}

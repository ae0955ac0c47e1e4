import { join } from 'node:path';
import { installInCache } from '../install-in-cache.js';
import { type NodeLine, nodeLines } from '../node-lines.js';

const ROOT = join(import.meta.dirname, '../..');

/** Versions of the SDK v1 besides that of package.json: the floor of our peer dependency, and one in between. */
const OLDER_SDKS = ['1.16.0', '1.24.0'];

/** One set of versions, and the tests that run over it. */
export interface Row {
  readonly runtime: NodeLine;
  readonly undici: string;
  readonly sdk: string;
  readonly keyv: string;
  /** Arguments of vitest. */
  readonly tests: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const project = (...names: readonly string[]) => names.flatMap((name) => ['--project', name]);
const EVERYTHING = project('integration', 'slow', 'trust', 'unit');
// What touches the SDK v1 as a client: its servers and OAuth of older versions are their own affair.
const TRANSPORTS = [
  ...project('integration'),
  ...['transports', 'endings', 'header-functions', 'registry-open-streams', 'runtime'].map(
    (name) => `test/integration/${name}.test.ts`,
  ),
];
// What touches undici: the rest is the same over both majors of it.
const REQUESTS = [
  ...project('integration', 'slow', 'unit'),
  'test/integration',
  'test/unit/client',
];
const STORES = [...project('unit', 'integration'), 'test/unit/store', 'runtime.test.ts'];

interface Versions {
  readonly undici?: '7' | '8';
  readonly sdk?: string;
  readonly keyv?: '5' | '6';
  readonly tests: readonly string[];
}

/** All rows of the lines: each over both majors of undici, and what else others may have installed. */
export async function allRows(lines: readonly number[]): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const line of await nodeLines(lines)) {
    rows.push(await row(line, { tests: EVERYTHING }));
    // undici 8 and keyv 6 do not load on Node.js 20.
    if (line.line >= 22) {
      rows.push(await row(line, { undici: '8', tests: EVERYTHING }));
      rows.push(await row(line, { keyv: '6', tests: STORES }));
    }
    for (const sdk of OLDER_SDKS) rows.push(await row(line, { sdk, tests: TRANSPORTS }));
  }
  return rows;
}

/**
 * What continuous integration has time for, beside `npm test` on the oldest line: the newest line over both majors
 * of undici, and one row each of the other versions.
 */
export async function rowsOfCi(): Promise<readonly Row[]> {
  const [oldest, newest] = (await nodeLines([20, 26])) as [NodeLine, NodeLine];
  return [
    await row(newest, { tests: EVERYTHING }),
    await row(newest, { undici: '8', tests: REQUESTS }),
    await row(newest, { keyv: '6', tests: STORES }),
    ...(await Promise.all(OLDER_SDKS.map((sdk) => row(oldest, { sdk, tests: TRANSPORTS })))),
  ];
}

async function row(
  runtime: NodeLine,
  { undici = '7', sdk, keyv = '5', tests }: Versions,
): Promise<Row> {
  const folder = sdk && (await sdkFolder(sdk));
  return {
    runtime,
    undici,
    sdk: sdk ?? 'newest',
    keyv,
    tests,
    // A test compares these with what it runs on.
    env: {
      MCP_TLS_NODE: runtime.version,
      MCP_TLS_UNDICI: undici,
      MCP_TLS_KEYV: keyv,
      ...(folder && sdk && { MCP_TLS_SDK_FOLDER: folder, MCP_TLS_SDK: sdk }),
    },
  };
}

const installed = new Map<string, Promise<string>>();

function sdkFolder(version: string): Promise<string> {
  const found = installed.get(version);
  if (found !== undefined) return found;
  const name = `sdk-${version}`;
  const folder = installInCache(name, `@modelcontextprotocol/sdk@${version}`).then(() =>
    join(ROOT, '.cache', name, 'node_modules/@modelcontextprotocol/sdk'),
  );
  installed.set(version, folder);
  return folder;
}

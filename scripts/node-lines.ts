/**
 * The Node.js lines that the matrix and the conformance runs need, as npm packages.
 *
 *   tsx scripts/node-lines.ts [20] [22] ...   installs what is missing and prints line and binary
 */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { cacheFolder, installInCache } from './install-in-cache.js';

const run = promisify(execFile);

/**
 * What is installed for each line. Raised by hand, with a run of the matrix: a new Node.js must not turn
 * continuous integration red by itself. The running Node.js stands for its own line, whatever its version.
 */
const PINNED: Readonly<Record<number, string>> = {
  20: '20.20.2',
  22: '22.23.3',
  24: '24.21.0',
  26: '26.12.1',
};

/** A Node.js line and where its binary is. */
export interface NodeLine {
  readonly line: number;
  readonly version: string;
  readonly binary: string;
}

/** Finds the lines: the running Node.js for its own line, the cache, and else the registry. */
export async function nodeLines(lines: readonly number[]): Promise<readonly NodeLine[]> {
  const found: NodeLine[] = [];
  // One after the other: npm installs contend for the same download cache.
  for (const line of lines) found.push(await nodeLine(line));
  return found;
}

async function nodeLine(line: number): Promise<NodeLine> {
  const binary = line === ownLine() ? process.execPath : await installed(line);
  const { stdout } = await run(binary, ['--version']);
  const version = stdout.trim().slice(1);
  if (!version.startsWith(`${line}.`)) throw new Error(`${binary} is Node.js ${version}`);
  return { line, version, binary };
}

function ownLine(): number {
  return Number(process.versions.node.split('.')[0]);
}

async function installed(line: number): Promise<string> {
  const name = `node-${line}`;
  // A line that is not pinned is tried by hand: the newest there is.
  const wanted = PINNED[line] ?? String(line);
  const cached = await binaryIn(cacheFolder(name), PINNED[line]);
  if (cached !== undefined) return cached;
  await installInCache(name, `${platformPackage()}@${wanted}`);
  const binary = await binaryIn(cacheFolder(name));
  if (binary === undefined) throw new Error(`${platformPackage()}@${line} brought no binary`);
  return binary;
}

/**
 * The package that holds the binary itself. The package `node` only installs this one, by an
 * install script, which newer npm versions run only with the user's approval.
 */
function platformPackage(): string {
  const { platform, arch } = process;
  if (platform === 'win32') return `node-win-${arch === 'ia32' ? 'x86' : arch}`;
  return `${platform === 'darwin' && arch === 'arm64' ? 'node-bin' : 'node'}-${platform}-${arch}`;
}

/** The binary in a folder, if it runs and is of the `wanted` version. */
async function binaryIn(folder: string, wanted?: string): Promise<string | undefined> {
  const root = join(folder, 'node_modules', platformPackage());
  try {
    const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
    const binary = join(root, manifest.bin.node);
    // A download that was cut off leaves files that do not run.
    const { stdout } = await run(binary, ['--version']);
    return wanted === undefined || stdout.trim() === `v${wanted}` ? binary : undefined;
  } catch {
    return undefined;
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const wanted = process.argv.slice(2).map(Number);
  for (const { line, version, binary } of await nodeLines(
    wanted.length > 0 ? wanted : [22, 24, 26],
  )) {
    console.log(`${line}\t${version}\t${binary}`);
  }
}

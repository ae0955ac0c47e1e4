import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RegisteredServer, ServerRegistry } from 'mcp-tls';

/** A decision about a server: by whom, what is trusted since then, and what was before. */
export interface ApprovalEntry {
  readonly at: string;
  readonly id: string;
  readonly what: 'registered' | 'replaced' | 'renewed' | 'authority' | 'revoked';
  /** In the words of who asked; whoever has the token can write any name. */
  readonly by?: string | undefined;
  readonly kind?: string | undefined;
  readonly fingerprint?: string | undefined;
  readonly before?: string | undefined;
}

/** What was decided through this gateway, in the order of time; it outlives what it is about. */
export interface ApprovalLog {
  /**
   * Makes a change and keeps who made it. A change that fails is not kept; one that cannot be written down
   * is made all the same, and said on the console.
   */
  keep<T>(
    id: string,
    what: ApprovalEntry['what'],
    by: string | undefined,
    change: () => Promise<T>,
    serverOf: (result: T) => RegisteredServer | undefined,
  ): Promise<T>;
  /** The latest ones, the latest first; of one server, or of all. */
  read(id?: string): Promise<readonly ApprovalEntry[]>;
}

const SHOWN = 200;

/**
 * A file of lines that only grows, mode 0600, in `dataDir`: the workers of one machine share it, each line
 * being one write. Several machines have one each.
 */
export function openApprovalLog(dataDir: string, registry: ServerRegistry): ApprovalLog {
  const path = join(dataDir, 'approvals.jsonl');

  async function write(entry: ApprovalEntry): Promise<void> {
    try {
      await appendFile(path, `${JSON.stringify(entry)}\n`, { mode: 0o600 });
    } catch (error) {
      console.error(`the history of approvals: ${(error as Error).message}`);
    }
  }

  return {
    async keep(id, what, by, change, serverOf) {
      // There may be none, or one whose record cannot be read: both have no certificate to name.
      const before = await registry.get(id).catch(() => undefined);
      const result = await change();
      const server = serverOf(result);
      await write({
        at: new Date().toISOString(),
        id,
        what: what === 'registered' && before !== undefined ? 'replaced' : what,
        by,
        kind: server?.kind,
        fingerprint: server?.fingerprint,
        before: before?.fingerprint,
      });
      return result;
    },
    async read(id) {
      const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return '';
        throw error;
      });
      const entries = text.split('\n').flatMap(parse);
      return entries
        .filter((entry) => id === undefined || entry.id === id)
        .slice(-SHOWN)
        .reverse();
    },
  };
}

/** A line that was cut off, as when the disk was full, hides no other. */
function parse(line: string): readonly ApprovalEntry[] {
  try {
    return [JSON.parse(line) as ApprovalEntry];
  } catch {
    return [];
  }
}

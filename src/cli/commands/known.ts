import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { changeTrustFile } from '../../trust-file/change-trust-file.js';
import { flagOption, ROUTE_OPTIONS, readUrl, textOption } from '../arguments.js';
import { checkServer } from '../check-server.js';
import type { Command, Io, ParsedArgs } from '../command.js';
import { EXIT, UsageError } from '../exit-codes.js';
import { type KnownServer, readKnown, remember } from '../known-file.js';
import { shown, shownUrl } from '../printer.js';
import { Screen, writeJson } from '../screen.js';
import { changesOf, showChange } from '../show-change.js';
import { defaultTrustFile } from '../trust-arguments.js';
import { readEntries, type TrustEntry, trustWords, withoutSecrets } from '../trust-entries.js';

const HELP = `
Usage: mcp-tls known [list]              the servers of the trust file
       mcp-tls known remove <name>       trust one no longer
       mcp-tls known changes [<name>]    look, and show what is new

Beside the trust file (trust.json) lies what was approved (trust.known.json),
for people to compare: nothing is trusted by it.

  --trust-file FILE      default: the variable MCP_TLS_TRUST_FILE, or
                         ~/.config/mcp-tls/trust.json
  --proxy URL|env, --timeout SECONDS       for changes
  --json                 for programs

Exit codes: 0 done (or nothing is refused), 2 a server is refused,
4 unreachable, 64 usage, or no such name.
`;

export const known: Command = {
  name: 'known',
  summary: 'List the trusted servers, remove one, show what changed',
  help: HELP,
  options: { ...ROUTE_OPTIONS, 'trust-file': { type: 'string' }, json: { type: 'boolean' } },
  async run(io, args) {
    const [action = 'list', name, ...more] = args.positionals;
    if (more.length > 0) throw new UsageError('one name at a time');
    const file = resolve(textOption(args, 'trust-file') ?? defaultTrustFile(io));
    if (textOption(args, 'trust-file') !== undefined && !existsSync(file)) {
      throw new UsageError(`the trust file ${shown(file)} is not there`);
    }
    if (action === 'list' && name === undefined) return list(io, args, file);
    if (action === 'remove' && name !== undefined) return remove(io, args, file, name);
    if (action === 'changes') return changes(io, args, file, name);
    throw new UsageError('known [list], known remove <name>, or known changes [<name>]');
  },
};

function list(io: Io, args: ParsedArgs, file: string): number {
  const entries = readEntries(file);
  const approved = readKnown(file);
  if (flagOption(args, 'json')) {
    const servers = entries.map((entry) => ({
      name: entry.name,
      url: shownUrl(new URL(entry.url)),
      trustedBy: trustWords(entry.trust),
      tls: withoutSecrets(entry.tls),
      approved: approved.get(entry.name) ?? null,
    }));
    writeJson(io.stdout, { file, servers });
    return EXIT.ok;
  }
  const screen = new Screen(io);
  if (entries.length === 0) screen.line(`no server is trusted in ${shown(file)}`);
  for (const entry of entries) {
    const { approvedAt, fingerprint } = approved.get(entry.name) ?? {};
    const when = approvedAt === undefined ? '' : `, approved ${shown(approvedAt.slice(0, 10))}`;
    screen.line({ style: 'bold', text: entry.name }, `  ${shownUrl(new URL(entry.url))}`);
    screen.line(`  by ${trustWords(entry.trust)}${when}`);
    if (fingerprint !== undefined) screen.line(`  SHA-256 ${shown(fingerprint)}`);
  }
  return EXIT.ok;
}

async function remove(io: Io, args: ParsedArgs, file: string, name: string): Promise<number> {
  const isNoted = readKnown(file).has(name);
  await changeTrustFile(file, (servers) => {
    if (!servers.has(name)) throw noSuch(name);
    return { [name]: undefined };
  });
  if (isNoted) await remember(io, file, { [name]: undefined });
  if (flagOption(args, 'json')) writeJson(io.stdout, { removed: name, file });
  else new Screen(io).line(`${shown(name)} is trusted no longer: removed from ${shown(file)}`);
  return EXIT.ok;
}

async function changes(
  io: Io,
  args: ParsedArgs,
  file: string,
  name: string | undefined,
): Promise<number> {
  const all = readEntries(file);
  const entries = name === undefined ? all : all.filter((entry) => entry.name === name);
  if (name !== undefined && entries.length === 0) throw noSuch(name);
  const approved = readKnown(file);
  const reports: object[] = [];
  let worst: number = EXIT.ok;
  for (const entry of entries) {
    const { report, exitCode } = await compare(io, args, entry, approved.get(entry.name));
    reports.push(report);
    if (worst !== EXIT.refused && exitCode !== EXIT.ok) worst = exitCode;
  }
  if (flagOption(args, 'json')) writeJson(io.stdout, { servers: reports });
  return worst;
}

async function compare(
  io: Io,
  args: ParsedArgs,
  { name, url, trust }: TrustEntry,
  approved: KnownServer | undefined,
): Promise<{ readonly report: object; readonly exitCode: number }> {
  const { status, exitCode, peer, reason } = await checkServer(readUrl(url), args, trust, 0);
  const found = peer === undefined || approved === undefined ? [] : changesOf(approved, peer);
  if (!flagOption(args, 'json')) {
    const screen = new Screen(io);
    screen.line({ style: 'bold', text: name });
    if (peer === undefined) screen.text(`${status}: ${shown(reason ?? '')}`);
    else showChange(screen, peer, approved);
  }
  const report = { name, url: shownUrl(new URL(url)), status, reason: reason ?? null };
  // What expires is for `check`.
  const isFault = status === 'refused' || status === 'unreachable';
  return { report: { ...report, changes: found }, exitCode: isFault ? exitCode : EXIT.ok };
}

function noSuch(name: string): UsageError {
  return new UsageError(`the trust file has no server '${shown(name)}'`);
}

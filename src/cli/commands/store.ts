import {
  describeCertificate,
  type EncryptedCertificateStore,
  type StoredCertificate,
  type TrustPolicy,
} from '../../core.js';
import { readServers } from '../../trust-file/trust-file-text.js';
import { flagOption } from '../arguments.js';
import type { Command, Io, ParsedArgs } from '../command.js';
import { EXIT, UsageError } from '../exit-codes.js';
import { certificateJson } from '../peer-json.js';
import { shown, shownUrl } from '../printer.js';
import { Screen, writeJson } from '../screen.js';
import { showCertificate } from '../show-peer.js';
import { openStore, STORE_OPTIONS } from '../store-arguments.js';
import { trustWords, withoutSecrets } from '../trust-entries.js';

const HELP = `
Usage: mcp-tls store list                   the records of a certificate store
       mcp-tls store show <id>              one of them, without its keys
       mcp-tls store rewrap                 seal all with the first key
       mcp-tls store revoke <id>            withdraw a record
       mcp-tls store export                 all as a trust file, without keys

  --directory DIR           of directoryStorage()
  --redis-url-env NAME      variable with the URL of a Redis (needs @keyv/redis)
  --redis-ca FILE           for rediss:, trust these certificates
  --namespace NAME          default: certificates

Keys are no arguments. Each may be given several times: the first writes.
  --key-env ID=NAME         variable with base64 of 32 bytes
  --key-file ID=FILE        file with the same
  --passphrase-env ID=NAME  variable with a passphrase, and --salt SALT

  --json                    for programs

Exit codes: 0 done, 2 refused (no such record; one that cannot be read),
4 the store is not there, 64 usage.
`;

export const store: Command = {
  name: 'store',
  summary: 'List, show, rewrap, revoke, export: records of a certificate store',
  help: HELP,
  options: { ...STORE_OPTIONS, json: { type: 'boolean' } },
  async run(io, args) {
    const [action = '', id, ...more] = args.positionals;
    const run = ACTIONS.get(action);
    const wantsId = action === 'show' || action === 'revoke';
    if (run === undefined || more.length > 0 || wantsId !== (id !== undefined)) {
      throw new UsageError('store list, show <id>, rewrap, revoke <id> or export');
    }
    const opened = await openStore(io, args);
    try {
      return await run({ io, args, opened, id: id ?? '' });
    } finally {
      await opened.close();
    }
  },
};

interface Call {
  readonly io: Io;
  readonly args: ParsedArgs;
  readonly opened: EncryptedCertificateStore;
  readonly id: string;
}

const ACTIONS: ReadonlyMap<string, (call: Call) => Promise<number>> = new Map([
  ['list', list],
  ['show', show],
  ['rewrap', rewrap],
  ['revoke', revoke],
  ['export', exportAll],
]);

async function list({ io, args, opened }: Call): Promise<number> {
  const records = await opened.list();
  if (flagOption(args, 'json')) {
    writeJson(io.stdout, { records });
    return EXIT.ok;
  }
  const screen = new Screen(io);
  if (records.length === 0) screen.line('there are no records');
  for (const { id, revision } of records) screen.line(`${shown(id)}  revision ${revision}`);
  return EXIT.ok;
}

async function show({ io, args, opened, id }: Call): Promise<number> {
  const { record, revision, expired } = await opened.read(id);
  if (record === undefined) return missing({ io, args, opened, id });
  const { url, certificate, approvedBy, approvedAt, expiresAt } = record;
  const trust = withoutSecrets(record.trust);
  const description = certificate && (await describeCertificate(certificate.pem));
  if (flagOption(args, 'json')) {
    const { labels = {}, origins = {}, proxy = null } = record;
    writeJson(io.stdout, {
      ...{ id, revision, expired, url: shownUrl(new URL(url)), trust, labels },
      // Each may have a client certificate, and the proxy's URL a password.
      origins: Object.keys(origins),
      proxy: proxy === null ? null : shownUrl(new URL(proxy)),
      ...{ approvedBy: approvedBy ?? null, approvedAt: approvedAt ?? null },
      expiresAt: expiresAt ?? null,
      certificate: description ? certificateJson(description) : null,
    });
    return EXIT.ok;
  }
  const screen = new Screen(io);
  screen.line({ style: 'bold', text: id }, `  ${shownUrl(new URL(url))}`);
  screen.rows([
    ['Trusted by', trustWords(trustWithoutKey(record) as TrustPolicy)],
    ['Revision', `${revision}`],
    ['Approved', [approvedAt, approvedBy].filter(Boolean).map(String).map(shown).join(' by ')],
    ['Expires', `${expiresAt ?? 'never'}${expired ? ' (the approval has expired)' : ''}`],
    ['Client cert', record.trust.clientCertificate === undefined ? 'none' : 'yes, not shown'],
  ]);
  if (description !== undefined) {
    screen.line();
    showCertificate(screen, description);
  }
  return EXIT.ok;
}

async function rewrap({ io, args, opened }: Call): Promise<number> {
  const { failed, ...counts } = await opened.rewrap();
  const failures = failed.map(({ id, error }) => ({
    id,
    code: error.code,
    message: error.message,
  }));
  if (flagOption(args, 'json')) {
    writeJson(io.stdout, { ...counts, failed: failures });
  } else {
    const screen = new Screen(io);
    const { total, rewrapped, current, guard } = counts;
    screen.line(`${total} rows: ${rewrapped} sealed anew, ${current} were already (${guard})`);
    for (const { id, message } of failures) screen.text(`${id}: ${shown(message)}`);
    if (failures.length > 0) screen.line('retire no key while there are such');
  }
  return failures.length === 0 ? EXIT.ok : EXIT.refused;
}

async function revoke({ io, args, opened, id }: Call): Promise<number> {
  const wasThere = await opened.delete(id);
  if (flagOption(args, 'json')) writeJson(io.stdout, { revoked: id, wasThere });
  else if (wasThere) new Screen(io).line(`${shown(id)} is withdrawn`);
  else new Screen(io).line(`there was no record ${shown(id)}; one that is being made is withdrawn`);
  return EXIT.ok;
}

/** What can be trusted elsewhere: a record whose approval is over is left out. */
async function exportAll({ io, opened }: Call): Promise<number> {
  const servers: [string, { url: string; tls: object }][] = [];
  const notes = new Screen(io, io.stderr);
  for (const { id } of await opened.list()) {
    const { record, expired } = await opened.read(id);
    if (record === undefined) continue;
    if (expired) {
      notes.line(`${shown(id)}: left out, its approval has expired`);
      continue;
    }
    if (record.trust.clientCertificate !== undefined) {
      notes.line(`${shown(id)}: without its client certificate and key`);
    }
    servers.push([id, { url: record.url, tls: trustWithoutKey(record) }]);
  }
  const file = { version: 1, servers: Object.fromEntries(servers) } as const;
  // What `readTrustFile` would refuse is of no use to anybody.
  readServers(file, process.cwd());
  writeJson(io.stdout, file);
  return EXIT.ok;
}

function trustWithoutKey({ trust }: StoredCertificate): StoredCertificate['trust'] {
  const { clientCertificate, ...rest } = trust;
  return rest;
}

function missing({ io, args, id }: Call): number {
  if (flagOption(args, 'json')) writeJson(io.stdout, { id, record: null });
  else io.stderr.write(`mcp-tls: there is no record '${shown(id)}'\n`);
  return EXIT.refused;
}

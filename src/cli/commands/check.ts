import { resolve } from 'node:path';
import { readTrustFile } from '../../core.js';
import {
  countOption,
  flagOption,
  ROUTE_OPTIONS,
  readTarget,
  readUrl,
  textOption,
} from '../arguments.js';
import { type CheckedTarget, type CheckResult, checkServer, type Target } from '../check-server.js';
import type { Command, Io, ParsedArgs } from '../command.js';
import { EXIT, UsageError } from '../exit-codes.js';
import { shown, shownEnd, shownUrl } from '../printer.js';
import { prometheusText } from '../prometheus.js';
import { Screen, type Styled, writeJson } from '../screen.js';
import { readTrust, TRUST_OPTIONS } from '../trust-arguments.js';

const HELP = `
Usage: mcp-tls check <url> --ca FILE | --pin PIN | --roots | --trust-file FILE
       mcp-tls check --trust-file FILE              every server that it names

For cron and CI: whether a client would connect, and for how long. A line each.

  --ca FILE, --pin PIN, --roots, --trust-file FILE   whom to trust; say one
  --days N               report what expires within N days; default 30
  --server-name NAME     name to ask for and to check, instead of the host
  --client-cert FILE     certificate to show, with --client-key FILE
  --client-passphrase-env NAME   variable with the passphrase of the key
  --proxy URL|env, --timeout SECONDS
  --json                 for programs
  --prometheus           metrics, for the textfile collector of node_exporter

Exit codes: 0 trusted, 2 refused (changed, or never trusted), 3 expiring,
4 unreachable, 64 usage. Of several servers the gravest: 2, then 4, then 3.
`;

export const check: Command = {
  name: 'check',
  summary: 'Check that a server is still trusted, and for how long',
  help: HELP,
  options: {
    ...TRUST_OPTIONS,
    ...ROUTE_OPTIONS,
    days: { type: 'string' },
    json: { type: 'boolean' },
    prometheus: { type: 'boolean' },
  },
  async run(io, args) {
    if (flagOption(args, 'json') && flagOption(args, 'prometheus')) {
      throw new UsageError('--json or --prometheus?');
    }
    const days = countOption(args, 'days', 30);
    const targets = readTargets(io, args);
    const results = await mapConcurrently(targets, async (target) => ({
      ...target,
      result: await checkServer(target.url, args, target.trust, days),
    }));
    print(io, args, results);
    const codes = results.map(({ result }) => result.exitCode);
    return GRAVEST.find((code) => codes.includes(code)) ?? EXIT.ok;
  },
};

/** What somebody has to do first. */
const GRAVEST: readonly number[] = [EXIT.refused, EXIT.unreachable, EXIT.expiring];

function readTargets(io: Io, args: ParsedArgs): readonly Target[] {
  const file = textOption(args, 'trust-file');
  if (args.positionals.length === 0 && file !== undefined) {
    const other = Object.keys(TRUST_OPTIONS).find(
      (name) => name !== 'trust-file' && name in args.values,
    );
    if (other !== undefined) throw new UsageError(`--${other} is for one server: name its URL`);
    const { servers } = readTrustFile(resolve(file));
    if (servers.length === 0) throw new UsageError('the trust file names no server');
    return servers.map(({ name, url, trust }) => ({ name, url: readUrl(url), trust }));
  }
  const url = readTarget(args);
  const saysWhom = ['ca', 'pin', 'roots', 'trust-file'].some((name) => name in args.values);
  const given = saysWhom ? readTrust(io, args, url) : undefined;
  if (given === undefined) {
    throw new UsageError('by what? Say --ca, --pin, --roots or --trust-file');
  }
  return [{ url, trust: given.trust }];
}

/** Servers that are looked at at one time. */
const AT_ONCE = 8;

async function mapConcurrently<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = new Array(items.length);
  const left = items.entries();
  const worker = async () => {
    for (const [i, item] of left) results[i] = await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}

function print(io: Io, args: ParsedArgs, results: readonly CheckedTarget[]): void {
  if (flagOption(args, 'json')) writeJson(io.stdout, { servers: results.map(toJson) });
  else if (flagOption(args, 'prometheus')) io.stdout.write(prometheusText(results));
  else for (const one of results) printLine(new Screen(io), one);
}

const STYLES = {
  trusted: 'green',
  expiring: 'yellow',
  refused: 'red',
  unreachable: 'red',
} as const satisfies Record<CheckResult['status'], Styled['style']>;

function printLine(screen: Screen, { name, url, result }: CheckedTarget): void {
  const { status, peer, end, reason } = result;
  const words = { style: STYLES[status], text: status === 'refused' ? 'REFUSED' : status } as const;
  const who = name === undefined ? shownUrl(url) : `${shown(name)} ${shownUrl(url)}`;
  if (reason !== undefined) {
    const presented = peer && ` (presented SHA-256 ${peer.description.fingerprint})`;
    screen.line(`${who}: `, words, `: ${shown(reason)}${presented ?? ''}`);
    return;
  }
  const until = end === undefined ? '' : `, ${end.what} ${shownEnd(end.notAfter, end.daysLeft)}`;
  screen.line(`${who}: `, words, until, excusedEnd(peer));
}

/** An expired certificate that is trusted all the same is not passed over in silence. */
function excusedEnd(peer: CheckResult['peer']): string {
  const one = peer?.remarks.find(
    ({ code, certificate }) => code === 'expired' && certificate === 0,
  );
  return one === undefined ? '' : `, although its certificate ${one.message} (allowExpired)`;
}

function toJson({ name, url, result }: CheckedTarget): object {
  const { status, exitCode, peer, end, reason, code } = result;
  return {
    name: name ?? null,
    url: shownUrl(url),
    status,
    exitCode,
    reason: reason ?? null,
    code: code ?? null,
    problems: peer?.problems ?? [],
    remarks: peer?.remarks ?? [],
    fingerprint: peer?.description.fingerprint ?? null,
    spkiPin: peer?.description.spkiPin ?? null,
    expires: end
      ? { what: end.what, at: end.notAfter.toISOString(), daysLeft: end.daysLeft }
      : null,
  };
}

import { writeFileSync } from 'node:fs';
import type { PeerCertificate } from '../../core.js';
import { flagOption, ROUTE_OPTIONS, readTarget, textOption } from '../arguments.js';
import type { Command, Io, ParsedArgs } from '../command.js';
import { EXIT, UsageError } from '../exit-codes.js';
import { inspectPem } from '../inspect-pem.js';
import { lookAt } from '../look.js';
import { peerJson } from '../peer-json.js';
import { type ClientFiles, clientText, policyText } from '../policy-text.js';
import { shown, shownUrl } from '../printer.js';
import { isReadable } from '../readable-policy.js';
import { Screen, writeJson } from '../screen.js';
import { isOnlyForClient, showCertificate, showChain, showVerdict } from '../show-peer.js';
import { type GivenTrust, readTrust, TRUST_OPTIONS } from '../trust-arguments.js';

const HELP = `
Usage: mcp-tls inspect <url>          or: mcp-tls inspect - < certificates.pem

Shows what the server presents, what is wrong with it, and what would trust it.
Sends nothing, trusts nothing: compare the fingerprint out of band.

  --ca FILE              judge by these certificates, not the default roots
  --pin PIN              judge by a pin (with --ca or --roots: in addition)
  --roots                the default roots (with --ca: in addition)
  --trust-file FILE      judge by what a trust file says of the server
  --server-name NAME     name to ask for and to check, instead of the host
  --client-cert FILE     certificate to show, with --client-key FILE
  --client-passphrase-env NAME   variable with the passphrase of the key
  --proxy URL|env        HTTP proxy; env: HTTPS_PROXY and NO_PROXY
  --timeout SECONDS      default 10
  --save FILE            write the server's certificate to a new file, as PEM
  --json                 everything, for programs

Exit codes: 0 trusted (or PEM read), 2 not trusted, 4 unreachable, 64 usage.
`;

export const inspect: Command = {
  name: 'inspect',
  summary: 'Show what a server presents, and what is wrong with it',
  help: HELP,
  options: {
    ...TRUST_OPTIONS,
    ...ROUTE_OPTIONS,
    save: { type: 'string' },
    json: { type: 'boolean' },
  },
  async run(io, args) {
    const [first] = args.positionals;
    if (first === '-' || (first === undefined && io.stdin.isTTY !== true)) {
      return inspectPem(io, args);
    }
    const url = readTarget(args);
    const given = readTrust(io, args, url) ?? { trust: null, words: 'the default roots' };
    const peer = await lookAt(url, args, given.trust);
    save(args, peer);
    if (flagOption(args, 'json')) writeJson(io.stdout, { url: shownUrl(url), ...peerJson(peer) });
    else show(io, args, url, peer, given);
    return peer.trusted ? EXIT.ok : EXIT.refused;
  },
};

/**
 * Into a new file only: one that is there may be what somebody trusts, and what a stranger presents must not take
 * its place.
 */
function save(args: ParsedArgs, { pem }: PeerCertificate): void {
  const file = textOption(args, 'save');
  if (file === undefined) return;
  try {
    writeFileSync(file, pem, { flag: 'wx', mode: 0o644 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(
      code === 'EEXIST'
        ? `${shown(file)} is there, and is not replaced: name another file`
        : `${shown(file)} cannot be written (${code})`,
    );
  }
}

function show(io: Io, args: ParsedArgs, url: URL, peer: PeerCertificate, given: GivenTrust): void {
  const screen = new Screen(io);
  showVerdict(screen, peer, given.words);
  showChain(screen, peer);
  showCertificate(screen, peer.description);
  if (isOnlyForClient(peer)) showClientWayOut(screen);
  else if (!peer.trusted) showWayOut(screen, args, url, peer);
}

function showWayOut(screen: Screen, args: ParsedArgs, url: URL, peer: PeerCertificate): void {
  const { suggestedPolicy, host, port } = peer;
  screen.line();
  if (!isReadable(suggestedPolicy)) {
    screen.line({ style: 'bold', text: 'No policy makes this server acceptable: see above.' });
    return;
  }
  const saved = textOption(args, 'save');
  const file = saved ?? `${host.replaceAll(':', '-')}-${port}.pem`;
  const client = clientFiles(args, peer);
  const { json, code, needsFile } = policyText(suggestedPolicy, file, client);
  const how = needsFile && saved === undefined ? ` (file: --save ${file})` : '';
  screen.line(
    { style: 'bold', text: 'To trust it' },
    `, after comparing the fingerprint out of band${how}:`,
  );
  if (client === CLIENT_FILES) screen.text(GET_A_CERTIFICATE);
  screen.line(`  mcp-tls trust ${shownUrl(url)}${client ? ` ${optionsOf(client)}` : ''}`);
  screen.line(`  "tls": ${json}`);
  screen.line(`  trust: ${code}`);
}

/** The trust is right: nothing else is suggested in its place. */
function showClientWayOut(screen: Screen): void {
  const { json, code } = clientText(CLIENT_FILES);
  screen.line();
  screen.line({ style: 'bold', text: 'To connect' }, ', add a client certificate to that trust:');
  screen.text(GET_A_CERTIFICATE);
  screen.line(`  ${optionsOf(CLIENT_FILES)}`);
  screen.line(`  ${json}`);
  screen.line(`  ${code}`);
}

function optionsOf({ certFile, keyFile, passphraseEnv }: ClientFiles): string {
  const passphrase = passphraseEnv === undefined ? '' : ` --client-passphrase-env ${passphraseEnv}`;
  return `--client-cert ${certFile} --client-key ${keyFile}${passphrase}`;
}

/** What stands for the client certificate that somebody has to get first. */
const CLIENT_FILES: ClientFiles = { certFile: 'client.pem', keyFile: 'client-key.pem' };

const GET_A_CERTIFICATE =
  'It asks for a client certificate. Ask its operator for one; client.pem and client-key.pem stand for it and its key:';

/** The client certificate that belongs to a suggestion: the given one, unless the server refused it. */
function clientFiles(args: ParsedArgs, peer: PeerCertificate): ClientFiles | undefined {
  const [certFile, keyFile] = [textOption(args, 'client-cert'), textOption(args, 'client-key')];
  const isRefused = peer.problems.some(({ code }) => code === 'client-certificate-refused');
  if (certFile === undefined || keyFile === undefined || isRefused) {
    return peer.asksForCertificate ? CLIENT_FILES : undefined;
  }
  return { certFile, keyFile, passphraseEnv: textOption(args, 'client-passphrase-env') };
}

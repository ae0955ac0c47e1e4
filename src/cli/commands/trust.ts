import { dirname, resolve } from 'node:path';
import { readCertificates } from '../../certificate/pem.js';
import { asMaterial, readRegularFile, reasonOf } from '../../connect/regular-file.js';
import { type PeerCertificate, parseTrust, type TrustPolicy } from '../../core.js';
import { changeTrustFile } from '../../trust-file/change-trust-file.js';
import { approve, assertTrustable, hideDigests, lookFor } from '../approve.js';
import { flagOption, ROUTE_OPTIONS, readTarget, textOption, textsOption } from '../arguments.js';
import type { Command, Io, ParsedArgs } from '../command.js';
import { EXIT, RefusedError, UsageError } from '../exit-codes.js';
import { knownServer, readKnown, remember } from '../known-file.js';
import { lookAt } from '../look.js';
import { certificateJson } from '../peer-json.js';
import { shown, shownUrl } from '../printer.js';
import { Screen, writeJson } from '../screen.js';
import { showChange } from '../show-change.js';
import { defaultTrustFile } from '../trust-arguments.js';
import {
  pathBeside,
  readEntries,
  type TrustEntry,
  trustWords,
  withoutSecrets,
} from '../trust-entries.js';

const HELP = `
Usage: mcp-tls trust <url> [--fingerprint SHA256]

Shows what the server presents, asks for the fingerprint that you have from
elsewhere (or takes --fingerprint), and writes whom to trust into a trust file.
A server that the default roots trust gets no pin. What is there is replaced
with the new fingerprint and --replace only.

  --fingerprint SHA256   hex with or without colons, or sha256/BASE64 of the key
  --name NAME            what to call it; default: the host
  --trust-file FILE      default: the variable MCP_TLS_TRUST_FILE, or
                         ~/.config/mcp-tls/trust.json
  --replace              instead of the trust that is there
  --ca FILE              trust these certificates (yours, not the server's word)
  --server-name NAME     name to ask for and to check, instead of the host
  --client-cert FILE     certificate to show, with --client-key FILE; both stay
                         where they are, below the folder of the trust file
  --client-passphrase-env NAME   variable with the passphrase of the key
  --proxy URL|env, --timeout SECONDS, --json

Exit codes: 0 written (or trusted already), 2 refused, nothing written,
4 unreachable, 64 usage.
`;

type Json = Readonly<Record<string, unknown>>;

export const trust: Command = {
  name: 'trust',
  summary: 'Trust a server, by a fingerprint from elsewhere, in the trust file',
  help: HELP,
  options: {
    ...ROUTE_OPTIONS,
    fingerprint: { type: 'string' },
    name: { type: 'string' },
    'trust-file': { type: 'string' },
    replace: { type: 'boolean' },
    ca: { type: 'string', multiple: true },
    'server-name': { type: 'string' },
    'client-cert': { type: 'string' },
    'client-key': { type: 'string' },
    'client-passphrase-env': { type: 'string' },
    json: { type: 'boolean' },
  },
  async run(io, args) {
    const url = readTarget(args);
    const file = resolve(textOption(args, 'trust-file') ?? defaultTrustFile(io));
    const entries = readEntries(file);
    const there = entries.filter(({ origin }) => origin === url.origin);
    const name = nameFor(args, url, there);
    const namesake = entries.find((entry) => entry.name === name);
    if (namesake !== undefined && namesake.origin !== url.origin) {
      throw new UsageError(`${shown(name)} is another server: give --name, or remove that one`);
    }
    const place: Place = { url, file, name, there };
    const [first] = there;
    return first === undefined || flagOption(args, 'replace')
      ? write(io, args, place)
      : look(io, args, place, first);
  },
};

/** Where the trust goes. */
interface Place {
  readonly url: URL;
  readonly file: string;
  readonly name: string;
  /** What the file says of this origin. */
  readonly there: readonly TrustEntry[];
}

function nameFor(args: ParsedArgs, url: URL, there: readonly TrustEntry[]): string {
  const same = there.find((entry) => entry.url === url.href) ?? there[0];
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return (
    textOption(args, 'name') ?? same?.name ?? `${host}${url.port === '' ? '' : `-${url.port}`}`
  );
}

/** A server that the file knows is not trusted anew: it is looked at, under the trust that there is. */
async function look(io: Io, args: ParsedArgs, place: Place, first: TrustEntry): Promise<number> {
  const { url, file, name, there } = place;
  if (Object.keys(givenTls(args, file)).length > 0) {
    throw new UsageError(`${shown(first.name)} is trusted otherwise: --replace replaces that`);
  }
  const given = textOption(args, 'fingerprint');
  const known = readKnown(file).get(first.name);
  const peer = await (given === undefined
    ? lookAt(url, args, first.trust)
    : lookFor(given, url, args, first.trust));
  if (!peer.trusted) {
    const screen = new Screen(io, io.stderr);
    hideDigests(screen, peer);
    showChange(screen, peer, known);
    throw new RefusedError(
      `${shown(first.name)} presents what is not trusted. If that is right, get the new fingerprint out of band, and --replace. Nothing was written`,
    );
  }
  const isNew = !there.some((entry) => entry.name === name);
  if (isNew) {
    await changeTrustFile(file, (servers) => {
      assertUnchanged(servers, place);
      return { [name]: { url: url.href, tls: first.tls } };
    });
    if (known !== undefined) await remember(io, file, { [name]: known });
  }
  return done(io, args, place, peer, { written: isNew, tls: first.tls, trust: first.trust });
}

async function write(io: Io, args: ParsedArgs, place: Place): Promise<number> {
  const { url, file, name, there } = place;
  const base = dirname(file);
  const lookTls = { ...kept(there[0]?.tls), ...givenTls(args, file) };
  const isByCa = lookTls['ca'] !== undefined;
  const tlsToLook = isByCa ? lookTls : { roots: 'default', ...lookTls };
  const { peer, by } = await approve(io, args, {
    url,
    trust: parseTrust(tlsToLook, { base }),
    words: isByCa ? 'the certificates of --ca' : 'the default roots',
    by: isByCa ? 'ca' : 'roots',
    always: there.length > 0,
  });
  if (isByCa && !peer.trusted) {
    throw new RefusedError('it is not trusted by the certificates of --ca: nothing was written');
  }
  assertTrustable(peer);
  const tls = peer.trusted
    ? tlsToLook
    : { ...(peer.suggestedPolicy as object), ...details(lookTls) };
  const trust = parseTrust(tls, { base });
  const others = there.filter((entry) => entry.name !== name);
  // What is unreadable there is found before anything is written.
  readKnown(file);
  await changeTrustFile(file, (servers) => {
    assertUnchanged(servers, place);
    // A policy belongs to an origin.
    const also = others.map((entry) => [entry.name, { url: entry.url, tls }]);
    return { ...Object.fromEntries(also), [name]: { url: url.href, tls } };
  });
  const known = knownServer(url.origin, peer, by);
  const names = [...others, { name }].map((one) => [one.name, known]);
  await remember(io, file, Object.fromEntries(names));
  return done(io, args, place, peer, { written: true, tls, trust });
}

/** What the command line says of trust, as a trust file has it. */
function givenTls(args: ParsedArgs, file: string): Json {
  const cas = textsOption(args, 'ca');
  const serverName = textOption(args, 'server-name');
  const [cert, key] = [textOption(args, 'client-cert'), textOption(args, 'client-key')];
  const passphraseEnv = textOption(args, 'client-passphrase-env');
  if ((cert === undefined) !== (key === undefined)) {
    throw new UsageError('--client-cert and --client-key belong together');
  }
  return {
    ...(cas.length > 0 && { ca: cas.map(readCa).join('') }),
    ...(serverName !== undefined && {
      serverName: serverName.includes('://') ? { uri: serverName } : serverName,
    }),
    ...(cert !== undefined &&
      key !== undefined && {
        clientCertificate: {
          certFile: pathBeside(file, cert),
          keyFile: pathBeside(file, key),
          ...(passphraseEnv !== undefined && { passphraseEnv }),
        },
      }),
  };
}

function readCa(path: string): string {
  let material: string | Uint8Array;
  try {
    material = asMaterial(readRegularFile(path, 'followed'));
  } catch (error) {
    throw new UsageError(`${shown(path)} cannot be read (${reasonOf(error)})`);
  }
  return readCertificates(material)
    .map((certificate) => certificate.toString())
    .join('');
}

/** What of a policy says nothing of whom it trusts. */
const DETAILS = ['clientCertificate', 'minVersion', 'maxVersion', 'groups'] as const;

/** What stays of a policy whose certificate or pin is replaced. */
function kept(tls: unknown): Json {
  return typeof tls === 'object' && tls !== null ? only(['serverName', ...DETAILS], tls) : {};
}

/** What a suggested policy does not say: it has the server's name. */
function details(tls: Json): Json {
  return only(DETAILS, tls);
}

function only(names: readonly string[], fields: object): Json {
  const isThere = ([name, value]: [string, unknown]) => names.includes(name) && value != null;
  return Object.fromEntries(Object.entries(fields).filter(isThere));
}

/** @throws {RefusedError} if another process has changed what the decision was about */
function assertUnchanged(
  servers: ReadonlyMap<string, { readonly url: string; readonly tls: unknown }>,
  { url, name, there }: Place,
): void {
  const now = [...servers].filter(
    ([other, server]) => other === name || originOf(server.url) === url.origin,
  );
  const isSame =
    now.length === there.length &&
    now.every(([other, server]) => {
      const before = there.find((entry) => entry.name === other);
      return before !== undefined && JSON.stringify(before.tls) === JSON.stringify(server.tls);
    });
  if (!isSame) throw new RefusedError('the trust file was changed meanwhile: nothing was written');
}

function originOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).origin : undefined;
}

function done(
  io: Io,
  args: ParsedArgs,
  { url, file, name }: Place,
  peer: PeerCertificate,
  { written, tls, trust }: { written: boolean; tls: unknown; trust: TrustPolicy | null },
): number {
  if (flagOption(args, 'json')) {
    const certificate = certificateJson(peer.description);
    writeJson(io.stdout, {
      written,
      name,
      url: shownUrl(url),
      file,
      tls: withoutSecrets(tls),
      certificate,
    });
    return EXIT.ok;
  }
  const how = `${shown(name)} is trusted${written ? '' : ' already'} by ${trustWords(trust)}`;
  new Screen(io).line(written ? `${how}: written to ${shown(file)}` : how);
  return EXIT.ok;
}

import { ApprovalRequiredError, type PeerCertificate, type TrustInput } from '../core.js';
import { readPin } from '../trust/pin.js';
import { textOption } from './arguments.js';
import { askLine } from './ask.js';
import type { Io, ParsedArgs } from './command.js';
import { RefusedError } from './exit-codes.js';
import { lookAt } from './look.js';
import { Screen } from './screen.js';
import { showCertificate, showChain, showVerdict } from './show-peer.js';

/** What would let people compare the screen with itself. */
const COMPARED = ['Fingerprint', 'SPKI pin'];

const OUT_OF_BAND = `The fingerprint is not shown here: it is to come from elsewhere, such as from the server itself:
  openssl x509 -in CERTIFICATE.pem -noout -fingerprint -sha256`;

/** What was approved. */
export interface Approved {
  readonly peer: PeerCertificate;
  readonly by: 'fingerprint' | 'roots' | 'ca';
}

export interface ApprovalRequest {
  readonly url: URL;
  /** To look with. */
  readonly trust: TrustInput;
  /** Of it, for the screen. */
  readonly words: string;
  /** What the server is trusted by where `trust` trusts it. */
  readonly by: 'roots' | 'ca';
  /** Whether a fingerprint is wanted even of a server that is trusted: other trust is to be replaced. */
  readonly always: boolean;
}

/**
 * Looks, shows, and comes back only with what is approved: a server that the given trust covers, or one whose
 * fingerprint the operator has from elsewhere.
 *
 * @throws {RefusedError} if nobody approved
 */
export async function approve(
  io: Io,
  args: ParsedArgs,
  request: ApprovalRequest,
): Promise<Approved> {
  const { url, trust, by, always } = request;
  const screen = new Screen(io, io.stderr);
  const given = textOption(args, 'fingerprint');
  if (given !== undefined) {
    const peer = await lookFor(given, url, args, trust);
    show(screen, peer, request.words, []);
    return { peer, by: 'fingerprint' };
  }
  const peer = await lookAt(url, args, trust);
  const isEnough = peer.trusted && !always;
  if (!isEnough) hideDigests(screen, peer);
  show(screen, peer, request.words, isEnough ? [] : COMPARED);
  if (isEnough) return { peer, by };
  assertTrustable(peer);
  screen.line();
  screen.text(OUT_OF_BAND.split('\n')[0] as string, '', '');
  screen.line(OUT_OF_BAND.split('\n')[1] as string);
  const typed = await ask(io);
  if (readPin(typed).of === 'key') {
    throw new RefusedError(
      'the fingerprint of the certificate is asked for, in hex; the pin of its key can be given as --fingerprint. Nothing was written',
    );
  }
  const again = await lookFor(typed, url, args, trust);
  if (again.description.fingerprint !== peer.description.fingerprint) {
    throw new RefusedError(
      'the server presented another certificate meanwhile: nothing was written',
    );
  }
  return { peer: again, by: 'fingerprint' };
}

/**
 * Looks for what the operator has the fingerprint of.
 *
 * @throws {RefusedError} if it is not that; what was presented instead is not said, so that nobody copies it from here
 */
export async function lookFor(
  fingerprint: string,
  url: URL,
  args: ParsedArgs,
  trust: TrustInput,
): Promise<PeerCertificate> {
  try {
    return await lookAt(url, args, trust, fingerprint);
  } catch (error) {
    if (!(error instanceof ApprovalRequiredError)) throw error;
    throw new RefusedError(
      `${error.code}: the server presents another certificate and key than that fingerprint is of. Nothing was written`,
    );
  }
}

/** What is to be compared with something from elsewhere is not on the screen to be compared with itself. */
export function hideDigests(screen: Screen, { description }: PeerCertificate): void {
  screen.hide([description.fingerprint, description.spkiPin]);
}

/** @throws {RefusedError} if no policy could trust what is presented */
export function assertTrustable({ suggestedPolicy }: PeerCertificate): void {
  if (suggestedPolicy !== undefined) return;
  throw new RefusedError('no policy makes this server acceptable: nothing was written');
}

function show(
  screen: Screen,
  peer: PeerCertificate,
  words: string,
  hidden: readonly string[],
): void {
  showVerdict(screen, peer, words);
  showChain(screen, peer);
  showCertificate(screen, peer.description, hidden);
}

async function ask(io: Io): Promise<string> {
  if (!io.isInteractive) {
    throw new RefusedError(
      'there is no terminal to ask at: give --fingerprint. Nothing was written',
    );
  }
  const typed = await askLine(io, 'SHA-256 fingerprint: ');
  if (typed === undefined || typed === '') {
    throw new RefusedError('no fingerprint was given: nothing was written');
  }
  return typed;
}

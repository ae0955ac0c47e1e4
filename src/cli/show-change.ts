import type { PeerCertificate } from '../core.js';
import type { KnownServer } from './known-file.js';
import { shown } from './printer.js';
import type { Screen } from './screen.js';
import { showVerdict } from './show-peer.js';

/** One fact, then and now. */
export interface Change {
  readonly fact: string;
  readonly before: string;
  readonly now: string;
}

/** What is different from what was approved. */
export function changesOf(known: KnownServer, { description }: PeerCertificate): readonly Change[] {
  const { fingerprint, spkiPin, subject, issuer, notAfter } = description;
  const end = Number.isNaN(notAfter.getTime()) ? '' : notAfter.toISOString();
  return [
    { fact: 'certificate', before: known.fingerprint, now: fingerprint },
    { fact: 'key', before: known.spkiPin, now: spkiPin },
    { fact: 'subject', before: known.subject, now: subject },
    { fact: 'issuer', before: known.issuer, now: issuer },
    { fact: 'expires', before: known.notAfter, now: end },
  ].filter(({ before, now }) => before !== now);
}

/** The verdict on what is presented now, and what it was when it was approved. */
export function showChange(
  screen: Screen,
  peer: PeerCertificate,
  known: KnownServer | undefined,
): void {
  showVerdict(screen, peer, 'the trust file');
  if (known === undefined) return;
  const changes = changesOf(known, peer);
  if (changes.length === 0) {
    screen.line(`  the certificate is the one that was approved ${known.approvedAt}`);
    return;
  }
  screen.line(`  since it was approved ${shown(known.approvedAt)}:`);
  for (const { fact, before, now } of changes) {
    screen.line(`  ${fact}`);
    screen.line({ style: 'red', text: `    - ${shown(before)}` });
    screen.line({ style: 'green', text: `    + ${shown(now)}` });
  }
}

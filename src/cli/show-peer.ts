import { formatCertificate } from '../certificate/format-certificate.js';
import type { CertificateDescription, PeerCertificate } from '../core.js';
import { daysUntil } from '../registry/shown-client-certificate.js';
import { shown, shownEnd } from './printer.js';
import type { Screen } from './screen.js';

/** Of a chain, before the rest is counted. */
const MAX_CHAIN_LINES = 6;
const MAX_PROBLEMS = 8;

/** Address, connection, verdict, what is wrong. */
export function showVerdict(screen: Screen, peer: PeerCertificate, words: string): void {
  const { host, port, protocol, group, cipher, trusted, problems, remarks, asksForCertificate } =
    peer;
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const connection = [protocol, group, cipher].filter((one) => one !== undefined).join(', ');
  screen.line({ style: 'bold', text: address }, `  ${connection}`);
  if (isOnlyForClient(peer)) {
    screen.line(
      { style: 'red', text: 'NO CONNECTION' },
      `: the server's certificate is trusted under ${words}, but`,
    );
  } else {
    screen.line(
      trusted ? { style: 'green', text: 'TRUSTED' } : { style: 'red', text: 'NOT TRUSTED' },
      ` under ${words}; ${asksForCertificate ? 'a' : 'no'} client certificate is asked for`,
    );
  }
  for (const { message } of problems.slice(0, MAX_PROBLEMS)) {
    screen.text(shown(message), '  - ', '    ');
  }
  for (const { message } of remarks.slice(0, MAX_PROBLEMS)) {
    screen.text(`note: ${shown(message)}`, '  - ', '    ');
  }
}

/**
 * Whether the server is trusted, by the judge's own word, and only misses a client certificate, or does not take the one
 * it got: the handshake with a trusted one may fail for other reasons too.
 */
export function isOnlyForClient({
  trusted,
  certificateTrusted,
  problems,
}: PeerCertificate): boolean {
  const isForClient = problems.every(({ code }) => code.startsWith('client-certificate-'));
  return !trusted && certificateTrusted && isForClient;
}

/** The certificates as presented, the server's own first, each above the one that is said to have issued it. */
export function showChain(screen: Screen, { chain, description, issuers }: PeerCertificate): void {
  screen.line();
  const count = chain.length;
  const heading = { style: 'bold', text: 'Chain' } as const;
  if (count === 1 && description.isSelfSigned === true) {
    screen.line(heading, ` as presented, 1 certificate: ${endOf(description)}`);
    return;
  }
  screen.line(heading, ` as presented, ${count} certificate${count === 1 ? '' : 's'}`);
  const all = [description, ...issuers];
  for (const [i, one] of all.slice(0, MAX_CHAIN_LINES).entries()) {
    const above = all[i - 1];
    const joint = above === undefined ? '' : above.issuer === one.subject ? '└─ ' : '?  ';
    screen.line(`  ${'   '.repeat(Math.max(0, i - 1))}${joint}${summary(one)}`);
  }
  const more = count - Math.min(all.length, MAX_CHAIN_LINES);
  if (more > 0) screen.line(`  and ${more} more`);
  const last = all.at(-1);
  if (more === 0 && last !== undefined && last.issuer !== last.subject) {
    screen.line(`  ${'   '.repeat(all.length - 1)}└─ ${short(last.issuer)} (not presented)`);
  }
  screen.line();
}

function summary(one: CertificateDescription): string {
  return `${short(one.subject)}  ${endOf(one)}`;
}

function endOf({ notAfter, isSelfSigned }: CertificateDescription): string {
  const end = shownEnd(notAfter, daysUntil(notAfter, new Date()));
  return `${isSelfSigned === true ? 'self-signed, ' : ''}${end}`;
}

const MAX_NAME_CHARS = 32;

function short(name: string): string {
  if (name === '') return '(no subject)';
  return name.length <= MAX_NAME_CHARS ? name : `${name.slice(0, MAX_NAME_CHARS - 3)}...`;
}

/** The rows of a certificate, without those of `hidden`. */
export function showCertificate(
  screen: Screen,
  description: CertificateDescription,
  hidden: readonly string[] = [],
): void {
  const rows = formatCertificate(description)
    .split('\n')
    .map((line) => /^(.+?) {2,}(.*)$/.exec(line))
    .filter((match) => match !== null)
    .map(([, label = '', value = '']) => [label, value] as const)
    .filter(([label]) => !hidden.includes(label));
  screen.rows(rows);
}

import type { CertificateDescription } from './describe-certificate.js';
import { brief } from './printable.js';

/** Of a certificate for a whole platform there are some hundred. */
const MAX_NAMES = 64;

/**
 * A description as aligned lines for people, without a line break at the end. Rows that have nothing
 * to say are left out, and what is longer than anybody reads is cut, names with a count. For programs, use the description itself.
 */
export function formatCertificate(description: CertificateDescription): string {
  const rows = rowsOf(description).filter(([, value]) => value !== '');
  const width = Math.max(...rows.map(([label]) => label.length));
  return rows.map(([label, value]) => `${label.padEnd(width)}  ${value}`).join('\n');
}

function rowsOf(d: CertificateDescription): [label: string, value: string][] {
  const { dns, ip, uri, email, other } = d.subjectAltNames;
  const all = [...dns, ...ip, ...uri, ...email];
  const more = all.length > MAX_NAMES ? [`and ${all.length - MAX_NAMES} more`] : [];
  const others = other > 0 ? [`and ${other} others`] : [];
  const names = [...all.slice(0, MAX_NAMES).map(brief), ...more, ...others];
  const limit = d.pathLength === undefined ? '' : `, at most ${d.pathLength} below`;
  return [
    ['Subject', d.subject === '' ? '(empty)' : brief(d.subject)],
    [
      'Issuer',
      `${d.issuer === '' ? '(empty)' : brief(d.issuer)}${SELF_SIGNED[`${d.isSelfSigned}`]}`,
    ],
    ['Names', names.length === 0 ? '(no subjectAltName)' : names.join(', ')],
    ['Valid', `${dateText(d.notBefore)} to ${dateText(d.notAfter)}`],
    ['Key', [d.key.type, d.key.curve, bitsText(d.key.bits)].filter(Boolean).join(' ')],
    ['Signature', brief(d.signatureAlgorithm.name)],
    ['CA', d.isCa ? `yes${limit}` : 'no'],
    ['Key usage', d.keyUsages.join(', ')],
    ['Extended usage', brief(d.extendedKeyUsages.join(', '))],
    ['Serial number', brief(d.serialNumber)],
    ['Fingerprint', d.fingerprint],
    ['SPKI pin', d.spkiPin],
    ['Unreadable', brief(d.unreadable.join(', '))],
  ];
}

const SELF_SIGNED = {
  true: ' (self-signed)',
  false: '',
  undefined: ' (self-signed or not: undecidable on this Node.js)',
} as const;

function dateText(date: Date): string {
  return Number.isNaN(date.getTime()) ? '(unreadable)' : date.toISOString().replace('.000Z', 'Z');
}

function bitsText(bits: number | undefined): string {
  return bits === undefined ? '' : `${bits} bits`;
}

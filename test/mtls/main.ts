/**
 * Client certificates of every kind at servers of every kind, through every door: code and hint.
 *
 *   npm run test:mtls -- [part of a server's name]
 *
 * Prints a table, and fails where a certificate that a server does not take is not said to be that.
 */
import type { ClientCertificate } from '../../src/index.js';
import { type HeldCertificate, heldCertificate } from '../../src/testing/index.js';
import { DOORS, type Outcome } from './doors.js';
import { expectedOf } from './expected.js';
import { SERVERS } from './servers.js';

const DAY = 86_400_000;
const inDays = (days: number): Date => new Date(Date.now() + days * DAY);
const usage = { extendedKeyUsages: ['clientAuth'] } as const;

const certificate = await heldCertificate();
const clientCa = await heldCertificate({ isCa: true, commonName: 'Clients CA' });
const strangers = await heldCertificate({ isCa: true, commonName: 'Strangers CA' });
const ours = { signedBy: clientCa, ...usage };

const CERTIFICATES: Readonly<Record<string, HeldCertificate | undefined>> = {
  none: undefined,
  expired: await heldCertificate({ ...ours, notBefore: inDays(-9), notAfter: inDays(-1) }),
  'not yet valid': await heldCertificate({ ...ours, notBefore: inDays(1), notAfter: inDays(9) }),
  'foreign CA': await heldCertificate({ ...ours, signedBy: strangers }),
  'wrong usage': await heldCertificate({ ...ours, extendedKeyUsages: ['serverAuth'] }),
  right: await heldCertificate(ours),
};

const wrong: string[] = [];
const hints = new Map<string, Set<string>>();

function report(cell: string, which: string, outcome: Outcome, expected: RegExp): void {
  const isRight = expected.test(outcome.code);
  if (!isRight) wrong.push(`${cell}: ${outcome.code}, expected ${expected}`);
  console.log(`${cell.padEnd(48)} ${isRight ? ' ' : '!'} ${outcome.code}`);
  if (outcome.hint === '') return;
  const key = `${which}: ${outcome.code}`;
  hints.set(key, (hints.get(key) ?? new Set()).add(outcome.hint));
  if (/BEGIN|PRIVATE/.test(outcome.hint)) wrong.push(`${cell}: a hint with PEM in it`);
}

const [only = ''] = process.argv.slice(2);
for (const [name, start] of Object.entries(SERVERS)) {
  if (!name.includes(only)) continue;
  await using server = await start({ certificate, clientCa });
  for (const [which, held] of Object.entries(CERTIFICATES)) {
    const clientCertificate: ClientCertificate | undefined = held && {
      ...{ cert: held.pem, key: held.keyPem },
    };
    for (const [door, knock] of Object.entries(DOORS)) {
      // What asks only at a path asks by renegotiation.
      const maxVersion = name.includes('<Location>') ? 'TLSv1.2' : 'TLSv1.3';
      const url = `${server.url}/mcp`;
      const outcome = await knock({ url, ca: certificate.pem, clientCertificate, maxVersion });
      report(`${name} | ${which} | ${door}`, which, outcome, expectedOf(name, which, door));
    }
  }
}

console.log('\nHints:');
for (const [key, all] of hints) for (const hint of all) console.log(`- ${key}\n    ${hint}`);
if (wrong.length > 0) {
  console.error(`\n${wrong.length} wrong:\n${wrong.join('\n')}`);
  process.exitCode = 1;
}

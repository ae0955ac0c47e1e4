import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { debianProgram } from '../../support/debian-program.js';

/** What `openssl s_client` and `openssl x509` say of a server. */
export interface OpenSslFacts {
  readonly protocol: string;
  readonly verifyCode: number;
  readonly chainLength: number;
  readonly fingerprint: string;
  readonly spkiPin: string;
  readonly serialNumber: string;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly isCa: boolean;
  readonly asksForCertificate: boolean;
}

export async function opensslFacts(url: string): Promise<OpenSslFacts> {
  const openssl = await debianProgram('openssl');
  const { hostname, port } = new URL(url);
  // Of the lowest level: it is to show what there is, not to refuse it.
  const text = await output(openssl, [
    ...['s_client', '-connect', `${hostname}:${port}`, '-servername', 'localhost'],
    ...['-showcerts', '-cipher', 'ALL:@SECLEVEL=0'],
  ]);
  const chain = text.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  // -showcerts, and once more as "Server certificate".
  const leaf = chain[0] ?? '';
  const x509 = async (...args: string[]) => output(openssl, ['x509', '-noout', ...args], leaf);
  const facts = await x509('-fingerprint', '-sha256', '-serial', '-dates');
  const field = (name: string) => new RegExp(`^${name}=(.*)$`, 'mi').exec(facts)?.[1] ?? '';
  const key = await output(openssl, ['x509', '-noout', '-pubkey'], leaf);
  const der = Buffer.from(key.replace(/-----[^-]*-----|\s/g, ''), 'base64');
  return {
    protocol: /^\s*(?:Protocol\s*:|New,) *(TLSv[\d.]+)/m.exec(text)?.[1] ?? '',
    verifyCode: Number(/Verify return code: (\d+)/.exec(text)?.[1]),
    chainLength: new Set(chain).size,
    fingerprint: field('sha256 Fingerprint'),
    spkiPin: `sha256/${createHash('sha256').update(der).digest('base64')}`,
    serialNumber: field('serial').replace(/^0+(?=.)/, ''),
    notBefore: Date.parse(field('notBefore')),
    notAfter: Date.parse(field('notAfter')),
    isCa: /CA:TRUE/.test(await x509('-text')),
    asksForCertificate: !text.includes('No client certificate CA names sent'),
  };
}

async function output(program: string, args: readonly string[], stdin = ''): Promise<string> {
  const child = spawn(program, [...args], { stdio: ['pipe', 'pipe', 'ignore'] });
  child.stdin.on('error', () => {});
  child.stdin.end(stdin);
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part) => {
    text += part;
  });
  await once(child, 'close');
  return text;
}

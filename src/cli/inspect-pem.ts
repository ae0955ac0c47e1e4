import { describe } from '../certificate/describe-certificate.js';
import { readCertificates } from '../certificate/pem.js';
import { daysUntil } from '../registry/shown-client-certificate.js';
import { flagOption } from './arguments.js';
import type { Io, ParsedArgs } from './command.js';
import { EXIT, UsageError } from './exit-codes.js';
import { certificateJson } from './peer-json.js';
import { shownEnd } from './printer.js';
import { Screen, writeJson } from './screen.js';
import { showCertificate } from './show-peer.js';

/** As much as all certificates of a policy together may have. */
const MAX_BYTES = 8 * 1024 * 1024;

/** As many as are described of a chain. */
const MAX_DESCRIBED = 16;

/** Certificates from stdin, PEM or DER. Nobody is asked, so there is no verdict. */
export async function inspectPem(io: Io, args: ParsedArgs): Promise<number> {
  const bytes = await readAll(io.stdin);
  if (bytes.length === 0) throw new UsageError('which URL? (there is nothing on stdin either)');
  const all = readCertificates(bytes[0] === 0x30 ? new Uint8Array(bytes) : bytes.toString('utf8'));
  const certificates = all.slice(0, MAX_DESCRIBED);
  const descriptions = await Promise.all(certificates.map((one) => describe(one)));
  if (flagOption(args, 'json')) {
    writeJson(io.stdout, { certificates: descriptions.map(certificateJson), count: all.length });
    return EXIT.ok;
  }
  const screen = new Screen(io);
  for (const [i, description] of descriptions.entries()) {
    if (i > 0) screen.line();
    const { notAfter } = description;
    const end = shownEnd(notAfter, daysUntil(notAfter, new Date()));
    screen.line({ style: 'bold', text: `Certificate ${i + 1} of ${all.length}` }, `  ${end}`);
    showCertificate(screen, description);
  }
  return EXIT.ok;
}

/** All of a stream, up to a bound. */
async function readAll(stream: AsyncIterable<Buffer | string>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    const bytes = Buffer.from(chunk as Buffer);
    length += bytes.length;
    if (length > MAX_BYTES) throw new UsageError('there are more than 8 MiB on stdin');
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

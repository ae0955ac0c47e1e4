import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeCertificate } from '../../src/certificate/describe-certificate.js';
import { isSelfSignedPem } from '../../src/certificate/is-self-signed-pem.js';
import { McpTlsError } from '../../src/errors.js';

/**
 * Certificates of other projects, each with the answer. Their licences keep them out of this
 * repository: `MCP_TLS_CORPUS` names the folder, which holds `truth.tsv` (path, SHA-256, and 1, 0 or
 * `err`: self-signed, not, a typed error expected).
 */
const folder = process.env['MCP_TLS_CORPUS'];
const missing =
  folder === undefined
    ? 'MCP_TLS_CORPUS is not set'
    : existsSync(join(folder, 'truth.tsv'))
      ? undefined
      : `there is no truth.tsv in ${folder}`;

/**
 * Where the table has an answer and ours is a typed error on purpose: this one is self-signed with
 * SM2, which OpenSSL denies unless told the signer's identifier. Its signature verifies under the
 * standard one (RFC 8998 §3.2.1), so the table's 0 is wrong, and undecidable is right.
 */
const STRICTER: ReadonlyMap<string, string> = new Map([
  ['openssl-via-quictls/test/certs/sm2-ca-cert.pem.pem', 'MCP_TLS_UNSUPPORTED_ALGORITHM'],
]);

/** OpenSSL 3.5 brought ML-DSA and SLH-DSA. On Node.js 20 (3.0) their certificates are undecidable. */
const knowsPostQuantum = Number(process.versions.openssl.replace(/^(\d+)\.(\d+).*/, '$1$2')) >= 35;
const POST_QUANTUM = /ml-dsa|slh-dsa/;

interface Row {
  readonly path: string;
  readonly sha256: string;
  readonly truth: string;
}

describe('the corpus', () => {
  it('is decided right, file by file, and described without an error', async (context) => {
    if (folder === undefined || missing !== undefined) {
      console.log(`corpus: not run, ${missing}`);
      return context.skip(missing);
    }
    const rows = readRows(join(folder, 'truth.tsv'));
    const wrong: string[] = [];
    let slowest = 0;
    let unsupported = 0;
    let described = 0;
    for (const row of rows) {
      const bytes = readFileSync(join(folder, row.path));
      expect(createHash('sha256').update(bytes).digest('hex'), row.path).toBe(row.sha256);
      const answer = answerOf(bytes);
      slowest = Math.max(
        slowest,
        fastestMs(() => answerOf(bytes)),
      );
      if (answer === 'MCP_TLS_UNSUPPORTED_ALGORITHM') unsupported++;
      if (!isRight(row, answer)) wrong.push(`${row.path}: ${answer}, not ${row.truth}`);
      if (answer !== 'MCP_TLS_INVALID_CERTIFICATE') {
        const { isSelfSigned } = await describeCertificate(bytes);
        const expected = { '1': true, '0': false }[answer];
        if (isSelfSigned !== expected) wrong.push(`${row.path}: described as ${isSelfSigned}`);
        described++;
      }
    }
    const stricter = rows.filter((row) => STRICTER.has(row.path)).length;
    console.log(
      `corpus: ${rows.length - wrong.length - stricter} of ${rows.length} as the table says, ` +
        `${stricter} undecidable where the table is wrong, ${wrong.length} wrong; ` +
        `slowest ${slowest.toFixed(1)} ms (best of 3), ${unsupported} typed "unsupported", ` +
        `${described} described, Node.js ${process.versions.node}`,
    );
    expect(wrong).toEqual([]);
    expect(rows.length).toBeGreaterThan(2000);
    expect(slowest).toBeLessThan(50);
  }, 120_000);
});

function readRows(path: string): readonly Row[] {
  const [, ...lines] = readFileSync(path, 'utf8').trimEnd().split('\n');
  return lines.map((line) => {
    const [file = '', sha256 = '', truth = ''] = line.split('\t');
    return { path: file, sha256, truth };
  });
}

/** The best of three: one alone also measures whatever else the machine is doing. */
function fastestMs(action: () => unknown): number {
  const times = [1, 2, 3].map(() => {
    const start = performance.now();
    action();
    return performance.now() - start;
  });
  return Math.min(...times);
}

/** `1`, `0`, or the code of our error; a foreign error fails the test. */
function answerOf(bytes: Uint8Array): string {
  try {
    return isSelfSignedPem(bytes) ? '1' : '0';
  } catch (error) {
    if (!(error instanceof McpTlsError)) throw error;
    return error.code;
  }
}

function isRight({ path, truth }: Row, answer: string): boolean {
  const stricter = STRICTER.get(path);
  if (stricter !== undefined) return answer === stricter;
  if (truth === 'err') return answer.startsWith('MCP_TLS_');
  const isUndecidable = truth === '1' && POST_QUANTUM.test(path) && !knowsPostQuantum;
  return answer === (isUndecidable ? 'MCP_TLS_UNSUPPORTED_ALGORITHM' : truth);
}

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type HeldCertificate, heldCertificate, startTlsServer } from '../../src/testing/index.js';
import { runCli, temporaryFolder } from './support/run-cli.js';
import { inTerminal } from './support/tmux.js';

/** Whatever stands in a certificate, it stands on the screen as text, and on one screen. */

const ESCAPE = '\u{1b}]0;owned\u{7}\u{1b}[2J\u{1b}[31m';
const BIDI = '\u{202e}gnp.live\u{2066}';
/** What a terminal acts upon, what turns the direction of writing, what is not seen. */
const UNPRINTABLE = /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}]/u;

let home: Awaited<ReturnType<typeof temporaryFolder>>;
const folder = () => ({ folder: home.path });

beforeAll(async () => {
  home = await temporaryFolder();
});
afterAll(() => home[Symbol.asyncDispose]());

const HOSTILE: readonly (readonly [name: string, make: () => Promise<Shown>])[] = [
  [
    'control characters and line breaks in its subject',
    () => heldCertificate({ commonName: `${ESCAPE}\nTRUSTED under the default roots\r\n` }),
  ],
  ['bidirectional controls in its subject', () => heldCertificate({ commonName: BIDI })],
  [
    '10,000 names',
    () =>
      heldCertificate({ dns: Array.from({ length: 10_000 }, (_, i) => `${i.toString(36)}.io`) }),
  ],
  ['a name as long as a page', () => heldCertificate({ commonName: 'A'.repeat(20_000) })],
  ['a chain of 250 certificates', chainOf250],
];

type Shown = HeldCertificate | { readonly cert: string; readonly key: string };

async function chainOf250(): Promise<Shown> {
  const leaf = await heldCertificate({ san: 'none' });
  const others = await Promise.all(
    Array.from({ length: 10 }, (_, i) => heldCertificate({ isCa: true, commonName: `CA ${i}` })),
  );
  const rest = Array.from({ length: 249 }, (_, i) => others[i % 10]?.pem ?? '');
  return { cert: [leaf.pem, ...rest].join('\n'), key: leaf.keyPem };
}

describe('a server that presents', () => {
  it.each(HOSTILE)('%s is shown as text, on one screen', async (_, make) => {
    await using server = await startTlsServer({ certificate: await make() });
    const shown = await runCli(['inspect', server.url], folder());
    expect(shown.code).toBe(2);
    expect(shown.stderr).toBe('');
    expect(shown.stdout).not.toMatch(UNPRINTABLE);
    expect(shown.stdout).not.toMatch(/^TRUSTED/m);
    const lines = shown.stdout.trimEnd().split('\n');
    expect(lines.length).toBeLessThanOrEqual(50);
    // A fingerprint is not broken, to be copied; everything else is.
    expect(lines.filter((line) => line.length > 112)).toEqual([]);
    const json = await runCli(['inspect', server.url, '--json'], folder());
    expect(json.stdout).not.toMatch(UNPRINTABLE);
    expect(JSON.parse(json.stdout).trusted).toBe(false);
    const checked = await runCli(['check', server.url, '--roots'], folder());
    expect(checked.code).toBe(2);
    expect(checked.stdout).not.toMatch(UNPRINTABLE);
    expect(checked.stdout.split('\n').length).toBe(2);
  });

  it('escape sequences leaves a terminal as it was, in colour too', async () => {
    const certificate = await heldCertificate({ commonName: `${ESCAPE}${BIDI}` });
    await using server = await startTlsServer({ certificate });
    await using terminal = await inTerminal(['inspect', server.url], folder());
    const screen = await terminal.until('exit: 2');
    // Not cleared, not renamed: both ends are there, and the name is in letters.
    expect(screen).toContain(new URL(server.url).host);
    expect(screen).toContain('\\1B]0\\;owned');
    expect(screen).toContain('\\u{202e}gnp.live');
    expect(await terminal.coloured()).toContain('\u{1b}[31mNOT TRUSTED');
  });
});

import { describe, expect, it } from 'vitest';
import {
  type BatteryReport,
  type BatteryResult,
  formatReport,
  pinningBattery,
} from '../../src/testing/index.js';
import { pinnedClient } from './support/pinned-client.js';

const HOSTILE = `<b>&"'|\`*#\\ ]]> \u0000\u001b[31m\ud800 line\nnext`;

const result = (over: Partial<BatteryResult>): BatteryResult => ({
  id: 'key-p256',
  name: 'A name',
  theme: 'chain',
  why: 'Why it matters.',
  expected: 'refused',
  got: 'refused',
  passed: true,
  applicationBytesLeaked: 0,
  advice: 'What to do.',
  durationMs: 12,
  ...over,
});

const RESULTS = [
  result({}),
  result({
    id: 'hostile',
    name: 'Fails with a hostile message',
    got: 'leaked',
    passed: false,
    applicationBytesLeaked: 321,
    error: HOSTILE,
  }),
  result({
    id: 'pin-spki',
    name: 'A # pin',
    theme: 'pins',
    got: 'pending',
    passed: null,
    pending: 'needs pins',
  }),
];
const REPORT: BatteryReport = {
  passed: false,
  node: 'v20.20.2',
  durationMs: 1234,
  attacks: { passed: 1, failed: 1, pending: 1, notMade: 0 },
  works: { passed: 0, failed: 0, pending: 0, notMade: 0 },
  results: RESULTS,
};

describe('formatReport: text', () => {
  const text = formatReport(REPORT);

  it('says first what came out, then each check, then what to do', () => {
    expect(text.split('\n').slice(0, 3)).toEqual([
      'Pinning battery FAILED, in 1.2 s on Node.js 20.20.2',
      '  attacks refused  1 of 2, 1 pending',
      '  exchanges work   0 of 0',
    ]);
    expect(text).toContain('got:      leaked, 321 bytes leaked: ');
    expect(text).toContain('advice:   What to do.');
    expect(text).toContain('           needs pins');
    expect(text.endsWith('\n')).toBe(true);
  });

  it('is aligned', () => {
    const starts = RESULTS.map(({ name }) => {
      const line = text.split('\n').find((one) => one.includes(name)) as string;
      return line.indexOf(name);
    });
    expect(new Set(starts).size).toBe(1);
  });

  it('holds no escape sequences but its own, and those only when asked', () => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it looks for them
    const escapes = /[\u0000-\u0009\u000b-\u001f]/;
    expect(text).not.toMatch(escapes);
    const painted = formatReport(REPORT, 'text', { color: true });
    expect(painted).toContain('\u001b[31mFAILED \u001b[0m');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it takes them off
    expect(painted.replace(/\u001b\[\d+m/g, '')).toBe(text);
  });
});

describe('formatReport: markdown', () => {
  const lines = formatReport(REPORT, 'markdown').split('\n');

  it('has rows with as many cells as their table has columns, whatever the message', () => {
    const rows = lines.filter((line) => line.startsWith('|'));
    expect(rows.length).toBeGreaterThan(8);
    // The summary, of a head, a rule and two rows, has a column more than the tables of checks.
    for (const [i, row] of rows.entries()) {
      expect(row.replace(/\\./g, '').match(/\|/g)).toHaveLength(i < 4 ? 6 : 5);
    }
    expect(rows.some((row) => row.includes('\\<b\\>'))).toBe(true);
  });

  it('ends with advice for what failed', () => {
    expect(lines).toContain('## What to do');
    expect(lines.at(-2)).toBe('- **hostile**: Fails with a hostile message. What to do.');
  });
});

describe('formatReport: json', () => {
  it('gives the report itself back', () => {
    expect(JSON.parse(formatReport(REPORT, 'json'))).toEqual(JSON.parse(JSON.stringify(REPORT)));
  });
});

describe('formatReport: junit', () => {
  const xml = formatReport(REPORT, 'junit');

  it('is well-formed, and reads back as it was', () => {
    const root = parseXml(xml);
    expect(root.name).toBe('testsuites');
    expect(root.attributes).toMatchObject({ tests: '3', failures: '1', skipped: '1', errors: '0' });
    expect(root.children.map(({ attributes }) => attributes['name'])).toEqual([
      'pinning battery: chain',
      'pinning battery: pins',
    ]);
    const cases = root.children.flatMap(({ children }) => children);
    expect(cases.map(({ attributes }) => attributes['name'])).toEqual([
      'key-p256: A name',
      'hostile: Fails with a hostile message',
      'pin-spki: A # pin',
    ]);
    const failure = cases[1]?.children[0];
    expect(failure?.attributes['type']).toBe('leaked');
    // What XML cannot hold is replaced; the rest comes back, line break included.
    const held = HOSTILE.replaceAll('\0', '\ufffd')
      .replaceAll('\u001b', '\ufffd')
      .replace(/\p{Cs}/gu, '\ufffd');
    expect(failure?.attributes['message']).toBe(
      `expected refused, got leaked, 321 bytes leaked: ${held}`,
    );
    expect(failure?.text).toBe('Why it matters.\nWhat to do.');
    expect(cases[2]?.children[0]).toMatchObject({
      name: 'skipped',
      attributes: { message: 'pending: needs pins' },
    });
  });
});

describe('formatReport: tap', () => {
  const lines = formatReport(REPORT, 'tap').trimEnd().split('\n');

  it('has a version, a plan, and as many test points', () => {
    expect(lines.slice(0, 2)).toEqual(['TAP version 14', '1..3']);
    const points = lines.filter((line) => /^(not )?ok \d+ - /.test(line));
    expect(points).toEqual([
      'ok 1 - key-p256: A name',
      'not ok 2 - hostile: Fails with a hostile message',
      'ok 3 - pin-spki: A \\# pin # SKIP pending: needs pins',
    ]);
  });

  it('explains a failure in a block of YAML whose values are JSON', () => {
    const block = lines.slice(lines.indexOf('  ---') + 1, lines.indexOf('  ...'));
    const values = Object.fromEntries(
      block.map((line) => {
        const [, key, value] = /^ {2}(\w+): (.*)$/.exec(line) as RegExpExecArray;
        return [key, JSON.parse(value as string)];
      }),
    );
    expect(values).toMatchObject({ expected: 'refused', got: 'leaked', error: HOSTILE });
  });
});

describe('formatReport', () => {
  it.each(['text', 'markdown', 'json', 'junit', 'tap'] as const)(
    'writes a real report as %s, with every id and no key material',
    async (format) => {
      const include = ['impostor-self-signed', 'interceptor', 'key-p256', 'pin-wrong', 'http-get'];
      const report = await pinningBattery(pinnedClient('ignores-chain'), { include });
      const text = formatReport(report, format);
      for (const id of include) expect(text).toContain(id);
      expect(text).not.toMatch(/-----BEGIN|PRIVATE KEY/);
      if (format === 'junit') expect(parseXml(text).attributes['tests']).toBe('5');
    },
  );

  it.each<[string, () => string]>([
    ['no report', () => formatReport(undefined as never)],
    ['an unknown format', () => formatReport(REPORT, 'xml' as never)],
    ['an unknown option', () => formatReport(REPORT, 'text', { colour: true } as never)],
  ])('refuses %s', (_what, format) => {
    expect(format).toThrow(expect.objectContaining({ code: 'MCP_TLS_INVALID_ARGUMENT' }));
  });
});

interface Element {
  readonly name: string;
  readonly attributes: Record<string, string>;
  readonly children: Element[];
  text: string;
}

/** A strict reader of as much XML as the report uses: anything else throws. */
function parseXml(xml: string): Element {
  const ALLOWED = /^[\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u;
  if (!ALLOWED.test(xml)) throw new Error('a character that XML does not allow');
  const prolog = '<?xml version="1.0" encoding="UTF-8"?>\n';
  if (!xml.startsWith(prolog)) throw new Error('no prolog');
  const top: Element = { name: '', attributes: {}, children: [], text: '' };
  const stack = [top];
  const tokens = /<(\/?)([a-z]+)((?: [a-z]+="[^"<]*")*)(\/?)>|([^<]+)/gy;
  tokens.lastIndex = prolog.length;
  while (tokens.lastIndex < xml.length) {
    const at = tokens.lastIndex;
    const match = tokens.exec(xml);
    if (match === null) throw new Error(`not well-formed at ${xml.slice(at, at + 40)}`);
    const [, closing, name = '', attributes = '', empty, text] = match;
    const parent = stack.at(-1) as Element;
    if (text !== undefined) {
      if (text.includes(']]>')) throw new Error(']]> in text');
      parent.text += decode(text);
    } else if (closing) {
      if (stack.pop()?.name !== name) throw new Error(`</${name}> closes another element`);
    } else {
      const element: Element = { name, attributes: {}, children: [], text: '' };
      for (const [, key = '', value = ''] of attributes.matchAll(/ ([a-z]+)="([^"]*)"/g)) {
        if (key in element.attributes) throw new Error(`${key} twice`);
        element.attributes[key] = decode(value);
      }
      parent.children.push(element);
      if (!empty) stack.push(element);
    }
  }
  const [root, ...more] = top.children;
  if (stack.length !== 1 || root === undefined || more.length > 0) throw new Error('no one root');
  return root;
}

function decode(text: string): string {
  const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
  return text.replace(/&(#\d+;|[a-z]+;)?/g, (_whole, entity: string | undefined) => {
    if (entity === undefined) throw new Error('a bare &');
    const name = entity.slice(0, -1);
    if (name.startsWith('#')) return String.fromCharCode(Number(name.slice(1)));
    const character = ENTITIES[name];
    if (character === undefined) throw new Error(`&${entity} is not defined`);
    return character;
  });
}

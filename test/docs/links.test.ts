import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';

/** What the documents name is there: files, headings, scripts. Nothing is fetched. */

const ROOT = join(import.meta.dirname, '../..');
const DOCUMENTS = execFileSync('git', ['ls-files', '*.md'], { cwd: ROOT, encoding: 'utf8' })
  .trim()
  .split('\n');
const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

const MADE: ReadonlySet<string> = new Set(['examples/gateway/data']);

const textOf = (document: string): string => readFileSync(join(ROOT, document), 'utf8');

/** Without fences: what stands in them is code, which other tests compile or run. */
const proseOf = (document: string): string => textOf(document).replace(/^```[\s\S]*?^```/gm, '');

/** As GitHub makes them: lower case, without punctuation, hyphens for spaces. */
function anchorsOf(document: string): readonly string[] {
  const seen = new Map<string, number>();
  return [...proseOf(document).matchAll(/^#+ +(.*)$/gm)].map(([, heading = '']) => {
    const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const slug = plain.replace(/[^\p{L}\p{N}\s_-]/gu, '').replace(/\s/g, '-');
    const before = seen.get(slug) ?? 0;
    seen.set(slug, before + 1);
    return before === 0 ? slug : `${slug}-${before}`;
  });
}

/** Files of the package, by npm's own word: what a reader of the tarball has. */
const PACKED: ReadonlySet<string> = new Set(packedFiles());

function packedFiles(): readonly string[] {
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts'];
  const [packed] = JSON.parse(execFileSync('npm', args, { cwd: ROOT, encoding: 'utf8' }));
  return packed.files.map(({ path }: { path: string }) => path);
}

const isPacked = (target: string): boolean =>
  PACKED.has(target) || [...PACKED].some((file) => file.startsWith(`${target}/`));

function brokenLinks(document: string): string[] {
  const links = [...proseOf(document).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
  return links.filter((link) => {
    if (/^https?:/.test(link)) return false;
    const [path = '', anchor] = link.split('#');
    const target = path === '' ? document : normalize(join(dirname(document), path));
    if (PACKED.has(document) && !isPacked(target.replace(/\/$/, ''))) return true;
    if (!existsSync(join(ROOT, target))) return true;
    return anchor !== undefined && !anchorsOf(target).includes(anchor);
  });
}

/** Paths of this repository in backticks; what a program makes while it runs is not there. */
function missingFiles(document: string): string[] {
  const paths = proseOf(document).matchAll(
    /`((?:src|test|docs|examples|bench|scripts)\/[\w./-]+)`/g,
  );
  return [...paths]
    .map(([, path = '']) => path)
    .filter((path) => !MADE.has(path) && !existsSync(join(ROOT, path)));
}

function missingScripts(document: string): string[] {
  const named = textOf(document).matchAll(/npm run ([\w:-]+)/g);
  return [...named].map(([, name = '']) => name).filter((name) => !(name in scripts));
}

describe.each(DOCUMENTS)('%s', (document) => {
  it('links to files and headings that are there', () => {
    expect(brokenLinks(document)).toEqual([]);
  });

  it('names files and npm scripts that are there', () => {
    expect([...missingFiles(document), ...missingScripts(document)]).toEqual([]);
  });
});

it('the package holds the documents, and the examples as they are in the repository', () => {
  const examples = execFileSync('git', ['ls-files', 'examples'], { cwd: ROOT, encoding: 'utf8' });
  const committed = examples
    .trim()
    .split('\n')
    .filter((file) => !file.endsWith('.gitignore'));
  // Nothing that a gateway wrote while it ran: its data are keys and tokens.
  expect([...PACKED].filter((file) => file.startsWith('examples/')).sort()).toEqual(
    committed.sort(),
  );
  expect(PACKED).toContain('docs/migration/README.md');
});

it('a heading is found by its anchor, and a wrong one is not', () => {
  expect(anchorsOf('README.md')).toContain('install');
  expect(anchorsOf('README.md')).not.toContain('instal');
});

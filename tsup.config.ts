import { readFileSync } from 'node:fs';
import { defineConfig, type Options } from 'tsup';

const ENTRIES = {
  index: 'src/index.ts',
  core: 'src/core.ts',
  redis: 'src/redis/index.ts',
  store: 'src/store/index.ts',
  testing: 'src/testing/index.ts',
  v2: 'src/v2.ts',
};

/**
 * What the entries export, each by itself: then esbuild puts what they share into files of their own, and
 * who bundles `isSelfSignedPem` takes none of the files that import the MCP SDK (whose package does not
 * declare itself free of side effects). Not exported by package.json.
 */
function parts(): Record<string, string> {
  const text = ['src/index.ts', 'src/core.ts', 'src/v2.ts']
    .map((file) => readFileSync(file, 'utf8'))
    .join('');
  const found = text.matchAll(/^export \{[^}]*\} from '\.\/([^']+)\.js'/gm);
  return Object.fromEntries(
    [...found].map(([, path = '']) => [`parts/${path.replaceAll('/', '-')}`, `src/${path}.ts`]),
  );
}

const COMMON: Options = {
  target: 'node20',
  platform: 'node',
  clean: true,
  // tsup strips the `node:` prefix by default; it is what tells a built-in from a package.
  removeNodeProtocol: false,
};

export default defineConfig([
  { ...COMMON, entry: { ...ENTRIES, ...parts() }, format: 'esm', dts: false },
  { ...COMMON, entry: ENTRIES, format: 'cjs', dts: false, clean: false },
  { ...COMMON, entry: ENTRIES, format: ['esm', 'cjs'], dts: { only: true }, clean: false },
]);

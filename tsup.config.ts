import { readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { defineConfig, type Options } from 'tsup';

const ENTRIES = {
  index: 'src/index.ts',
  core: 'src/core.ts',
  redis: 'src/redis/index.ts',
  store: 'src/store/index.ts',
  testing: 'src/testing/index.ts',
  v2: 'src/v2.ts',
};

/** The command `mcp-tls`. Nothing imports it, so it is no entry of the package. */
const PROGRAMS = { cli: 'src/cli/main.ts' };

/** For `node --import`, which loads ES modules: it has no CommonJS build. */
const HOOKS = { register: 'src/register.ts' };

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

/**
 * Packages that cannot be required, and what else goes with them. The CommonJS build has its own copy of each
 * in a file beside it, so that it holds no `import()`: that fails in Jest's and other contexts of `node:vm`.
 */
const ESM_ONLY = {
  pkijs: ['pkijs', '@noble/hashes', '@peculiar/utils', 'bytestreamjs'],
  asn1js: ['asn1js', '@peculiar/utils'],
} as const;

type Plugin = NonNullable<Options['esbuildPlugins']>[number];

/** Takes the copies in place of `packages`. One copy each: pkijs knows asn1js's objects by their class. */
function fromCopies(packages: readonly string[]): Plugin {
  const filter = new RegExp(`^(${packages.join('|')})$`);
  return {
    name: 'from-copies',
    setup: (build) => {
      build.onResolve({ filter }, ({ path }) => ({ path: `./${path}.cjs`, external: true }));
    },
  };
}

/**
 * What is taken from an SDK, by the folder that it is in. Whoever imports `mcp-tls` without that SDK, which is an
 * optional peer, gets an error of the module loader or bundler: no code of ours has run by then. All of them name
 * the file that wanted the package, so its path is our sentence.
 */
const FROM_SDK = {
  'sdk-v1': 'without-mcp-sdk-v1-import/mcp-tls/v2/or/mcp-tls/core',
  'sdk-v2': 'without-mcp-sdk-v2-import/mcp-tls/or/mcp-tls/core',
} as const;

const FROM_SDK_ENTRIES = {
  [`${FROM_SDK['sdk-v1']}/sse`]: 'src/sdk-v1/from-sdk/sse.ts',
  [`${FROM_SDK['sdk-v1']}/streamable-http`]: 'src/sdk-v1/from-sdk/streamable-http.ts',
  [`${FROM_SDK['sdk-v2']}/client`]: 'src/sdk-v2/from-sdk/client.ts',
};

/** Takes those files for what is in `from-sdk`. */
function fromSdk(extension: 'js' | 'cjs'): Plugin {
  return {
    name: 'from-sdk',
    setup: (build) => {
      build.onResolve({ filter: /^\.\/from-sdk\// }, ({ path, importer }) => {
        const folder = importer.includes('sdk-v1') ? FROM_SDK['sdk-v1'] : FROM_SDK['sdk-v2'];
        const name = basename(path, '.js');
        // What shares code is in the root of dist, and so is each entry that is packed.
        return { path: `./${folder}/${name}.${extension}`, external: true, sideEffects: false };
      });
    },
  };
}

/** Writes `import('x')` as a `require` that is made when it is needed. */
const withoutDynamicImport: NonNullable<Options['esbuildOptions']> = (options) => {
  options.supported = { ...options.supported, 'dynamic-import': false };
};

/** The licences of what is copied ask to be given along. */
async function copyLicences(): Promise<void> {
  const names = [...new Set(Object.values(ESM_ONLY).flat())];
  const texts = names.map(
    (name) => `${name}\n\n${readFileSync(`node_modules/${name}/LICENSE`, 'utf8').trim()}\n`,
  );
  writeFileSync('dist/THIRD-PARTY-LICENSES.txt', texts.join(`\n${'-'.repeat(80)}\n\n`));
}

const COMMON: Options = {
  target: 'node20',
  platform: 'node',
  clean: true,
  // tsup strips the `node:` prefix by default; it is what tells a built-in from a package.
  removeNodeProtocol: false,
};

const DECLARATIONS: readonly Options[] = [
  { ...COMMON, entry: ENTRIES, format: ['esm', 'cjs'], dts: { only: true }, clean: false },
  { ...COMMON, entry: HOOKS, format: 'esm', dts: { only: true }, clean: false },
];

export default defineConfig(({ dts }) => [
  {
    ...COMMON,
    entry: { ...ENTRIES, ...PROGRAMS, ...HOOKS, ...parts() },
    format: 'esm',
    dts: false,
    esbuildPlugins: [fromSdk('js')],
  },
  { ...COMMON, entry: FROM_SDK_ENTRIES, format: ['esm', 'cjs'], dts: false, clean: false },
  {
    ...COMMON,
    entry: ENTRIES,
    format: 'cjs',
    dts: false,
    clean: false,
    // Ours to resolve, and not tsup's.
    noExternal: Object.keys(ESM_ONLY),
    esbuildPlugins: [fromCopies(Object.keys(ESM_ONLY)), fromSdk('cjs')],
    esbuildOptions: withoutDynamicImport,
  },
  ...Object.entries(ESM_ONLY).map(
    ([name, inside]): Options => ({
      ...COMMON,
      entry: { [name]: `node_modules/${name}/build/index.js` },
      format: 'cjs',
      dts: false,
      clean: false,
      noExternal: [...inside, 'asn1js'],
      esbuildPlugins: [fromCopies(Object.keys(ESM_ONLY).filter((other) => other !== name))],
      onSuccess: copyLicences,
    }),
  ),
  // With `--no-dts` they would write code in place of declarations, over that of the builds above.
  ...(dts === false ? [] : DECLARATIONS),
]);

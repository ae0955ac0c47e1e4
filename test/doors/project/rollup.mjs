// node rollup.mjs cjs|esm
import commonjs from '@rollup/plugin-commonjs';
import json from '@rollup/plugin-json';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import { rollup } from 'rollup';

const [format] = process.argv.slice(2);
const bundle = await rollup({
  input: 'entry.mjs',
  plugins: [
    nodeResolve({ preferBuiltins: true, exportConditions: ['node'] }),
    // undici asks for it only where it is used, and Node.js 20 has none.
    commonjs({ ignore: ['node:sqlite'] }),
    json(),
  ],
  onwarn: () => {},
});
await bundle.write({
  dir: `rollup-${format}`,
  format: format === 'esm' ? 'es' : 'cjs',
  entryFileNames: `main.${format === 'esm' ? 'mjs' : 'cjs'}`,
  chunkFileNames: `[name]-[hash].${format === 'esm' ? 'mjs' : 'cjs'}`,
});

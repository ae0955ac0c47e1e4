// node webpack.mjs cjs|esm
import { fileURLToPath } from 'node:url';
import webpack from 'webpack';

const [format] = process.argv.slice(2);
const esm = format === 'esm';
webpack(
  {
    mode: 'production',
    target: 'node20',
    entry: `./entry.${esm ? 'mjs' : 'cjs'}`,
    output: {
      path: fileURLToPath(new URL(`./webpack-${format}`, import.meta.url)),
      filename: `main.${esm ? 'mjs' : 'cjs'}`,
      ...(esm && { module: true, library: { type: 'module' } }),
    },
    ...(esm && { experiments: { outputModule: true } }),
  },
  (error, stats) => {
    if (error !== null || stats.hasErrors()) {
      console.error(error ?? stats.toString({ errors: true, all: false }));
      process.exitCode = 1;
    }
  },
);

import { dirname } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build, type Metafile } from 'esbuild';

/** What a bundle has at load. */
export interface BundleSize {
  readonly bytes: number;
  readonly gzipped: number;
  /** Paths of the files that something was taken from. */
  readonly inputs: readonly string[];
}

/**
 * Bundles `names` of the module at `file` as an application would, by esbuild, minified.
 *
 * @param dependencies whether those are bundled too. What is loaded on demand is not counted.
 */
export async function bundleSize(
  file: string,
  names: readonly string[],
  dependencies: boolean,
): Promise<BundleSize> {
  const { outputFiles, metafile } = await build({
    stdin: {
      contents: `export { ${names.join(', ')} } from ${JSON.stringify(file)};`,
      resolveDir: dirname(file),
      sourcefile: 'application.mjs',
    },
    bundle: true,
    minify: true,
    // What is imported by import() gets files of its own.
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    outdir: 'out',
    write: false,
    metafile: true,
    logLevel: 'silent',
    ...(dependencies ? {} : { packages: 'external' as const }),
  });
  const paths = loadedAtOnce(metafile);
  const loaded = outputFiles.filter(({ path }) => paths.some((one) => path.endsWith(`/${one}`)));
  const bytes = Buffer.concat(loaded.map(({ contents }) => contents));
  const inputs = paths.flatMap((path) =>
    Object.entries(metafile.outputs[path]?.inputs ?? {})
      .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
      .map(([input]) => input),
  );
  return { bytes: bytes.length, gzipped: gzipSync(bytes).length, inputs };
}

/** The entry, and what it imports otherwise than by import(). */
function loadedAtOnce({ outputs }: Metafile): readonly string[] {
  const entry = Object.keys(outputs).find((path) => outputs[path]?.entryPoint !== undefined);
  const found = new Set<string>();
  const visit = (path: string): void => {
    if (found.has(path) || outputs[path] === undefined) return;
    found.add(path);
    for (const { path: next, kind } of outputs[path].imports) {
      if (kind === 'import-statement') visit(next);
    }
  };
  visit(entry ?? '');
  return [...found];
}

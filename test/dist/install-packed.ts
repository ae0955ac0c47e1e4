import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { npmInstall, pack } from '../support/packed.js';

const ROOT = join(import.meta.dirname, '../..');

declare module 'vitest' {
  interface ProvidedContext {
    /** Paths of the files in the tarball. */
    packedFiles: string[];
    /** Path of the tarball, for projects with an installation of their own. */
    tarball: string;
    /** A project with the tarball and both peers' types: what most consumers have. */
    withSdk: string;
    /** A project with the tarball and the SDK v2, and no other. */
    withSdkV2: string;
    /** A project with the tarball alone. */
    withoutSdk: string;
  }
}

/** Packs the package as npm would publish it, and installs it into projects elsewhere. */
export async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'mcp-tls-dist-'));
  const { tarball, files } = await pack(folder);
  provide('packedFiles', files);
  provide('tarball', tarball);
  const { devDependencies } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
  const versions = (name: string) => `${name}@${devDependencies[name]}`;
  const types = versions('@types/node');
  const sdk = versions('@modelcontextprotocol/sdk');
  const sdkV2 = versions('@modelcontextprotocol/client');
  provide('withSdk', await install(join(folder, 'with-sdk'), [tarball, types, sdk, sdkV2]));
  provide('withSdkV2', await install(join(folder, 'with-sdk-v2'), [tarball, types, sdkV2]));
  provide('withoutSdk', await install(join(folder, 'without-sdk'), [tarball, types]));
  return () => rm(folder, { recursive: true, force: true });
}

async function install(folder: string, packages: readonly string[]): Promise<string> {
  await mkdir(folder);
  await writeFile(join(folder, 'package.json'), '{ "private": true }\n');
  await npmInstall(folder, packages);
  await cp(join(import.meta.dirname, 'consumer'), folder, { recursive: true });
  return folder;
}

import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeCustomClientFactory, parseTrust, TlsConfigError } from '../../../src/index.js';
import { type HeldCertificate, heldCertificate } from '../../../src/testing/index.js';

/** Which files a configuration can name: those that really are below `base`, and no other. */

let outer: string;
let base: string;
let held: HeldCertificate;

beforeAll(async () => {
  held = await heldCertificate({ isCa: true });
  outer = mkdtempSync(join(tmpdir(), 'mcp-tls-base-'));
  base = join(outer, 'base');
  for (const folder of ['base', 'base/sub', 'base-2', 'elsewhere']) {
    mkdirSync(join(outer, folder));
    writeFileSync(join(outer, folder, 'ca.pem'), held.pem);
  }
  writeFileSync(join(outer, 'ca.pem'), held.pem);
  writeFileSync(join(base, '..odd.pem'), held.pem);
  symlinkSync('../elsewhere/ca.pem', join(base, 'file-link.pem'));
  symlinkSync('../elsewhere', join(base, 'folder-link'));
  symlinkSync('file-link.pem', join(base, 'link-to-link.pem'));
  symlinkSync('sub/ca.pem', join(base, 'inner-link.pem'));
  symlinkSync('base', join(outer, 'base-link'));
});
afterAll(() => rmSync(outer, { recursive: true }));

function refusal(path: string, field = 'caFile'): TlsConfigError {
  try {
    parseTrust({ [field]: path }, { base, name: 'servers.weather.tls' });
  } catch (error) {
    if (error instanceof TlsConfigError) return error;
    throw error;
  }
  throw new Error(`accepted: ${path}`);
}

describe('parseTrust with a base', () => {
  it.each([
    ['a parent folder', '../ca.pem'],
    ['a sibling whose name begins like the base', '../base-2/ca.pem'],
    ['a parent folder by way of a folder inside', 'sub/../../ca.pem'],
    ['a symlink to a file outside', 'file-link.pem'],
    ['a symlink to such a symlink', 'link-to-link.pem'],
    ['a symlink to a folder outside', 'folder-link/ca.pem'],
    ['the base itself', '.'],
  ])('refuses %s by an error that names the field', (_, path) => {
    const error = refusal(path);
    expect(error.code).toBe('MCP_TLS_INVALID_ARGUMENT');
    expect(error.message).toMatch(/^servers\.weather\.tls\.caFile must be .*below .*base/);
    expect(error.message).not.toContain(outer);
    expect(error.message).not.toContain('ca.pem');
  });

  it('refuses absolute paths, also of files below the base', () => {
    for (const path of [join(outer, 'ca.pem'), join(base, 'ca.pem'), '/dev/zero']) {
      expect(refusal(path).message).toMatch(/^servers\.weather\.tls\.caFile must be a relative/);
    }
  });

  it('refuses a file outside alike, whether it is there or not: nobody learns which files there are', () => {
    for (const [there, missing] of [
      ['../ca.pem', '../missing.pem'],
      ['/etc/passwd', '/etc/missing'],
      ['folder-link/ca.pem', 'folder-link/missing.pem'],
      ['folder-link/ca.pem', 'folder-link/missing/ca.pem'],
    ] as const) {
      expect(refusal(missing).message).toBe(refusal(there).message);
    }
  });

  it('holds for every field that names a file', () => {
    expect(refusal('../ca.pem', 'crlFile').message).toMatch(/^servers\.weather\.tls\.crlFile must/);
    for (const field of ['certFile', 'keyFile']) {
      const clientCertificate = { certFile: 'ca.pem', keyFile: 'ca.pem', [field]: '../ca.pem' };
      expect(() => parseTrust({ roots: 'default', clientCertificate }, { base })).toThrow(
        `tls.clientCertificate.${field} must be`,
      );
    }
  });

  it('reads what really is below the real base: symlinks inside of it, and a base that is one', () => {
    for (const path of ['ca.pem', './sub/ca.pem', 'sub/../ca.pem', 'inner-link.pem', '..odd.pem']) {
      for (const folder of [base, join(outer, 'base-link'), `${base}/`]) {
        expect(parseTrust({ caFile: path }, { base: folder })).toEqual({ ca: held.pem });
      }
    }
  });

  it('reads the mounted secrets of Kubernetes, before and after a rotation', async () => {
    const mount = join(outer, 'secret');
    const rotated = await heldCertificate({ isCa: true });
    mkdirSync(mount);
    for (const [version, { pem: certificatePem }] of [
      ['..2026_11_25', held],
      ['..2026_11_26', rotated],
    ] as const) {
      mkdirSync(join(mount, version));
      writeFileSync(join(mount, version, 'ca.crt'), certificatePem);
    }
    symlinkSync('..2026_11_25', join(mount, '..data'));
    symlinkSync('..data/ca.crt', join(mount, 'ca.crt'));
    const read = () => parseTrust({ caFile: 'ca.crt' }, { base: mount });
    expect(read()).toEqual({ ca: held.pem });
    symlinkSync('..2026_11_26', join(mount, '..data_tmp'));
    renameSync(join(mount, '..data_tmp'), join(mount, '..data'));
    expect(read()).toEqual({ ca: rotated.pem });
    void makeCustomClientFactory(read()).close();
  });

  it('reports a base that is not there as that, and reads files elsewhere for nobody', () => {
    expect(() => parseTrust({ caFile: 'ca.pem' }, { base: join(outer, 'missing') })).toThrow(
      /^tls\.caFile: the folder of the option base cannot be read \(ENOENT\)/,
    );
    // The host's own way to a file elsewhere.
    const ca = readFileSync(join(outer, 'elsewhere', 'ca.pem'), 'utf8');
    expect(parseTrust({ ca })).toEqual({ ca });
  });
});

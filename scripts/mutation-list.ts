/** One guard, and what disables it. */
export interface Mutation {
  readonly id: string;
  /** What the guard is for. */
  readonly guards: string;
  readonly file: string;
  /** Stands exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  /** Arguments of vitest: the fewest tests that hold the guard. */
  readonly tests: readonly string[];
}

const decide = ['--project=unit', 'test/unit/trust/decide.test.ts'];
const matrix = ['--project=trust', 'test/trust/policy-matrix.test.ts'];
const shapes = ['--project=integration', 'test/integration/certificate-shapes.test.ts'];
const client = ['--project=integration', 'test/integration/custom-client.test.ts'];
const registry = ['--project=integration', 'test/integration/registry.test.ts'];
const directory = ['--project=unit', 'test/unit/store/directory-backend.test.ts'];

/** Every guard that `npm run test:mutations` disables. */
export const MUTATIONS: readonly Mutation[] = [
  {
    id: 'chain-bound',
    guards: 'a chain is looked at whole or refused',
    file: 'src/connect/presented-chain.ts',
    find: 'const MAX_CHAIN = 32;',
    replace: 'const MAX_CHAIN = 3;',
    tests: matrix,
  },
  {
    id: 'address-port',
    guards: 'an address that is allowed for one port is not allowed for another',
    file: 'src/registry/address-guard.ts',
    find: '{ host, port })) !== true) return false;',
    replace: '{ host, port })) === true) return true;',
    tests: registry,
  },
  {
    id: 'lock-held',
    guards: 'a writer that lost its lock writes nothing',
    file: 'src/store/directory-backend.ts',
    find: 'if (lock !== undefined && !(await lock.isHeld()))',
    replace: 'if (false)',
    tests: directory,
  },
  {
    id: 'redirect-credentials',
    guards: 'a redirect with credentials is refused',
    file: 'src/client/redirect.ts',
    find: "if (target.username !== '' || target.password !== '')",
    replace: 'if (false)',
    tests: client,
  },
  {
    id: 'encodings-bound',
    guards: 'an answer that was encoded over and over stays as it is',
    file: 'src/client/content-encoding.ts',
    find: 'const MAX_ENCODINGS = 5;',
    replace: 'const MAX_ENCODINGS = 5000;',
    tests: client,
  },
  {
    id: 'pin-mismatch',
    guards: 'one of the pins must match',
    file: 'src/trust/decide.ts',
    find: 'if (pinned && !policy.pins.some((pin) => matchesPin(leaf, pin)))',
    replace: 'if (false)',
    tests: decide,
  },
  {
    id: 'own-rule',
    guards: "a server's own certificate vouches for nobody else",
    file: 'src/trust/decide.ts',
    find: 'if (signedByOwnCertificate(chain, policy))',
    replace: 'if (false)',
    tests: matrix,
  },
  {
    id: 'leaf-not-before',
    guards: 'the leaf must be valid already',
    file: 'src/trust/decide.ts',
    find: 'if (now.getTime() < Date.parse(leaf.validFrom))',
    replace: 'if (false)',
    tests: decide,
  },
  {
    id: 'redirect-origin',
    guards: 'a redirect out of the origin is refused',
    file: 'src/client/redirect.ts',
    find: 'if (target.origin !== from.origin)',
    replace: 'if (false)',
    tests: client,
  },
  {
    id: 'security-level',
    guards: 'keys and hashes of less than 112 bits are refused on every Node.js line',
    file: 'src/connect/secure-context.ts',
    find: '@SECLEVEL=2` }',
    replace: '@SECLEVEL=1` }',
    tests: shapes,
  },
];

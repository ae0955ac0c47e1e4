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

const decide = ['--project=unit', 'test/unit/trust/decide'];
const policy = ['--project=unit', 'test/unit/trust/check-trust-policy.test.ts'];
const matrix = ['--project=trust', 'test/trust/policy-matrix.test.ts'];
const shapes = ['--project=integration', 'test/integration/certificate-shapes.test.ts'];
const route = ['--project=integration', 'test/integration/route.test.ts'];
const registry = [
  '--project=integration',
  'test/integration/registry.test.ts',
  'test/integration/registry-trust-changes.test.ts',
  'test/integration/registry-checks.test.ts',
];
const openStreams = ['--project=integration', 'test/integration/registry-open-streams.test.ts'];
const heldFlows = ['--project=store', 'test/store/held-flows.test.ts'];
const options = ['--project=unit', 'test/unit/options.test.ts'];
const soleAnswer = ['--project=unit', 'test/unit/transports/sole-answer.test.ts'];
const transports = ['--project=integration', 'test/integration/transports.test.ts'];
const hidden = [
  '--project=one-judge',
  'test/one-judge/hidden-issuer.test.ts',
  // Of many policies these two say enough, and take less time.
  '--testNamePattern=own certificates of two servers|genuine server',
];
const hiddenByRoots = [
  ...hidden.slice(0, 2),
  '--testNamePattern=certificate and the default roots',
];
const weak = ['--project=one-judge', 'test/one-judge/weak-and-ended.test.ts'];
const unapproved = ['--project=one-judge', 'test/one-judge/unapproved.test.ts'];
const guards = ['--project=one-judge', 'test/one-judge/guards'];
const answers = ['--project=integration', 'test/integration/custom-client-answers.test.ts'];
const sources = ['--project=integration', 'test/integration/sources'];
const recordSources = ['--project=integration', 'test/integration/record-sources'];

type Entry = readonly [
  id: string,
  guards: string,
  find: string,
  replace: string,
  tests: readonly string[],
];

function inFile(file: string, entries: readonly Entry[]): readonly Mutation[] {
  return entries.map(([id, text, find, replace, tests]) => ({
    ...{ id, file, find, replace, tests },
    guards: text,
  }));
}

/** Every guard that `npm run test:mutations` disables. */
export const MUTATIONS: readonly Mutation[] = [
  ...inFile('src/options.ts', [
    [
      'options-unknown',
      'a field that is not known is refused',
      'if (!Object.hasOwn(fields, name)) {',
      'if (false) {',
      options,
    ],
    [
      'options-undefined',
      'an option that is undefined is refused where trust is meant',
      "else if (kind.whenUndefined !== 'absent') refuseUndefined(",
      "else if (kind.whenUndefined === 'missing') refuseUndefined(",
      options,
    ],
    [
      'options-inherited',
      'a field that a prototype holds is read, and not dropped',
      'const isThere = name in input;\n    const value = input[name];',
      'const isThere = Object.hasOwn(input, name);\n    const value = isThere ? input[name] : undefined;',
      options,
    ],
    [
      'options-object',
      'a Map or a promise is not taken for an options object',
      "return Object.prototype.toString.call(input) === '[object Object]';",
      "return typeof input === 'object' && input !== null;",
      options,
    ],
  ]),
  ...inFile('src/transports/server-link.ts', [
    [
      'link-trust',
      'a transport without trust and without a factory is refused',
      'if (trust === undefined) {\n    invalidArgument(',
      'if (trust === undefined) trust = null;\n  if (false) {\n    invalidArgument(',
      transports,
    ],
  ]),
  ...inFile('src/trust/leaf-facts.ts', [
    [
      'leaf-facts-bytes',
      'what is remembered of one certificate is not said of another',
      'return leaf.raw.equals(this.#raw);',
      'return true;',
      decide,
    ],
  ]),
  ...inFile('src/transports/sole-answer.ts', [
    [
      'sole-answer-more',
      'what follows an answer is read',
      '(hasFailed || answer.bytes === waiting)',
      'true',
      soleAnswer,
    ],
  ]),
  ...inFile('src/trust/decide.ts', [
    [
      'decide-no-certificate',
      'no certificate to look at is never trusted',
      "if (leaf === undefined) return refuse('MCP_TLS_CHAIN_REFUSED', 'no certificate could be read');\n  if (policy.identity === 'unchecked') return { trusted: true, by: 'nothing' };",
      "if (leaf === undefined || policy.identity === 'unchecked') return { trusted: true, by: 'nothing' };",
      decide,
    ],
    [
      'decide-whole',
      'a chain that was not looked at whole is refused',
      'if (!isWhole)',
      'if (false)',
      hidden,
    ],
    [
      'decide-pin',
      'one of the pins must match',
      'if (pinned && !policy.pins.some((pin) => matchesPin(leaf, pin)))',
      'if (false)',
      decide,
    ],
    [
      'decide-start',
      'the leaf must be valid already',
      'if (!(now >= notBefore))',
      'if (false)',
      guards,
    ],
    [
      'decide-start-unreadable',
      'a start that cannot be read is none',
      '!(now >= notBefore)',
      'now < notBefore',
      guards,
    ],
    [
      'decide-end',
      'the leaf must not have ended',
      'if (hasEnded && (!policy.allowExpired || Number.isNaN(notAfter.getTime())))',
      'if (false)',
      guards,
    ],
    [
      'decide-end-unreadable',
      'an end that cannot be read has passed',
      '!(now <= notAfter)',
      'now > notAfter',
      guards,
    ],
    [
      'decide-end-excused',
      'an end that cannot be read is not excused',
      ' || Number.isNaN(notAfter.getTime())',
      '',
      guards,
    ],
    [
      'decide-unfit',
      'a pinned or own leaf must be fit for a TLS server',
      'if (unfit !== undefined)',
      'if (false)',
      weak,
    ],
    [
      'decide-own-name',
      'an own certificate must carry the name',
      "if (policy.identity === 'pin') return { trusted: true, by: 'pin' };\n    if (!carriesIdentity(leaf, identity)) return refuse('MCP_TLS_NAME_MISMATCH', undefined);",
      "if (policy.identity === 'pin') return { trusted: true, by: 'pin' };",
      guards,
    ],
    [
      'decide-own-bytes',
      'an own certificate is compared by its bytes',
      'policy.ownCertificates.some((own) => leaf.raw.equals(own))',
      'policy.ownCertificates.length > 0',
      matrix,
    ],
    [
      'decide-chain-error',
      "OpenSSL's objection refuses",
      'if (chainError !== null && !excused)',
      'if (false)',
      decide,
    ],
    [
      'decide-chain-unasked',
      'that OpenSSL was not asked is no acceptance',
      'if (chainError !== null && !excused)',
      'if (chainError != null && !excused)',
      guards,
    ],
    [
      'decide-excused-leaf',
      'an expired chain is excused only where the leaf itself has ended',
      "const excused = hasEnded && chainError === 'CERT_HAS_EXPIRED';",
      "const excused = policy.allowExpired && chainError === 'CERT_HAS_EXPIRED';",
      guards,
    ],
    [
      'decide-excused-path',
      'an ended leaf must still lead to the authority',
      'if (excused && !leadsToAuthority(chain, policy.authorities, now))',
      'if (false)',
      weak,
    ],
    [
      'decide-chain-name',
      'a certificate below an authority must carry the name',
      "  if (!carriesIdentity(leaf, identity)) return refuse('MCP_TLS_NAME_MISMATCH', undefined);\n  return { trusted: true, by: pinned ? 'chain and pin' : 'chain' };",
      "  return { trusted: true, by: pinned ? 'chain and pin' : 'chain' };",
      matrix,
    ],
  ]),
  ...inFile('src/trust/leaf-fitness.ts', [
    [
      'fit-key',
      'a weak key is refused under a pin, too',
      'if (hasWeakKey(leaf))',
      'if (false)',
      weak,
    ],
    [
      'fit-modulus',
      'RSA below 2048 bits is weak',
      'LEAST_MODULUS_BITS = 2048',
      'LEAST_MODULUS_BITS = 1024',
      weak,
    ],
    [
      'fit-purpose',
      'extended key usage must allow a server',
      'if (oid === EXTENDED_KEY_USAGE) return listsServerAuth(value);',
      '',
      guards,
    ],
    [
      'fit-key-usage',
      'key usage must allow TLS',
      'if (oid === KEY_USAGE) return hasBit(value, AUTHENTICATING);',
      '',
      guards,
    ],
    [
      'fit-critical',
      'a critical extension that nobody knows refuses',
      'critical && !UNDERSTOOD.has(oid)',
      'false && critical && UNDERSTOOD.has(oid)',
      guards,
    ],
  ]),
  ...inFile('src/trust/verify-path.ts', [
    [
      'path-signature',
      'each signature up to the authority is verified',
      'return certificate.verify(issuer.publicKey);',
      'return true;',
      weak,
    ],
    [
      'path-digest',
      'no SHA-1 on the way',
      'if (!hasStrongSignature(certificate))',
      'if (false)',
      guards,
    ],
    ['path-validity', 'nothing above the leaf may have ended', 'if (!isValid || ', 'if (', weak],
    ['path-ca', 'only an authority may issue', '!certificate.ca || ', '', guards],
    [
      'path-length',
      'the path length of an authority holds',
      'limit === undefined || intermediates <= limit',
      'true',
      guards,
    ],
    [
      'path-names',
      'an authority with name constraints is passed over',
      'if (extensions.some(({ oid }) => oid === NAME_CONSTRAINTS))',
      'if (false)',
      guards,
    ],
    ['path-leaf', 'the leaf must be fit', '|| unfitness(leaf) !== undefined', '', weak],
  ]),
  ...inFile('src/trust/check-trust-policy.ts', [
    [
      'policy-own',
      'a certificate with server names is no authority by itself',
      'isAuthority: authority ?? !carriesServerName(certificate)',
      'isAuthority: authority ?? true',
      hidden,
    ],
    [
      'policy-denied',
      'authority: false makes all certificates own ones',
      'isAuthority: authority ?? !carriesServerName(certificate)',
      'isAuthority: !carriesServerName(certificate)',
      guards,
    ],
    [
      'policy-crl-own',
      'a revocation list beside an own certificate is refused',
      'if (crl !== undefined && anchors.some(({ isAuthority }) => !isAuthority))',
      'if (false)',
      policy,
    ],
  ]),
  ...inFile('src/trust/policy-combination.ts', [
    [
      'policy-shape',
      'a policy that says nothing of whom to trust is refused',
      'if (ca === undefined && !hasRoots)',
      'if (false)',
      policy,
    ],
    [
      'policy-expired-crl',
      'allowExpired and crl cannot be combined',
      'if (allowExpired === true && crl !== undefined)',
      'if (false)',
      guards,
    ],
    [
      'policy-expired-pins',
      'allowExpired needs pins',
      '(ca === undefined || pins === undefined)',
      'ca === undefined',
      policy,
    ],
    [
      'policy-pin-shape',
      "identity 'pin' cannot be combined with ca, roots or crl",
      'if (ca !== undefined || roots !== undefined || crl !== undefined || authority !== undefined)',
      'if (false)',
      policy,
    ],
  ]),
  ...inFile('src/store/record/parse-stored-certificate.ts', [
    [
      'record-names-file',
      'a record of JSON names no file',
      'if (!mayNameFiles && trust.files.length > 0 && !wasApproved(value as StoredCertificate))',
      'if (false)',
      recordSources,
    ],
  ]),
  ...inFile('src/registry/connect/generation.ts', [
    [
      'generation-files',
      'a file that a record names no longer is not followed',
      'if (trust.named.files.length > 0 || this.trust.named.files.length > 0) return false;',
      '',
      recordSources,
    ],
  ]),
  ...inFile('src/trust/covers.ts', [
    [
      'covers-pins',
      'connections end where a pin was taken away',
      'before.length > 0 && before.every(',
      'true || before.every(',
      guards,
    ],
    [
      'covers-roots',
      'connections end where the roots were taken away',
      '(after.defaultRoots || !before.defaultRoots)',
      'true',
      guards,
    ],
    [
      'covers-own',
      'connections end where a certificate was taken away',
      'return (\n    own &&',
      'return (',
      guards,
    ],
  ]),
  ...inFile('src/connect/presented-chain.ts', [
    [
      'chain-bound',
      'a chain that was cut off is no whole one',
      'isWhole: certificate === undefined',
      'isWhole: true',
      hidden,
    ],
  ]),
  ...inFile('src/connect/secure-context.ts', [
    [
      'context-own',
      'own certificates are not given to OpenSSL',
      'const { authorities, clientCertificate, crl,',
      'const { anchors: authorities, clientCertificate, crl,',
      hiddenByRoots,
    ],
    [
      'context-level',
      'keys and hashes below 112 bits are refused on every Node.js line',
      '@SECLEVEL=2',
      '@SECLEVEL=1',
      guards,
    ],
    [
      'context-version',
      "the oldest version is the policy's",
      'minVersion: policy.minVersion',
      "minVersion: 'TLSv1.2'",
      shapes,
    ],
  ]),
  ...inFile('src/connect/shared-context.ts', [
    ['shared-crl', 'contexts with other revocation lists are not shared', '...crl,', '', guards],
    [
      'shared-client',
      'a context with a private key is not shared',
      'if (policy.clientCertificate !== undefined) {',
      'if (false) {',
      ['--project=unit', 'test/unit/connect/shared-context.test.ts'],
    ],
  ]),
  ...inFile('src/connect/handshake.ts', [
    [
      'handshake-verdict',
      "OpenSSL's verdict is read, and not assumed",
      'if (socket.authorized) return null;',
      'return null;',
      shapes,
    ],
  ]),
  ...inFile('src/connect/verified.ts', [
    [
      'verified-verdict',
      'a socket is given out only where decide trusts',
      'if (!verdict.trusted || shaken.socket === undefined)',
      'if (shaken.socket === undefined)',
      matrix,
    ],
  ]),
  ...inFile('src/connect/look.ts', [
    [
      'look-lenient',
      'a lenient handshake is never trusted',
      "    refusal,\n    clientRefusal: undefined,\n    isTrusted: false,\n    ending: 'lenient',",
      "    refusal: undefined,\n    clientRefusal: undefined,\n    isTrusted: true,\n    ending: 'complete',",
      guards,
    ],
    [
      'look-refusal',
      'a probe refuses what decide refuses',
      'const refusal = isTrusted',
      'const refusal = isTrusted || true',
      unapproved,
    ],
  ]),
  ...inFile('src/connect/suggestion-for.ts', [
    [
      'fetch-suggestion-lenient',
      'nothing is suggested where no client can shake hands',
      "if (ending === 'lenient' || (ending === 'failed' && clientRefusal === undefined))",
      'if (false)',
      weak,
    ],
  ]),
  ...inFile('src/connect/fetch-peer-certificate.ts', [
    [
      'fetch-fingerprint',
      'expectFingerprint must be met',
      'if (!pinMatches(expected, peer.description))',
      'if (false)',
      guards,
    ],
    [
      'fetch-finished',
      'the pin of a key needs a finished handshake',
      "if (expected.of === 'key' && look.ending !== 'complete')",
      'if (false)',
      ['--project=integration', 'test/integration/fetch-peer-certificate.test.ts'],
    ],
  ]),
  ...inFile('src/certificate/openssl-errors.ts', [
    [
      'openssl-queue',
      "no error of OpenSSL's is left to another connection",
      'certificate.checkIssued(certificate);',
      '',
      ['--project=integration', 'test/integration/openssl-errors.test.ts'],
    ],
  ]),
  ...inFile('src/trust/suggest-policy.ts', [
    [
      'suggest-decide',
      'a suggestion was tried by decide',
      'return decide(policy, presentation, readReferenceIdentity(value), now).trusted;',
      'return decide(policy, presentation, readReferenceIdentity(value), now) !== undefined;',
      weak,
    ],
  ]),
  ...inFile('src/connect/reach.ts', [
    [
      'address-true',
      'only true allows an address',
      'verdicts[i] === true',
      'verdicts[i] !== false',
      guards,
    ],
    [
      'address-literal',
      'a host that is an address is asked about',
      'if (allowAddress !== undefined && isIP(host) !== 0)',
      'if (false)',
      guards,
    ],
    [
      'address-canonical',
      'an address is asked about in its canonical form',
      'allow(canonicalAddress(address) ?? address, target)',
      'allow(address, target)',
      guards,
    ],
  ]),
  ...inFile('src/connect/resolve.ts', [
    [
      'lookup-empty',
      'a look-up that gives no address is an error',
      'if (addresses.length > 0) return addresses;',
      'return addresses;',
      ['--project=unit', 'test/unit/connect/resolve.test.ts'],
    ],
  ]),
  ...inFile('src/connect/address.ts', [
    [
      'address-this-network',
      '0.0.0.0 leads to this machine',
      "  ['0.0.0.0', 8],",
      "  ['0.0.0.0', 32],",
      guards,
    ],
    [
      'address-global',
      'IPv6 addresses that are not global are not public',
      'GLOBAL_IPV6.check(canonical,',
      'true || GLOBAL_IPV6.check(canonical,',
      guards,
    ],
  ]),
  ...inFile('src/connect/open-tunnel.ts', [
    [
      'tunnel-data',
      'a proxy that sends data into the tunnel is refused',
      'if (rest > 0)',
      'if (false)',
      route,
    ],
    [
      'tunnel-head',
      'the head of a proxy has a bound',
      'bytes.length <= MAX_HEAD_BYTES',
      'bytes.length <= Number.MAX_SAFE_INTEGER',
      route,
    ],
  ]),
  ...inFile('src/registry/enrol/approve-certificate.ts', [
    [
      'approve-true',
      'anything but true refuses',
      '(await ask(peer, { id, current })) === true',
      '(await ask(peer, { id, current })) !== false',
      guards,
    ],
    [
      'approve-first-use',
      'a change is no first use',
      'if (trustOnFirstUse === true && !isKnown) return;',
      'if (trustOnFirstUse === true) return;',
      guards,
    ],
    [
      'approve-fingerprint',
      'an expected fingerprint must be met',
      'if (pinMatches(pin, peer.description)) return;',
      'return;',
      guards,
    ],
    [
      'approve-trusted',
      'nobody is asked only where there is a verdict of trust',
      'if (ask === undefined && isTrusted) return;',
      'if (ask === undefined) return;',
      unapproved,
    ],
  ]),
  ...inFile('src/registry/enrol/registration.ts', [
    [
      'register-refused',
      'a policy that refuses the server is not stored',
      'if (trust !== undefined && refusal !== undefined) throw refusal;',
      '',
      weak,
    ],
    [
      'renew-authority',
      'what an authority did not issue, no approval makes its own',
      'if (policy.anchors.length > 0 && policy.ownCertificates.length === 0)',
      'if (false)',
      guards,
    ],
  ]),
  ...inFile('src/registry/enrol/enrolment.ts', [
    [
      'register-exists',
      'a registered server is replaced only on request',
      'if (before.record !== undefined && replace !== true)',
      'if (false)',
      guards,
    ],
    [
      'update-refused',
      'a change that does not work is not stored',
      'if (inspection.look.refusal !== undefined) throw inspection.look.refusal;',
      '',
      guards,
    ],
    [
      'renew-expired',
      'an approval that is over is not used',
      'if (present.expired && !takesExpired)',
      'if (false)',
      guards,
    ],
  ]),
  ...inFile('src/registry/enrol/enrolment.ts', [
    [
      'change-condition',
      'a change is written only over what it was made of',
      'store.set(id, next, { ifRevision: present.revision })',
      'store.set(id, next)',
      heldFlows,
    ],
    [
      'register-condition',
      'a registration is written only over what it looked at',
      'store.set(id, record, { ifRevision: before.revision })',
      'store.set(id, record)',
      heldFlows,
    ],
  ]),
  ...inFile('src/registry/enrol/flows.ts', [
    [
      'revoke-flows',
      'a revocation ends what is under way',
      'return await Promise.race([task(flow.signal), ended]);',
      'return await task(new AbortController().signal);',
      guards,
    ],
  ]),
  ...inFile('src/client/guarded-socket.ts', [
    [
      // Node.js 20 and 22: later ones report an error themselves.
      'guard-reset',
      'a reset is no end of a body without a length, also where bytes wait to be read',
      'if (wasReset(socket)) {',
      'if (socket.destroyed) {',
      answers,
    ],
  ]),
  ...inFile('src/registry/connect/registry-connections.ts', [
    [
      'connections-epoch',
      'what was read before a change is read again',
      "if (!read.isStale && 'trust' in answer) return",
      "if ('trust' in answer) return",
      registry,
    ],
    [
      'connections-revoked',
      'a revocation ends the connections',
      'this.#changed(id);\n    await this.#end(id, REVOKED);',
      'this.#changed(id);',
      guards,
    ],
    [
      'connections-look',
      'what is open is looked at, also where no message comes',
      'if (isLook || server.hasExpired(wallClock))',
      'if (server.hasExpired(wallClock))',
      openStreams,
    ],
    [
      'connections-look-soon',
      'a look comes soon after a cache lets it see',
      'Math.min(ttlMs, MEMORY_LOOK_MS)',
      'ttlMs',
      openStreams,
    ],
    [
      'connections-look-waits',
      'looking makes no reading void',
      'await this.#judge(id).finally(',
      'await this.refresh(id).finally(',
      openStreams,
    ],
  ]),
  ...inFile('src/registry/certificate-files.ts', [
    [
      'files-look',
      'a certificate file goes when another process revokes its server',
      'setInterval(() => void look(undefined), lookMs)',
      'setInterval(() => {}, lookMs)',
      openStreams,
    ],
  ]),
  ...inFile('src/registry/watch/watch-servers.ts', [
    [
      'watch-told',
      'a process that was told of a revocation does not go on by its cache',
      'deps.changedElsewhere(id);',
      '',
      openStreams,
    ],
  ]),
  ...inFile('src/registry/connect/live-client.ts', [
    [
      'client-origin',
      'a client never goes to another origin than its server had',
      'if (closed || generation.origin !== origin)',
      'if (closed)',
      registry,
    ],
  ]),
  ...inFile('src/client/connections.ts', [
    [
      'sources-ended',
      'connections that rest on what was taken away are ended',
      'if (this.#isOld(one)) one.destroy(ended).catch(() => {});',
      '',
      sources,
    ],
    [
      'sources-idle',
      'no new request goes over a connection from before a change of trust',
      'for (const one of this.#free.splice(0)) this.discard(one);',
      '',
      sources,
    ],
    [
      'sources-attempts',
      'a connection that was being made when trust changed is made again',
      'if (connector !== this.#connector && this.#all.has(connection)) {',
      'if (false) {',
      sources,
    ],
  ]),
  ...inFile('src/trust/source.ts', [
    [
      'sources-nothing',
      'a function that gives nothing gives no default roots',
      '|| given.length === 0) {',
      ') {',
      sources,
    ],
  ]),
  ...inFile('src/trust/uri-identity.ts', [
    [
      'uri-one',
      'a certificate with two URIs is for neither',
      'uris.length !== 1 ||',
      '',
      ['--project=unit', 'test/unit/trust/uri-identity.test.ts'],
    ],
    [
      'uri-signing',
      'a signing certificate is no identity of SPIFFE',
      '|| !maySign(leaf, extensions)',
      '',
      ['--project=unit', 'test/unit/trust/uri-identity.test.ts'],
    ],
    [
      'uri-exact',
      'another URI is another identity',
      "!Buffer.from(uri, 'latin1').equals(uris[0] as Uint8Array)",
      'false',
      ['--project=unit', 'test/unit/trust/uri-identity.test.ts'],
    ],
  ]),
  ...inFile('src/client/redirect.ts', [
    [
      'redirect-origin',
      'a redirect out of the origin is refused',
      'if (target.origin !== from.origin)',
      'if (false)',
      ['--project=integration', 'test/integration/custom-client.test.ts'],
    ],
    [
      'redirect-credentials',
      'a redirect with credentials is refused',
      "if (target.username !== '' || target.password !== '')",
      'if (false)',
      ['--project=unit', 'test/unit/client/bounds.test.ts'],
    ],
  ]),
  ...inFile('src/client/content-encoding.ts', [
    [
      'encodings-bound',
      'an answer that was encoded over and over stays as it is',
      'const MAX_ENCODINGS = 5;',
      'const MAX_ENCODINGS = 5000;',
      ['--project=unit', 'test/unit/client/bounds.test.ts'],
    ],
  ]),
  ...inFile('src/store/fenced-writes.ts', [
    [
      'fence',
      'a writer that stood still writes over nothing that it did not see',
      'await notWritten(() => removeOthers(file, draft));',
      '',
      ['--project=store', 'test/store/directory.test.ts'],
    ],
  ]),
];

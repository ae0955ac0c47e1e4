/** What the client claims, for both test runners. */
export const options = {
  // Its policy has `url` and `ca`. Checks that need other fields are skipped, and show as skipped.
  supports: ['ca'],
  exclude: [
    // Whose certificate says that it may sign others is trusted with that: ours say CA:FALSE.
    'anchor-server-ca',
    'anchor-server-ca-hidden',
    'anchor-server-ca-far',
    'anchor-server-ca-ladder',
    'anchor-server-ca-beside-another',
    // Servers that send an expired or odd issuer along: OpenSSL refuses them, and so do we.
    'anchor-leaf-ended-cross-sign',
    'anchor-leaf-ended-issuer',
    'anchor-leaf-odd-issuer',
  ],
};

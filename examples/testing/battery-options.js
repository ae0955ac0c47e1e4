/** What the client claims, for both test runners. */
export const options = {
  // Its policy has `url` and `ca`. Checks that need other fields are skipped, and show as skipped.
  supports: ['ca'],
  exclude: [
    // Whose certificate says that it may sign others is trusted with that: ours say CA:FALSE.
    'anchor-server-ca',
  ],
};

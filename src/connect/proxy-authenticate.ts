/** Those that are registered (RFC 9110 §16.4.1), and what Windows calls its own. */
const KNOWN = [
  'NTLM',
  'Negotiate',
  'Kerberos',
  'Digest',
  'Bearer',
  'DPoP',
  'GNAP',
  'HOBA',
  'Mutual',
  'OAuth',
  'SCRAM-SHA-1',
  'SCRAM-SHA-256',
  'vapid',
];

/**
 * What to do about an answer of 407. Basic is what we can do. Of the schemes that the proxy offers those are named
 * that are known, in our spelling: what else it says stands in no message.
 *
 * @param head of the answer
 */
export function hintFor407(head: string, gaveCredentials: boolean): string {
  const offers = schemesIn(head);
  if (offers.length === 0 || offers.includes('basic')) {
    return gaveCredentials
      ? 'The proxy does not take this user name and password: check proxy.auth, or what the URL of the proxy has, percent-encoded.'
      : 'Give proxy.auth, or a user name and password in the URL of the proxy.';
  }
  const known = KNOWN.filter((name) => offers.includes(name.toLowerCase()));
  const what = known.length === 0 ? 'a scheme that is not known here' : known.join(', ');
  return `The proxy offers ${what} only, and mcp-tls does Basic: run a local proxy that signs in for you (such as px or cntlm) and give its address as \`proxy\`, or have this host allowed without.`;
}

/** In lower case. A header has one or several, each with parameters or without (RFC 9110 §11.6.1). */
function schemesIn(head: string): readonly string[] {
  const headers = [...head.matchAll(/^proxy-authenticate:([^\r\n]*)/gim)].map(([, value]) => value);
  return headers.flatMap((value = '') => {
    const parts = value.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""').split(',');
    // `name=value` belongs to the scheme before it.
    const names = parts.map((part) => /^\s*([\w-]{1,32})(?=\s|$)(?!\s*=)/.exec(part)?.[1]);
    return names.filter((name) => name !== undefined).map((name) => name.toLowerCase());
  });
}

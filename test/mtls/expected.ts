const ARGUMENT = /^MCP_TLS_INVALID_ARGUMENT$/;
const REFUSED = /^MCP_TLS_CLIENT_CERTIFICATE_REFUSED$/;
const REQUIRED = /^MCP_TLS_CLIENT_CERTIFICATE_REQUIRED$/;
const TAKEN = /^taken$/;

/**
 * What each door says, as a pattern of its outcome.
 *
 * One that has ended, or not begun, is refused before anything is sent. nginx and Apache's `<Location>` complete the
 * handshake: that is told by those that send a request, as far as they are allowed to. A fetch passes nginx's page on.
 */
export function expectedOf(server: string, which: string, door: string): RegExp {
  if (which === 'right') {
    // s_server answers to nothing but GET.
    return door === 'check' ? /^(?:answered: |MCP_TLS_TIMEOUT$)/ : TAKEN;
  }
  const isOver = which === 'expired' || which === 'not yet valid';
  const code = which === 'none' ? REQUIRED : REFUSED;
  const asksLate = server === 'nginx' || server.includes('<Location>');
  if (door === 'probe') {
    if (asksLate) return TAKEN;
    return which === 'none' ? /client-certificate-required/ : /client-certificate-refused/;
  }
  if (isOver) return ARGUMENT;
  if (server === 'nginx') {
    if (door === 'client') return /^HTTP 400$/;
    // Without a certificate, registering sends no request.
    return door === 'register' && which === 'none' ? TAKEN : code;
  }
  // Asked for at the path alone, which registering does not ask for where the handshake did not ask.
  return asksLate && door === 'register' ? TAKEN : code;
}

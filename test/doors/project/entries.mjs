// What each entry of the package does where one SDK is installed, or none: it works, or names those that do.
const ENTRIES = ['', '/v2', '/core', '/store', '/redis', '/testing'];

/** `load` imports or requires; `missing` are the entries whose SDK is not there, and what each must name. */
export async function tryEntries(load, missing) {
  for (const entry of ENTRIES) {
    const named = missing[entry];
    try {
      await load(`mcp-tls${entry}`);
    } catch (error) {
      const text = String(error?.message);
      // Windows has other slashes.
      const path = text.replaceAll('\\', '/');
      const names = (named ?? []).every((name) => new RegExp(`/${name}/`).test(path));
      if (named === undefined || !names) throw new Error(`mcp-tls${entry}: ${text}`);
      continue;
    }
    if (named !== undefined) throw new Error(`mcp-tls${entry} was loaded without its SDK`);
  }
  const { heldCertificate, startMcpServer } = await load('mcp-tls/testing');
  try {
    const server = await startMcpServer({ certificate: await heldCertificate() });
    await server.close();
    if ('' in missing) throw new Error('startMcpServer worked without the SDK v1');
  } catch (error) {
    const isOurs = error?.code === 'MCP_TLS_UNSUPPORTED_RUNTIME' && '' in missing;
    if (!isOurs || !/need @modelcontextprotocol\/sdk/.test(error.message)) throw error;
  }
}

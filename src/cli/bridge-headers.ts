import { textsOption } from './arguments.js';
import type { Io, ParsedArgs } from './command.js';
import { UsageError } from './exit-codes.js';
import { shown } from './printer.js';
import { readVariable } from './trust-arguments.js';

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** What HTTP or MCP says by itself. */
const RESERVED =
  /^(?:accept|accept-encoding|connection|content-.*|expect|host|keep-alive|last-event-id|mcp-(?:method|name|param-.*|protocol-version|session-id|tls-token)|proxy-.*|te|trailer|transfer-encoding|upgrade)$/i;

/** `--header-env NAME=VARIABLE`: a value is no argument, which every user of the machine can read. */
export function bridgeHeaders(io: Io, args: ParsedArgs): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const given of textsOption(args, 'header-env')) {
    const at = given.indexOf('=');
    const [name, variable] = [given.slice(0, at).toLowerCase(), given.slice(at + 1)];
    // Not repeated: it may be the secret itself, given as a value.
    if (at < 1 || !TOKEN.test(name) || !/^[A-Za-z_]\w*$/.test(variable)) {
      throw new UsageError(
        '--header-env must be NAME=VARIABLE, the name of a variable and no value',
      );
    }
    if (RESERVED.test(name)) throw new UsageError(`--header-env cannot set ${shown(name)}`);
    if (Object.hasOwn(headers, name))
      throw new UsageError(`--header-env sets ${shown(name)} twice`);
    headers[name] = readVariable(io, 'header-env', variable);
  }
  return headers;
}

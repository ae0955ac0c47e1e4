import type { TrustPolicy } from '../core.js';

/** What stands in a policy for a PEM text on the screen, where nobody reads one. */
export interface PolicyText {
  /** For the `tls` field of a trust file, or of a host's own configuration. */
  readonly json: string;
  /** For the option `trust`. */
  readonly code: string;
  /** Whether the file has to be saved first. */
  readonly needsFile: boolean;
}

/** The files of a client certificate and its key, as they are named on the screen. */
export interface ClientFiles {
  readonly certFile: string;
  readonly keyFile: string;
  /** Variable with the passphrase of the key. */
  readonly passphraseEnv?: string | undefined;
}

/**
 * A policy to be pasted, with the certificate in a file.
 *
 * @param client for a server that asks for a client certificate
 */
export function policyText(policy: TrustPolicy, file: string, client?: ClientFiles): PolicyText {
  const { ca, ...fields } = policy as unknown as Readonly<Record<string, unknown>>;
  const needsFile = ca !== undefined;
  const inJson = Object.entries({
    ...(needsFile && { caFile: file }),
    ...fields,
    ...(client && { clientCertificate: client }),
  }).map(([name, value]) => `${JSON.stringify(name)}: ${jsonOf(value)}`);
  const inCode = [
    ...(needsFile ? [`ca: fromFile(${literal(file)})`] : []),
    ...Object.entries(fields).map(([name, value]) => `${name}: ${literal(value)}`),
    ...(client ? [`clientCertificate: ${clientLiteral(client)}`] : []),
  ];
  return { json: `{ ${inJson.join(', ')} }`, code: `{ ${inCode.join(', ')} }`, needsFile };
}

/** The client certificate alone, to be added to a policy. */
export function clientText(client: ClientFiles): Pick<PolicyText, 'json' | 'code'> {
  return {
    json: `"clientCertificate": ${jsonOf(client)}`,
    code: `clientCertificate: ${clientLiteral(client)}`,
  };
}

function clientLiteral({ certFile, keyFile, passphraseEnv }: ClientFiles): string {
  const passphrase =
    passphraseEnv === undefined ? '' : `, passphrase: process.env[${literal(passphraseEnv)}]`;
  return `{ cert: fromFile(${literal(certFile)}), key: fromFile(${literal(keyFile)})${passphrase} }`;
}

/** As people write it: a space after each brace, colon and comma. */
function jsonOf(value: unknown): string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return JSON.stringify(value);
  }
  const fields = Object.entries(value).filter(([, one]) => one !== undefined);
  return `{ ${fields.map(([name, one]) => `${JSON.stringify(name)}: ${jsonOf(one)}`).join(', ')} }`;
}

function literal(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  return typeof value === 'string'
    ? `'${JSON.stringify(value).slice(1, -1)}'`
    : JSON.stringify(value);
}

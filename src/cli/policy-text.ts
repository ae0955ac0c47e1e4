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

/** A policy to be pasted, with the certificate in a file. */
export function policyText(policy: TrustPolicy, file: string): PolicyText {
  const { ca, ...fields } = policy as unknown as Readonly<Record<string, unknown>>;
  const needsFile = ca !== undefined;
  const json = spaced(needsFile ? { caFile: file, ...fields } : fields);
  const parts = Object.entries(fields).map(([name, value]) => `${name}: ${literal(value)}`);
  const all = needsFile ? [`ca: fromFile(${literal(file)})`, ...parts] : parts;
  return { json, code: `{ ${all.join(', ')} }`, needsFile };
}

function spaced(fields: object): string {
  const parts = Object.entries(fields).map(
    ([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`,
  );
  return `{ ${parts.join(', ')} }`;
}

function literal(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  return typeof value === 'string'
    ? `'${JSON.stringify(value).slice(1, -1)}'`
    : JSON.stringify(value);
}

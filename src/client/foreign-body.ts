import { bodyError } from './fetch-error.js';
import { requestError } from './request-error.js';

/**
 * The body that is meant by a Blob, a File or a form of another library or realm, as the platform's, whose
 * classes it is not of: as text it would be `[object Blob]`. A form of the platform may hold such files
 * (Node.js 20).
 *
 * @returns `undefined` for any other body
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` if it cannot be read, also by rejecting
 */
export function ownBody(body: unknown): Promise<Blob | FormData> | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  if (isForeignBlob(body)) return ownBlob(body);
  if (tagOf(body) !== '[object FormData]') return undefined;
  const { entries } = body as Partial<FormData>;
  if (typeof entries !== 'function') {
    throw requestError('the body is a form of another library that cannot be read: use FormData');
  }
  const all = [...(entries.call(body) as Iterable<readonly [string, unknown]>)];
  const isOwn = body instanceof FormData && !all.some(([, value]) => isForeignBlob(value));
  return isOwn ? undefined : ownForm(all);
}

/** `[object Blob]` and the like: what says so of itself, whatever class it is of. */
export function tagOf(value: unknown): string {
  return Object.prototype.toString.call(value);
}

function isForeignBlob(value: unknown): value is Blob {
  return !(value instanceof Blob) && /^\[object (Blob|File)\]$/.test(tagOf(value));
}

async function ownForm(entries: readonly (readonly [string, unknown])[]): Promise<FormData> {
  const form = new FormData();
  for (const [name, value] of entries) {
    if (value instanceof Blob) form.append(name, value);
    else if (isForeignBlob(value)) form.append(name, await ownBlob(value), nameOf(value));
    else form.append(name, `${value}`);
  }
  return form;
}

async function ownBlob(blob: Blob): Promise<Blob> {
  try {
    return new Blob([await blob.arrayBuffer()], { type: `${blob.type ?? ''}` });
  } catch (cause) {
    throw bodyError(cause);
  }
}

/** As a form names a Blob that is no File. */
function nameOf(blob: Blob): string {
  const { name } = blob as Partial<File>;
  return name === undefined ? 'blob' : `${name}`;
}

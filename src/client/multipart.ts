import { Blob } from 'node:buffer';
import { randomUUID } from 'node:crypto';

/**
 * Writes a form as `multipart/form-data` (HTML Standard §4.10.21.8). As a Blob, so that its length is
 * known, files are not copied, and it can be sent again.
 */
export function encodeMultipart(form: FormData): {
  readonly body: Blob;
  readonly contentType: string;
} {
  const boundary = `----formdata-mcp-tls-${randomUUID()}`;
  const parts: (string | Blob)[] = [];
  for (const [name, value] of form) {
    parts.push(`--${boundary}\r\ncontent-disposition: form-data; name="${quoted(crlf(name))}"`);
    if (typeof value === 'string') parts.push('\r\n\r\n', crlf(value));
    else {
      const type = value.type || 'application/octet-stream';
      const file = value as unknown as Blob;
      parts.push(`; filename="${quoted(value.name)}"\r\ncontent-type: ${type}\r\n\r\n`, file);
    }
    parts.push('\r\n');
  }
  parts.push(`--${boundary}--\r\n`);
  return { body: new Blob(parts), contentType: `multipart/form-data; boundary=${boundary}` };
}

const crlf = (text: string): string => text.replace(/\r\n?|\n/g, '\r\n');

const quoted = (text: string): string =>
  text.replaceAll('\n', '%0A').replaceAll('\r', '%0D').replaceAll('"', '%22');

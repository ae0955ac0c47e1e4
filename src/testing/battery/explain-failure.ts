import { printable } from '../printable.js';

const MAX_LENGTH = 400;

/**
 * What an error says, with its causes: the reason often stands in the second or third message.
 * Clients may print anything, so whatever looks like key material is cut out.
 */
export function explainFailure(error: unknown): string {
  const parts: string[] = [];
  let link = error;
  for (let depth = 0; depth < 4 && link !== undefined && link !== null; depth++) {
    const { message, code, cause } = link as { message?: unknown; code?: unknown; cause?: unknown };
    const text = typeof message === 'string' && message !== '' ? message : String(link);
    const line = typeof code === 'string' && !text.includes(code) ? `${text} [${code}]` : text;
    if (!parts.some((part) => part.includes(text))) parts.push(line);
    link = cause;
  }
  const whole = printable(withoutKeyMaterial(parts.join(' <- ')))
    .replace(/\s+/g, ' ')
    .trim();
  return whole.length > MAX_LENGTH ? `${whole.slice(0, MAX_LENGTH)}...` : whole;
}

function withoutKeyMaterial(text: string): string {
  return (
    text
      .replace(/-----BEGIN[\s\S]*?(-----END[^-]*-----|$)/g, '[PEM cut out]')
      // Bodies of PEM without their lines, DER in base64 or hexadecimal. A SHA-256 in hexadecimal
      // (64 digits) or base64 (44) is no secret, and often the very thing to show.
      .replace(/[A-Za-z0-9+/=_-]{60,}/g, (run) => (/^[0-9a-f]{64}$/i.test(run) ? run : '[cut out]'))
      // A dump of bytes, such as JSON of a Buffer.
      .replace(/(?:(?:"\d+":)?\d{1,3}\s*,\s*){16,}\d{0,3}/g, '[bytes cut out]')
  );
}

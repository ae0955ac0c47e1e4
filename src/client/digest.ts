import { createHash } from 'node:crypto';

/** SHA-256 of a text, in Base64: to know a secret again without keeping it. */
export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}

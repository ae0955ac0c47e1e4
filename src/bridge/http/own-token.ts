import { Refused } from './refused.js';

/** How often a text is decoded to look into it. */
const MAX_DECODED = 4;

/**
 * Whoever has the token has the bridge: it must not reach the server, which sees whatever a client was made to
 * send.
 *
 * @param texts parts of a request as they would go up
 * @throws {Refused} if the token is in one, or in what one encodes
 */
export function keepToken(token: string, texts: readonly string[]): void {
  if (!texts.some((text) => holds(text, token))) return;
  throw new Refused(400, 'it would take the token of the bridge to the server');
}

function holds(text: string, token: string): boolean {
  let decoded = text;
  for (let times = 0; times <= MAX_DECODED; times++) {
    if (decoded.includes(token)) return true;
    const next = decode(decoded);
    if (next === decoded) return false;
    decoded = next;
  }
  return false;
}

/** Escapes of ASCII, of which a token is made; those of JSON, too. */
function decode(text: string): string {
  return text
    .replace(/%([2-7][0-9a-f])/gi, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    )
    .replace(/\\u00([2-7][0-9a-f])/gi, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
}

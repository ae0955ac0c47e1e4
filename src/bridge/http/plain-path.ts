/**
 * Whether this is an absolute path that any server reads as the same: no `.` or `..` in any writing, no slash that
 * is not one or stands for nothing, no byte that ends a text, nothing that a URL parser would change.
 */
export function isPlainPath(path: string): boolean {
  if (!path.startsWith('/') || path.includes('//')) return false;
  if (/[\\\s]/.test(path) || NOT_PLAIN.test(path) || DOTS.test(path)) return false;
  return URL.canParse(path, 'http://x') && new URL(path, 'http://x').pathname === path;
}

/**
 * A slash, backslash or dot that is encoded, once or twice, or in too many bytes of UTF-8 (`%c0`, `%c1`); a control
 * character; a `%` that encodes nothing.
 */
const NOT_PLAIN = /%(?:2f|5c|2e|25(?:2f|5c|2e|25)|c0|c1|[01][0-9a-f]|7f|(?![0-9a-f]{2}))/i;

/** `.` and `..`, and with a parameter (`..;x`) or something encoded behind them, which some servers take off. */
const DOTS = /\/\.{1,2}(?:[;%/]|$)/;

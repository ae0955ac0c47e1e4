/** What this user may not ask, or this server does not know, is not answered. @throws any other error */
export function unlessForbidden(error: unknown): undefined {
  if (error instanceof Error && /^(?:NOPERM|ERR)\b/.test(error.message)) return undefined;
  throw error;
}

/** Whether a `content-type` is that of an event stream, in whatever case and with whatever parameters. */
export function isEventStreamType(contentType: unknown): boolean {
  return /^\s*text\/event-stream\s*(;|$)/i.test(String(contentType));
}

import { randomUUID } from 'node:crypto';
import type { OutgoingHttpHeaders } from 'node:http';

/** Characters that come with an answer besides what was asked for, in turn. */
const SIZES = [0, 600, 4_000, 24_000];

let turn = 0;

/** A tool's answer of another size than the last one, with what the tool was asked for in front. */
export function varyAnswer(answer: object): object {
  if (!('result' in answer)) return answer;
  const { content } = answer.result as { content?: object[] };
  if (content === undefined) return answer;
  const text = 'more '.repeat((SIZES[turn++ % SIZES.length] ?? 0) / 5);
  return { ...answer, result: { content: [...content, { type: 'text', text }] } };
}

/** What servers behind a proxy send besides. */
export function varyHeaders(): OutgoingHttpHeaders {
  return {
    'x-request-id': randomUUID(),
    'strict-transport-security': 'max-age=31536000; includeSubDomains',
    vary: 'Origin, Accept-Encoding',
    'set-cookie': ['route=a1; Path=/; Secure; HttpOnly', 'zone=b2; Path=/; Secure'],
    ...(turn % 2 === 0 && { 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY' }),
  };
}

import type { Request } from 'express';
import { ApiError } from './answer-error.js';

type Body = Readonly<Record<string, unknown>>;

/** The JSON object that came; none is an empty one. What it does not know it refuses. */
export function readBody(request: Request, known: readonly string[]): Body {
  const body: unknown = request.body ?? {};
  if (typeof body !== 'object' || Array.isArray(body)) {
    throw new ApiError(400, 'the body must be a JSON object');
  }
  const unknown = Object.keys(body as object).find((name) => !known.includes(name));
  if (unknown !== undefined) throw new ApiError(400, `${unknown}: unknown`);
  return body as Body;
}

/** A text; an empty one, as of a field that nobody filled in, is none. */
export function textIn(body: Body, name: string): string | undefined {
  const value = body[name] ?? '';
  if (typeof value !== 'string') throw new ApiError(400, `${name}: a text, please`);
  return value.trim() === '' ? undefined : value.trim();
}

export function choiceIn<Choice extends string>(
  body: Body,
  name: string,
  choices: readonly Choice[],
): Choice | undefined {
  const value = textIn(body, name);
  const choice = choices.find((one) => one === value);
  if (value !== undefined && choice === undefined) {
    throw new ApiError(400, `${name}: one of ${choices.join(', ')}, please`);
  }
  return choice;
}

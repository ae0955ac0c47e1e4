import type { Request } from 'express';
import { ApiError } from './answer-error.js';

/** A JSON object that came. */
export type Body = Readonly<Record<string, unknown>>;

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

const LONGEST_PAGE = 1_000;

/** Which part of a list: `?after=ID&limit=N`. Neither: all of it. */
export function readPage({ query }: Request): { after?: string; limit?: number } {
  const { after, limit } = query;
  const known = (value: unknown) => value === undefined || typeof value === 'string';
  if (!known(after) || !known(limit)) throw new ApiError(400, 'after, limit: once each, please');
  const count = Number(limit ?? 1);
  if (!Number.isInteger(count) || count < 1 || count > LONGEST_PAGE) {
    throw new ApiError(400, `limit: a whole number from 1 to ${LONGEST_PAGE}, please`);
  }
  return {
    ...(after === undefined ? {} : { after: after as string }),
    ...(limit === undefined ? {} : { limit: count }),
  };
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

import type { IncomingHttpHeaders } from 'node:http';
import type { Bag } from '../bag.js';
import type { RequestBody } from './request-body.js';
import type { HeaderList } from './request-headers.js';
import type { ResponseBody } from './response-body.js';
import type { Timeouts } from './timeouts.js';

/** One request and what bounds it. */
export interface ExchangeRequest {
  readonly url: URL;
  /** That of `url`, which makes it anew whenever it is asked. */
  readonly origin: string;
  readonly method: string;
  readonly headers: HeaderList;
  readonly body: RequestBody | null;
  readonly timeouts: Timeouts;
  /** Any of these ends it with its own reason, also while the body is read. */
  readonly signals: readonly AbortSignal[];
  /** Where it is listed from its start to its end. */
  readonly running: Running;
  /** What a whole body may have at most. */
  readonly maxBodyBytes: number;
  /** Why its connections were closed, if they were: whatever broke then broke because of that. */
  readonly closed: () => Error | undefined;
  /** Called when its answer has come to its end, or failed; maybe more than once. */
  readonly ended: () => void;
}

/** What can be ended from outside. */
export interface Abortable {
  abort(reason: unknown): void;
}

/** The exchanges of a client that have not ended, and why no more may begin. */
export interface Running {
  readonly exchanges: Bag<Abortable>;
  closed: Error | undefined;
}

/** The head of an answer, and its body (`null` where there can be none). */
export interface Answer {
  readonly status: number;
  readonly statusText: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: ResponseBody | null;
}

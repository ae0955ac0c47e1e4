import type { TotalLimit } from './total-limit.js';

/** A request that began before it came to its client. */
export interface Begun {
  /** Its URL as it was read then: that of a Request of somebody's own may change. */
  readonly url: string;
  /** Counts from then on. */
  readonly limit: TotalLimit | undefined;
}

/** By this a client of ours takes a request that has begun. */
export const GO_ON: unique symbol = Symbol('mcp-tls.go-on');

type Client = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

interface ContinuingClient extends Client {
  [GO_ON](
    input: string | URL | Request,
    init: RequestInit | undefined,
    begun: Begun,
  ): Promise<Response>;
}

/** As `client(input, init)`, of a client of ours, for a request that has begun. */
export function goOn(
  client: Client,
  input: string | URL | Request,
  init: RequestInit | undefined,
  begun: Begun,
): Promise<Response> {
  return (client as ContinuingClient)[GO_ON](input, init, begun);
}

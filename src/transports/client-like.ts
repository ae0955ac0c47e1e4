/** A fetch-like function, as the MCP SDKs take it. */
export type FetchLike = (url: string | URL, init?: RequestInit) => Promise<Response>;

/** A client of whatever factory is injected: ours, or one of the host application. */
export type ClientLike = FetchLike & {
  /** Ends what the client holds open. Called when the transport that was given it closes. */
  close?(): Promise<void> | void;
};

/** What a process is told that shares a login. */
export interface SharedLoginSetting {
  readonly folder: string;
  /** Base64. */
  readonly key: string;
  readonly mcp: { readonly url: string; readonly pem: string };
  readonly login: { readonly origin: string; readonly pem: string };
}

import { anyText, count, type Declaration, declareOptions, readOptions } from '../options.js';
import type { ListOptions } from './certificate-store.js';

const PAGE: Declaration<ListOptions> = declareOptions<ListOptions>('store.list: page', {
  after: anyText(),
  limit: count(1),
});

/** @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` */
export function readPage(page: ListOptions, whose?: string): ListOptions {
  return readOptions(PAGE, page, whose);
}

import {
  BODIES,
  type Cell,
  type Classes,
  INITS,
  INPUTS,
  READINGS,
  REQUESTS,
  type Reading,
  STREAMS,
} from './cell-parts.js';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'post', 'query'];
const NO_METHODS = ['CONNECT', 'trace', 'TRACK', 'B@D', '', 'a b'];

function cell(
  name: string,
  answer: string,
  make: Cell['make'],
  read: Reading = 'text',
): readonly Cell[] {
  return [{ name, answer, make, read }];
}

const withBody = async (kind: string, init: object, classes: Classes): Promise<object> => {
  const body = await BODIES[kind]?.(classes);
  if (body === undefined) return init;
  return { ...init, body, ...(STREAMS.test(kind) && { duplex: 'half' }) };
};

export const CELLS: readonly Cell[] = [
  ...METHODS.flatMap((method) =>
    Object.keys(BODIES)
      // A method stands for all that treat a body alike; four of them see every kind.
      .filter((kind) => /^(GET|POST|PUT|DELETE)$/.test(method) || /^(none|string)$/.test(kind))
      .flatMap((kind) =>
        cell(`method ${method}, body ${kind}`, 'ok', async (url, classes) => [
          url,
          await withBody(kind, { method }, classes),
        ]),
      ),
  ),
  ...NO_METHODS.flatMap((method) => cell(`method '${method}'`, 'ok', (url) => [url, { method }])),
  ...Object.entries(INPUTS).flatMap(([name, make]) =>
    cell(`input ${name}`, 'ok', (url) => [make(url)]),
  ),
  ...Object.entries(INITS).flatMap(([name, make]) => [
    ...cell(`init ${name}`, 'ok', (url, classes) => [url, make(classes)]),
    ...cell(`init ${name}, over a Request`, 'ok', (url, classes) => [
      new classes.Request(url, { headers: { 'x-own': '1' }, signal: AbortSignal.abort() }),
      make(classes),
    ]),
  ]),
  ...Object.entries(REQUESTS).flatMap(([name, make]) => [
    ...cell(`a Request ${name}`, 'ok', async (url, classes) => [await make(url, classes)]),
    ...cell(`a Request ${name}, with a body beside`, 'ok', async (url, classes) => [
      await make(url, classes),
      { method: 'POST', body: 'other' },
    ]),
  ]),
  ...[301, 302, 303, 307, 308].flatMap((code) => [
    ...['GET', 'HEAD', 'DELETE'].flatMap((method) =>
      cell(`${code} of ${method}`, `to-${code}`, (url) => [url, { method }]),
    ),
    ...['POST', 'PUT'].flatMap((method) =>
      ['none', 'string', 'a Blob', 'FormData', 'a stream'].flatMap((kind) =>
        cell(`${code} of ${method}, body ${kind}`, `to-${code}`, async (url, classes) => [
          url,
          await withBody(kind, { method }, classes),
        ]),
      ),
    ),
    ...Object.entries(REQUESTS)
      .slice(0, 5)
      .flatMap(([name, make]) =>
        cell(`${code} of a Request ${name}`, `to-${code}`, async (url, classes) => [
          await make(url, classes),
        ]),
      ),
    ...['manual', 'error'].flatMap((redirect) =>
      cell(`${code}, redirect: ${redirect}`, `to-${code}`, (url) => [url, { redirect }]),
    ),
  ]),
  ...[
    'to-utf-8',
    'to-question-mark',
    'to-fragment',
    'to-nowhere',
    'to-empty',
    'to-no-url',
    'to-two',
    'to-itself',
    'to-elsewhere',
    'to-credentials',
  ].flatMap((answer) => cell(`redirect ${answer}`, answer, (url) => [`${url}#own`])),
  ...[
    'ok',
    'empty',
    'no-content',
    'not-found',
    'status-600',
    'gzip',
    'deflate-raw',
    'gzip-none',
    'chunked',
    'bom',
    'cut',
  ].flatMap((answer) =>
    READINGS.flatMap((read) => cell(`answer ${answer}, ${read}`, answer, (url) => [url], read)),
  ),
  ...[
    'reset-content',
    'not-modified',
    'status-999',
    'x-gzip',
    'gzip-upper-case',
    'gzip-nothing',
    'gzip-cut',
    'gzip-and-more',
    'gzip-and-zeros',
    'deflate-and-more',
    'deflate-raw-and-more',
    'br-and-more',
    'deflate-slowly',
    'deflate-raw-slowly',
    'br-slowly',
    'status-000',
    'status-99',
    'status-101',
    'status-101-upgrade',
    'reset-until-close',
    'deflate',
    'br',
    'gzip-twice',
    'deflate-gzip',
    'identity',
    'unknown-coding',
    'six-codings',
    'two-encoding-lines',
    'until-close',
    'chunk-cut',
    'bad-utf-8',
    'early-hints',
    'odd-reason',
    'latin-header',
    'no-http',
    'bad-header-name',
    'two-lengths',
    'bad-chunk',
    'huge-header',
    'nothing',
  ].flatMap((answer) => cell(`answer ${answer}`, answer, (url) => [url])),
  ...cell('answer form, formData', 'form', (url) => [url], 'formData'),
  ...cell('answer gzip to HEAD', 'gzip', (url) => [url, { method: 'HEAD' }]),
];

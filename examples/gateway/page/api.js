/** The gateway's API, as the page uses it. The token is kept for this tab, until it is closed. */

const KEY = 'mcp-gateway-token';

/** Servers in one answer. */
const PAGE = 100;

/** An answer that is not 2xx; `body` is what it said. */
export class ApiFailure extends Error {
  constructor(status, body) {
    super(body?.error?.message ?? `the gateway answered ${status}`);
    this.status = status;
    this.body = body;
  }
}

/** Takes the token out of the address, where it would stay in the history. */
export function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get('token');
  if (given !== null) {
    setToken(given);
    history.replaceState(null, '', location.pathname);
  }
  return sessionStorage.getItem(KEY) !== null;
}

export function setToken(token) {
  sessionStorage.setItem(KEY, token);
}

export async function get(path) {
  return read(await ask(path, {}));
}

/** All servers, a page of the list after the other. */
export async function listServers() {
  const servers = [];
  let page = await get(`servers?limit=${PAGE}`);
  for (;;) {
    servers.push(...page.servers);
    if (page.next === null) return servers;
    page = await get(`servers?${new URLSearchParams({ limit: PAGE, after: page.next })}`);
  }
}

export async function post(path, body = {}) {
  return send('POST', path, body);
}

export async function remove(path, body) {
  return send('DELETE', path, body);
}

async function send(method, path, body) {
  const headers = { 'Content-Type': 'application/json' };
  return read(await ask(path, { method, headers, body: JSON.stringify(body) }));
}

/** A certificate as text (PEM). */
export async function getText(path) {
  const response = await ask(path, {});
  if (!response.ok) await read(response);
  return response.text();
}

/** Events for as long as the connection lasts; over whichever worker took it. */
export async function* events() {
  const response = await ask('events', { headers: { Accept: 'text/event-stream' } });
  if (!response.ok) throw new ApiFailure(response.status);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const messages = (rest + value).split('\n\n');
    rest = messages.pop();
    for (const message of messages) {
      const data = message.split('\n').find((line) => line.startsWith('data: '));
      if (data !== undefined) yield JSON.parse(data.slice('data: '.length));
    }
  }
}

/** The path of a server, whose id may be any text. */
export const serverPath = (id, ...rest) =>
  ['servers', id, ...rest].map((part) => encodeURIComponent(part)).join('/');

function ask(path, init) {
  const headers = { Authorization: `Bearer ${sessionStorage.getItem(KEY)}`, ...init.headers };
  return fetch(`/api/${path}`, { ...init, headers });
}

async function read(response) {
  const body = await response.json().catch(() => undefined);
  if (!response.ok) throw new ApiFailure(response.status, body);
  return body;
}

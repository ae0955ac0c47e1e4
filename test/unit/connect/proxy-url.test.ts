import { afterEach, describe, expect, it, vi } from 'vitest';
import { readProxy } from '../../../src/connect/proxy.js';
import { hintFor407 } from '../../../src/connect/proxy-authenticate.js';
import { readProxyUrl } from '../../../src/connect/proxy-url.js';
import { TlsConfigError } from '../../../src/errors.js';

/** What the URL of a proxy may be, and what is said of one that is none. */

afterEach(() => vi.unstubAllEnvs());

const SECRET = /Geheim99|4711|jdoe|hunter/;

function refusal(make: () => unknown): TlsConfigError {
  try {
    make();
  } catch (error) {
    expect(error).toBeInstanceOf(TlsConfigError);
    expect(error).toMatchObject({ code: 'MCP_TLS_INVALID_ARGUMENT' });
    expect((error as Error).cause).toBeUndefined();
    expect(`${(error as Error).message} ${(error as TlsConfigError).hint}`).not.toMatch(SECRET);
    return error as TlsConfigError;
  }
  throw new Error('it was taken');
}

describe('the URL of a proxy', () => {
  it.each([
    ['http://localhost:4711#Geheim99@127.0.0.1:3128', /fragment/, /%23/],
    ['http://localhost:47/11Geheim99@127.0.0.1:3128', /path/, /%2F/],
    ['http://localhost:4711?Geheim99@127.0.0.1:3128', /query/, /%3F/],
    ['http://localhost\\jdoe:Geheim99@127.0.0.1:3128', /path/, /%5C/],
    ['http://svc:Geheim99%@127.0.0.1:3128', /percent-encoded/, /%25/],
    ['http://svc:Geheim99%zz@127.0.0.1:3128', /percent-encoded/, /%25/],
    ['http://svc:Geh\neim99@127.0.0.1:3128', /control character/, /proxy\.auth/],
    ['http://proxy.corp:3128/hunter', /path/, /%2F/],
    ['http://proxy.corp:3128/?', /query/, /%3F/],
    ['http://proxy.corp:3128//', /path/, /%2F/],
    ['http://jdoe%3Ax:Geheim99@127.0.0.1', /colon/, undefined],
    ['http://jdoe:Geheim99@proxy.corp:hunter', /not a URL/, /http:\/\/proxy\.example/],
    ['proxy.corp:4711', /must begin with http/, /http:\/\/proxy\.example/],
    ['jdoe:Geheim99@proxy.corp:3128', /must begin with http/, /http:\/\/proxy\.example/],
    ['socks5://jdoe:Geheim99@127.0.0.1:1080', /SOCKS/, /HTTP port/],
    ['socks5h://127.0.0.1:1080', /SOCKS/, /HTTP port/],
    ['ftp://jdoe@127.0.0.1', /http: or https:/, /http:\/\/proxy\.example/],
  ])('%j is refused in words that say how to write it', (url, message, hint) => {
    const text = refusal(() => readProxy(url));
    expect(text.message).toMatch(message);
    if (hint !== undefined) expect(text.hint).toMatch(hint);
    if (URL.canParse(url) && !/\n/.test(url)) refusal(() => readProxy({ url: new URL(url) }));
  });

  it.each([
    ['http://127.0.0.1:3128', { host: '127.0.0.1', port: 3128, username: '' }],
    [' https://proxy.corp/ \n', { host: 'proxy.corp', port: 443, isSecure: true }],
    ['http://u:50%25%23%2F%3F%40@proxy.corp:8080', { username: 'u', password: '50%#/?@' }],
    ['http://DOMAIN%5Cu:a@b@[::1]:3128', { username: 'DOMAIN\\u', password: 'a@b', host: '::1' }],
  ])('%j is read', (url, expected) => {
    expect(readProxyUrl(url, 'proxy')).toMatchObject(expected);
  });
});

describe("'env'", () => {
  function stub(all: Record<string, string>) {
    for (const name of ['https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY', 'no_proxy']) {
      vi.stubEnv(name, all[name]);
    }
    vi.stubEnv('NO_PROXY', undefined);
    return readProxy('env')('example.com', 443)?.port;
  }

  it('reads ALL_PROXY where HTTPS_PROXY is not set, in lower case first', () => {
    expect(stub({ ALL_PROXY: 'http://a:1' })).toBe(1);
    expect(stub({ ALL_PROXY: 'http://a:1', all_proxy: 'http://a:2' })).toBe(2);
    expect(stub({ ALL_PROXY: 'http://a:1', HTTPS_PROXY: 'http://a:3' })).toBe(3);
    expect(stub({ ALL_PROXY: 'http://a:1', https_proxy: '' })).toBeUndefined();
    expect(stub({ ALL_PROXY: 'http://a:1', no_proxy: '.com' })).toBeUndefined();
    expect(stub({})).toBeUndefined();
  });

  it('names the variable that cannot be used, and shows nothing of it', () => {
    expect(refusal(() => stub({ ALL_PROXY: 'socks5://jdoe:Geheim99@a:1' })).message).toMatch(
      /^ALL_PROXY is a SOCKS proxy/,
    );
    expect(refusal(() => stub({ https_proxy: 'http://a:4711#Geheim99@b' })).message).toMatch(
      /^https_proxy: /,
    );
  });
});

describe('an answer of 407', () => {
  const of = (...values: string[]) =>
    ['HTTP/1.1 407 No', ...values.map((value) => `Proxy-Authenticate: ${value}`)].join('\r\n');

  it.each([
    [of('NTLM', 'Negotiate'), /offers NTLM, Negotiate only/],
    [of('Negotiate abc=, NTLM'), /offers NTLM, Negotiate only/],
    [of('Digest realm="a, Basic b", nonce="x"'), /offers Digest only/],
    [of('SCRAM-SHA-256 realm="x"'), /offers SCRAM-SHA-256 only/],
    [of('Secret\u001b[31mX'), /a scheme that is not known here|Give proxy\.auth/],
    [of('Geheim99'), /a scheme that is not known here/],
    [of('Negotiate', 'basic realm="Geheim99"'), /Give proxy\.auth/],
    [of(), /Give proxy\.auth/],
  ])('%j', (head, hint) => {
    const text = hintFor407(head, false);
    expect(text).toMatch(hint);
    expect(text).not.toMatch(/Geheim99|\p{Cc}/u);
    expect(text.length).toBeLessThan(400);
  });

  it('to a user name and password says that these are not taken', () => {
    expect(hintFor407(of('Basic realm="x"'), true)).toMatch(/does not take this user name/);
    expect(hintFor407(of('NTLM'), true)).toMatch(/offers NTLM only/);
  });
});

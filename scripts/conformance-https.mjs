/**
 * Preload of the conformance runner: turns its plain http servers into https servers.
 *
 * The runner has no TLS option. Loaded with `node --import`, this
 * - lets `http.createServer` make https servers, on 127.0.0.1 only, with the certificate and key
 *   of CONFORMANCE_CERTIFICATE and CONFORMANCE_KEY;
 * - rewrites the URLs that the runner's module hands out to https, as it is loaded;
 * - counts the requests that reach any of the servers, and writes the sum to
 *   CONFORMANCE_REQUESTS at exit.
 * The runner's files stay as they are, and the client, a process of its own, sees none of this.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { registerHooks } from 'node:module';
import net from 'node:net';

const { CONFORMANCE_CERTIFICATE, CONFORMANCE_KEY, CONFORMANCE_REQUESTS } = process.env;
const cert = readFileSync(CONFORMANCE_CERTIFICATE);
const key = readFileSync(CONFORMANCE_KEY);

// A scenario starts three servers at most: its own, an authorization server, an identity provider.
const addresses = await Promise.all([listenLocally(), listenLocally(), listenLocally()]);
let requests = 0;

http.createServer = (...args) => {
  const server = https.createServer({ cert, key }, args.at(-1));
  server.prependListener('request', () => {
    requests++;
  });
  const listen = server.listen.bind(server);
  server.listen = (port, callback) => {
    if (port !== 0) throw new Error(`expected listen(0) of the runner, not listen(${port})`);
    // The runner reads the port right after listen(0), without waiting. With a host, listen() would
    // resolve it first and be late, so the sockets were bound to 127.0.0.1 beforehand.
    return listen(addresses.pop(), callback).ref();
  };
  return server;
};

process.on('exit', () => writeFileSync(CONFORMANCE_REQUESTS, String(requests)));

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    if (!url.endsWith('/@modelcontextprotocol/conformance/dist/index.js')) return loaded;
    const source = String(loaded.source);
    const rewritten = source.replaceAll('`http://localhost:${', '`https://localhost:${');
    if (rewritten === source) throw new Error('the runner has changed: no URL of it was rewritten');
    return { ...loaded, source: rewritten };
  },
});

/** A bound socket that nothing accepts from yet; unused, it does not keep the process alive. */
function listenLocally() {
  return new Promise((resolve, reject) => {
    const server = net.createServer().on('error', reject);
    server.listen(0, '127.0.0.1', () => resolve(server.unref()));
  });
}

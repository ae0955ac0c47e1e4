import { must, NotApplicable, type WorkingCheck, works } from './battery-check.js';
import { chunksOf, pause, reach, within } from './requests.js';

/** What must work about connections and policies. */
export const CONNECTION_WORKS: readonly WorkingCheck[] = [
  works('connection', {
    id: 'passthrough',
    name: 'A proxy copies the bytes without reading them',
    why: "An honest way through somebody else's network is no attack.",
    advice: 'Judge the certificate, not the way to the server.',
    async run(stage) {
      const certificate = await stage.certificate();
      const server = await stage.server({ certificate });
      const foreign = await stage.certificate();
      const middle = await stage.interceptor(server, { certificate: foreign, mode: 'passthrough' });
      const url = `${middle.url}/mcp`;
      await reach(await stage.client({ url, ca: certificate.pem }), url);
      must(middle.records.applicationBytes === 0, 'the proxy could read the request');
    },
  }),
  works('connection', {
    id: 'renewal',
    name: 'The server changes to its renewed certificate, and both are anchors',
    why: 'A renewal that was prepared for goes by without anybody noticing.',
    advice: 'Accept every anchor of the policy on every new connection.',
    async run(stage) {
      const [old, renewed] = await stage.twins();
      const server = await stage.server({ certificate: old });
      const url = `${server.url}/mcp`;
      const client = await stage.client({ url, ca: old.pem + renewed.pem });
      await reach(client, url);
      server.rotate(renewed, { dropConnections: true });
      await pause(30);
      await reach(client, url);
    },
  }),
  works('connection', {
    id: 'two-policies',
    name: 'Two servers under two policies, asked in turn and together',
    why: 'A gateway talks to many servers; one policy must not get in the way of another.',
    advice: 'Make each client from its own policy, without state that they share.',
    async run(stage) {
      const both = await Promise.all(
        (await stage.twins()).map(async (certificate) => {
          const { url: origin } = await stage.server({ certificate });
          const url = `${origin}/mcp`;
          const client = await stage.client({ url, ca: certificate.pem });
          return () => reach(client, url);
        }),
      );
      for (const ask of both) await ask();
      await Promise.all([...both, ...both].map((ask) => ask()));
    },
  }),
  works('connection', {
    id: 'recovery',
    name: 'The genuine server comes back after an impostor was refused',
    why: 'A refusal is about one connection; it must not lock the client up.',
    advice: 'Do not remember refusals: judge each new connection afresh.',
    async run(stage) {
      const [genuine, impostor] = await stage.twins();
      const server = await stage.server({ certificate: impostor });
      const url = `${server.url}/mcp`;
      const client = await stage.client({ url, ca: genuine.pem });
      await reach(client, url).catch(() => {});
      server.rotate(genuine, { dropConnections: true });
      await pause(30);
      await reach(client, url);
    },
  }),
  works('connection', {
    id: 'close-idle',
    name: 'close() ends idle connections',
    why: 'Whoever revokes a policy wants its connections gone, and a process that can end.',
    advice: 'Let close() destroy the pool.',
    async run(stage) {
      const certificate = await stage.certificate();
      const server = await stage.server({ certificate, keepAliveMs: 0 });
      const url = `${server.url}/mcp`;
      const client = await stage.client({ url, ca: certificate.pem });
      if (client.close === undefined) throw new NotApplicable('the client has no close()');
      await reach(client, url);
      await client.close();
      must(await within(1000, () => server.openConnections === 0), 'a connection is still open');
    },
  }),
  works('connection', {
    id: 'close-stream',
    name: 'close() ends an event stream',
    subject: 'fetch',
    why: 'A stream that never ends must not keep a closed client alive.',
    advice:
      "Let close() destroy the pool; undici's Agent.close() waits for streams, destroy() does not.",
    async run(stage) {
      const certificate = await stage.certificate();
      const server = await stage.server({
        certificate,
        onRequest: (_request, response) => {
          response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
        },
      });
      const url = `${server.url}/mcp`;
      const client = await stage.client({ url, ca: certificate.pem });
      if (client.close === undefined) throw new NotApplicable('the client has no close()');
      const chunks = chunksOf(await client(url));
      await chunks.next();
      const rest = chunks.next().then(
        () => {},
        () => {},
      );
      await Promise.race([client.close(), pause(1500)]);
      must(await within(1000, () => server.openConnections === 0), 'the stream is still open');
      await Promise.race([rest, pause(1000)]);
    },
  }),
];

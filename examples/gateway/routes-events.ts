import { Router } from 'express';
import type { AppContext } from './app.js';
import type { LoggedEvent } from './event-log.js';

/** Proxies and browsers end a connection that is silent for too long. */
const HEARTBEAT_MS = 15_000;

/** What happened to certificates: the latest, and then those to come. */
export function eventRoutes({ events }: AppContext): Router {
  const router = Router();

  router.get('/events', (request, response) => {
    if (!request.accepts('json') || request.headers.accept === 'text/event-stream') {
      const send = (event: LoggedEvent) => {
        response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
      };
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.write(': the latest, and then those to come\n\n');
      for (const event of events.recent) send(event);
      const end = events.subscribe(send);
      const heartbeat = setInterval(() => response.write(':\n\n'), HEARTBEAT_MS);
      response.on('close', () => {
        end();
        clearInterval(heartbeat);
      });
      return;
    }
    response.json({ events: events.recent, worker: process.pid });
  });

  return router;
}

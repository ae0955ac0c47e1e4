import { fileURLToPath } from 'node:url';
import express, { type Express } from 'express';
import type { ServerRegistry } from 'mcp-tls';
import { ApiError, answerError } from './answer-error.js';
import type { ApprovalLog } from './approval-log.js';
import type { EventLog } from './event-log.js';
import { askToken, refuseForeign, safeHeaders } from './guard.js';
import type { Peer } from './peer.js';
import { readBody } from './read-body.js';
import { certificateRoutes } from './routes-certificates.js';
import { eventRoutes } from './routes-events.js';
import { serverRoutes } from './routes-servers.js';
import { toolRoutes } from './routes-tools.js';
import type { Settings } from './settings.js';

/** What the routes work with. */
export interface AppContext {
  readonly settings: Settings;
  readonly registry: ServerRegistry;
  /** The process that keeps the servers to try it on. */
  readonly primary: Peer;
  readonly events: EventLog;
  readonly approvals: ApprovalLog;
}

/** The application of one worker: the page at `/`, everything else under `/api`. */
export function createApp(context: AppContext): Express {
  const { settings, primary } = context;
  const app = express();
  app.disable('x-powered-by');
  app.set('query parser', 'simple');

  const api = express.Router();
  api.use(askToken(settings.adminToken));
  api.use(express.json({ limit: '256kb' }));
  api.use((_request, response, next) => {
    response.set('Cache-Control', 'no-store');
    next();
  });
  api.get('/status', async (_request, response) => {
    const store = settings.redisUrl === undefined ? 'directory' : 'redis';
    response.json({ worker: process.pid, store, demo: await primary.ask('demo', undefined) });
  });
  api.post('/demo/:name/rotate', async (request, response) => {
    const { name } = request.params;
    const demo = (await primary.ask('demo', undefined)) as readonly { name: string }[];
    if (!demo.some((server) => server.name === name)) throw new ApiError(404, 'no such server');
    const { sameKey } = readBody(request, ['sameKey']);
    await primary.ask('rotate', { name, sameKey: sameKey === true });
    response.json({ rotated: true });
  });
  api.use(serverRoutes(context));
  api.use(certificateRoutes(context));
  api.get('/approvals', async (request, response) => {
    const { id } = request.query;
    const approvals = await context.approvals.read(typeof id === 'string' ? id : undefined);
    response.json({ approvals, worker: process.pid });
  });
  api.use(toolRoutes(context));
  api.use(eventRoutes(context));
  api.use(() => {
    throw new ApiError(404, 'there is no such route; see README.md');
  });

  app.use(refuseForeign);
  app.use(safeHeaders);
  app.use('/api', api);
  app.use(express.static(fileURLToPath(new URL('page', import.meta.url)), { cacheControl: false }));
  app.use(answerError);
  return app;
}

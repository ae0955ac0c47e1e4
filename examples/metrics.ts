/**
 * Metrics of a gateway for Prometheus, without a dependency: counters from `onDiagnostic`, gauges from
 * `registry.stats()`.
 *
 *     const metrics = collectMetrics(registry);
 *     app.get('/metrics', (_request, response) => response.type('text/plain').send(metrics.text()));
 */
import { onDiagnostic, type ServerRegistry } from 'mcp-tls';

export interface Metrics extends Disposable {
  /** In the text format of Prometheus, version 0.0.4. */
  text(): string;
}

export function collectMetrics(registry: Pick<ServerRegistry, 'stats'>): Metrics {
  const totals = new Map<string, number>();
  const add = (name: string, labels: Record<string, string>, value = 1): void => {
    const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escaped(text)}"`);
    const series = `mcp_tls_${name}{${pairs.join(',')}}`;
    totals.set(series, (totals.get(series) ?? 0) + value);
  };
  // A server by its id; outside of a registry, by its address.
  const serverOf = ({ id, host, port }: { id?: string; host: string; port: number }) =>
    id ?? `${host}:${port}`;

  const listening = [
    onDiagnostic('mcp-tls:verified', (message) => {
      const server = serverOf(message);
      add('connections_total', { server, by: message.by });
      add('connection_seconds_sum', { server }, message.durationMs / 1000);
      add('connection_seconds_count', { server });
    }),
    onDiagnostic('mcp-tls:refused', (message) => {
      add('refused_total', { server: serverOf(message), code: message.code });
    }),
    onDiagnostic('mcp-tls:request', (message) => {
      const { method, connection = 'none', status, code = 'aborted' } = message;
      const server = serverOf(message);
      const result = status === undefined ? code : String(status);
      add('requests_total', { server, method, connection, result });
      add('request_seconds_sum', { server }, message.durationMs / 1000);
      add('request_seconds_count', { server });
    }),
  ];

  return {
    text() {
      const gauges = Object.entries(registry.stats());
      return [
        ...[...totals].map(([series, value]) => `${series} ${value}`),
        ...gauges.map(([name, value]) => `mcp_tls_registry_${name} ${value}`),
        '',
      ].join('\n');
    },
    [Symbol.dispose]() {
      for (const one of listening) one[Symbol.dispose]();
    },
  };
}

function escaped(text: string): string {
  return text.replaceAll(/[\\"]/g, '\\$&').replaceAll('\n', '\\n');
}

import type { CheckedTarget } from './check-server.js';

/** What was checked, in the text format of Prometheus (for its node exporter's textfile collector). */
export function prometheusText(results: readonly CheckedTarget[]): string {
  const metrics: [name: string, help: string, value: (one: CheckedTarget) => number | undefined][] =
    [
      [
        'mcp_tls_reachable',
        'Whether the server presented a certificate (1) or not (0).',
        ({ result }) => Number(result.peer !== undefined),
      ],
      [
        'mcp_tls_trusted',
        'Whether the server is trusted (1) or refused (0). Absent where it was not reached.',
        ({ result }) =>
          result.status === 'unreachable' ? undefined : Number(result.status !== 'refused'),
      ],
      [
        'mcp_tls_expires_timestamp_seconds',
        'When the first certificate that the trust rests on expires.',
        ({ result }) => result.end && Math.floor(result.end.notAfter.getTime() / 1000),
      ],
      [
        'mcp_tls_check_exit_code',
        'As of mcp-tls check: 0 trusted, 2 refused, 3 expiring, 4 unreachable.',
        ({ result }) => result.exitCode,
      ],
    ];
  return metrics
    .map(([name, help, read]) => {
      const lines = results.flatMap((one) => {
        const value = read(one);
        const labels = `server="${label(one.name ?? one.url.host)}",origin="${label(one.url.origin)}"`;
        return value === undefined ? [] : [`${name}{${labels}} ${value}\n`];
      });
      return `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${lines.join('')}`;
    })
    .join('');
}

function label(text: string): string {
  return text.replace(/["\\]/g, (character) => `\\${character}`).replaceAll('\n', '\\n');
}

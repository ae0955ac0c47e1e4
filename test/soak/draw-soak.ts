import { parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import type { WorkerReport } from './worker.js';

const INK = '#24292f';
const FAINT = '#d0d7de';

/** What each worker held over time, a panel for each kind of thing. */
export async function drawSoak(reports: readonly WorkerReport[]): Promise<string> {
  const values = reports.flatMap(({ samples }, i) =>
    samples.flatMap(({ at, rss, heap, external, sockets }) =>
      Object.entries({
        'RSS, MB': rss / 1e6,
        'heap, MB': heap / 1e6,
        'external, MB': external / 1e6,
        sockets,
      }).map(([what, value]) => ({ worker: `${i}`, minutes: at / 60_000, what, value })),
    ),
  );
  const view = new View(parse(compile(describe(values)).spec), { renderer: 'none' });
  const svg = await view.toSVG();
  view.finalize();
  return `${svg}\n`;
}

function describe(values: readonly object[]): TopLevelSpec {
  return {
    title: {
      text: 'What each worker of the soak holds, after a collection of garbage',
      anchor: 'start',
      fontSize: 14,
      offset: 12,
    },
    background: '#ffffff',
    padding: 16,
    data: { values: [...values] },
    facet: { field: 'what', sort: null, title: null, header: { labelFontSize: 12 } },
    columns: 2,
    resolve: { scale: { y: 'independent' } },
    spec: {
      width: 300,
      height: 160,
      mark: { type: 'line', strokeWidth: 1 },
      encoding: {
        x: { field: 'minutes', type: 'quantitative', title: 'minutes of the process' },
        y: { field: 'value', type: 'quantitative', title: null, scale: { zero: true } },
        color: { field: 'worker', type: 'nominal', title: 'worker' },
      },
    },
    config: {
      font: 'Helvetica, Arial, sans-serif',
      title: { color: INK },
      header: { labelColor: INK },
      legend: { labelColor: INK, orient: 'bottom' },
      axis: {
        labelColor: INK,
        titleColor: INK,
        gridColor: FAINT,
        domainColor: FAINT,
        tickColor: FAINT,
      },
      view: { stroke: null },
    },
  };
}

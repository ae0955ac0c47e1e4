import { parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';

/** What one call took, with so many records. */
export interface ScalePoint {
  readonly backend: string;
  readonly call: string;
  readonly records: number;
  readonly ms: number;
}

const INK = '#24292f';
const FAINT = '#d0d7de';

/** Time against the number of records, both by powers of ten: a panel for each backend, a line for each call. */
export async function drawScale(points: readonly ScalePoint[]): Promise<string> {
  const view = new View(parse(compile(describe(points)).spec), { renderer: 'none' });
  const svg = await view.toSVG();
  view.finalize();
  return `${svg}\n`;
}

function describe(points: readonly ScalePoint[]): TopLevelSpec {
  const calls = [...new Set(points.map(({ call }) => call))];
  return {
    title: {
      text: 'Time of a call against the number of records (less is better)',
      anchor: 'start',
      fontSize: 14,
      offset: 12,
    },
    background: '#ffffff',
    padding: 16,
    data: { values: [...points] },
    facet: { column: { field: 'backend', title: null, header: { labelFontSize: 12 } } },
    spec: {
      width: 230,
      height: 260,
      mark: { type: 'line', point: true },
      encoding: {
        x: { field: 'records', type: 'quantitative', scale: { type: 'log' }, title: 'records' },
        y: { field: 'ms', type: 'quantitative', scale: { type: 'log' }, title: 'ms' },
        color: { field: 'call', type: 'nominal', sort: calls, title: null },
      },
    },
    config: {
      font: 'Helvetica, Arial, sans-serif',
      title: { color: INK },
      header: { labelColor: INK },
      legend: { labelColor: INK, labelLimit: 0, orient: 'bottom', columns: 3 },
      axis: {
        labelColor: INK,
        titleColor: INK,
        gridColor: FAINT,
        domainColor: FAINT,
        tickColor: FAINT,
        tickCount: 4,
      },
      view: { stroke: null },
    },
  };
}

import { parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import { contenderName } from '../contender-names.js';
import type { Results, Series } from '../support/results.js';
import { allSeries } from '../support/results.js';

/** A plot: one series, a panel for each Node.js line. */
export interface BarPlot {
  readonly series: string;
  readonly title: string;
  /** In this order, from the top. Who did not run is left out. */
  readonly contenders: readonly string[];
  /** Drawn in another colour. */
  readonly highlighted: readonly string[];
}

interface Bar {
  readonly line: string;
  readonly contender: string;
  readonly median: number;
  readonly q1: number;
  readonly q3: number;
  readonly label: string;
  readonly highlighted: boolean;
}

/** On white, whatever the page is: an image cannot know whether its page is dark. */
const COLOURS = {
  paper: '#ffffff',
  ink: '#24292f',
  faint: '#d0d7de',
  ours: '#0969da',
  bar: '#8c959f',
};
const FONT = 'Helvetica, Arial, sans-serif';

/** Draws medians as bars and the middle half of the rounds as lines, as SVG. */
export async function drawBars(plot: BarPlot, runs: readonly Results[]): Promise<string> {
  const bars = runs.flatMap((results) => barsOf(plot, results));
  const unit = seriesOf(plot, runs[0])?.unit ?? '';
  const view = new View(parse(compile(describe(plot, bars, unit)).spec), { renderer: 'none' });
  const svg = await view.toSVG();
  view.finalize();
  return `${svg}\n`;
}

function barsOf(plot: BarPlot, results: Results): readonly Bar[] {
  const rows = seriesOf(plot, results)?.rows ?? [];
  return plot.contenders.flatMap((id) => {
    const row = rows.find(({ contender }) => contender === id);
    if (row === undefined) return [];
    const { median, q1, q3 } = row.value;
    return {
      line: `Node.js ${results.node.split('.')[0]}`,
      contender: plain(contenderName(id)),
      median,
      q1,
      q3,
      label: Math.round(median).toLocaleString('en'),
      highlighted: plot.highlighted.includes(id),
    };
  });
}

function seriesOf(plot: BarPlot, results: Results | undefined): Series | undefined {
  return results && allSeries(results).find(({ id }) => id === plot.series);
}

/** Names are written in Markdown. */
function plain(name: string): string {
  return name.replaceAll('`', '');
}

function describe(plot: BarPlot, bars: readonly Bar[], unit: string): TopLevelSpec {
  const order = plot.contenders.map((id) => plain(contenderName(id)));
  const most = Math.max(...bars.map(({ q3 }) => q3));
  return {
    title: { text: plot.title, anchor: 'start', fontSize: 14, offset: 12 },
    background: COLOURS.paper,
    padding: 16,
    data: { values: [...bars] },
    facet: { column: { field: 'line', title: null, header: { labelFontSize: 12 } } },
    spec: {
      width: 250,
      height: { step: 24 },
      encoding: {
        y: { field: 'contender', type: 'nominal', sort: order, title: null },
      },
      layer: [
        {
          mark: { type: 'bar', height: 15 },
          encoding: {
            // Room for the number beside the longest bar.
            x: {
              field: 'median',
              type: 'quantitative',
              title: unit,
              scale: { domainMax: most * 1.18 },
            },
            color: {
              field: 'highlighted',
              type: 'nominal',
              scale: { domain: [true, false], range: [COLOURS.ours, COLOURS.bar] },
              legend: null,
            },
          },
        },
        {
          mark: { type: 'rule', strokeWidth: 2, color: COLOURS.ink },
          encoding: { x: { field: 'q1', type: 'quantitative' }, x2: { field: 'q3' } },
        },
        {
          mark: { type: 'text', align: 'left', dx: 6, color: COLOURS.ink },
          encoding: { x: { field: 'q3', type: 'quantitative' }, text: { field: 'label' } },
        },
      ],
    },
    config: {
      font: FONT,
      title: { color: COLOURS.ink },
      header: { labelColor: COLOURS.ink },
      axis: {
        labelColor: COLOURS.ink,
        titleColor: COLOURS.ink,
        gridColor: COLOURS.faint,
        domainColor: COLOURS.faint,
        tickColor: COLOURS.faint,
        labelLimit: 0,
        tickCount: 4,
      },
      view: { stroke: null },
    },
  };
}

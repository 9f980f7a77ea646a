import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { byId, setText } from '../element.ts';
import { setLoaded } from '../loading.ts';
import type { DashboardState, RateSeries } from '../state/dashboard-state.ts';
import {
  chartSpan,
  chartTop,
  fullSeconds,
  runningMean,
  summariseRate,
  type RateSummary,
} from '../state/rate-summary.ts';
import { clockText, minuteText } from '../text/clock-text.ts';
import { countOf, countText, rateText } from '../text/count-text.ts';
import type { Part } from './part.ts';

const HEIGHT_PX = 190;
/** For the marks of what is higher than the chart. */
const MARK_PX = 16;
/** Marks that are nearer to each other would not be told apart. */
const MARKS_APART_PX = 56;
const FONT = '12px system-ui, sans-serif';

/** The click rate over the last minutes, a point for each second. */
export function createRateChart(): Part {
  const place = byId('rate-chart', HTMLElement);
  const summary = byId('rate-summary', HTMLElement);
  const span = byId('rate-span', HTMLElement);
  const mean = byId('rate-legend-mean', HTMLElement);
  const clipped = byId('rate-legend-clipped', HTMLElement);
  let chart: uPlot | undefined;
  let seconds: RateSeries = [];
  let spanSeconds = 0;
  let meanSeconds = 1;
  let lastSecond = 0;

  const draw = () => {
    chart?.setData(
      [
        seconds.map(([second]) => second),
        seconds.map(([, clicks]) => clicks),
        runningMean(
          seconds.map(([, clicks]) => clicks),
          meanSeconds,
        ),
      ],
      false,
    );
    chart?.batch(() => {
      const top = chartTop(seconds);
      clipped.hidden = seconds.every(([, clicks]) => clicks <= top);
      chart?.setScale('x', { min: lastSecond - spanSeconds, max: lastSecond });
      chart?.setScale('y', { min: 0, max: top });
    });
  };
  const begin = () => {
    chart?.destroy();
    chart = new uPlot(chartOptions(place), [[], [], []], place);
    draw();
  };
  new ResizeObserver(([entry]) => {
    chart?.setSize({ width: Math.floor(entry?.contentRect.width ?? 0), height: HEIGHT_PX });
  }).observe(place);
  // Colours of a canvas do not follow the style sheet.
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    if (chart) begin();
  });

  return {
    show: ({ rate, settings }: DashboardState, nowMs) => {
      const full = fullSeconds(rate);
      if (chart && full.at(-1)?.[0] === seconds.at(-1)?.[0] && full.length === seconds.length) {
        // The last full second may still get what Kafka took in late.
        if (full.at(-1)?.[1] === seconds.at(-1)?.[1]) return;
      }
      seconds = full;
      lastSecond = seconds.at(-1)?.[0] ?? Math.floor(nowMs / 1_000);
      meanSeconds = settings.rateMeanSeconds;
      spanSeconds = chartSpan(seconds, settings.rateWindowSeconds);
      if (chart) draw();
      else begin();
      setText(span, `last ${Math.round(spanSeconds / 60)} minutes`);
      setText(mean, `mean of ${meanSeconds} s`);
      const found = summariseRate(seconds);
      const text = found
        ? summaryText(found, lastSecond - found.since + 2 < spanSeconds)
        : 'The first second is being counted…';
      setLoaded(summary, text);
      place.setAttribute('aria-label', `Chart of the clicks per second. ${text}`);
    },
  };
}

/** @param isShort whether the clicks begin later than the chart, so that it has to be said when */
function summaryText({ peak, mean, since }: RateSummary, isShort: boolean): string {
  const from = isShort ? ` since ${clockText(since * 1_000)}` : '';
  return `Busiest second: ${countOf(peak[1], 'click')} at ${clockText(peak[0] * 1_000)}. On average ${rateText(mean)} per second${from}.`;
}

function chartOptions(place: HTMLElement): uPlot.Options {
  const style = getComputedStyle(place);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    font: FONT,
    stroke: colour('--muted'),
    ticks: { show: false },
    grid: { stroke: colour('--line'), width: 1 },
  };
  return {
    width: Math.max(1, Math.floor(place.clientWidth)),
    height: HEIGHT_PX,
    legend: { show: false },
    cursor: { show: false },
    padding: [MARK_PX, 12, 0, 0],
    hooks: {
      draw: [
        (chart) => {
          drawMarks(chart, colour('--accent'));
        },
      ],
    },
    scales: { x: { time: true, auto: false }, y: { auto: false } },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 28,
        space: 90,
        values: (_, splits) => splits.map((second) => minuteText(second * 1_000)),
        incrs: [60, 120, 300],
      },
      {
        ...axis,
        size: 48,
        space: 40,
        incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000],
        values: (_, splits) => splits.map(countText),
      },
    ],
    series: [
      {},
      { stroke: colour('--accent-pale'), width: 1, points: { show: false } },
      { stroke: colour('--accent'), fill: colour('--accent-fill'), width: 2.5, points: { show: false } },
    ],
  };
}

/** Marks the seconds that are higher than the chart, with how high they are; of those close together the highest. */
function drawMarks(chart: uPlot, colour: string): void {
  const { ctx, bbox, data, scales } = chart;
  const top = scales['y']?.max ?? Infinity;
  const ratio = devicePixelRatio;
  let marks: { readonly x: number; readonly clicks: number }[] = [];
  data[1]?.forEach((clicks, index) => {
    if (typeof clicks !== 'number' || clicks <= top) return;
    const x = chart.valToPos(data[0][index] ?? 0, 'x', true);
    const near = marks.find((mark) => Math.abs(mark.x - x) < MARKS_APART_PX * ratio);
    if (near && near.clicks >= clicks) return;
    marks = [...marks.filter((mark) => mark !== near), { x, clicks }];
  });
  ctx.save();
  ctx.fillStyle = colour;
  ctx.font = `${12 * ratio}px system-ui, sans-serif`;
  ctx.textAlign = 'center';
  ctx.textBaseline = 'bottom';
  for (const { x, clicks } of marks) {
    const text = `▲ ${countText(clicks)}`;
    const half = ctx.measureText(text).width / 2;
    ctx.fillText(text, Math.min(x, bbox.left + bbox.width - half), bbox.top - ratio);
  }
  ctx.restore();
}

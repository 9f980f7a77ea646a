import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { byId, setText } from '../element.ts';
import type { DashboardState, RateSeries } from '../state/dashboard-state.ts';
import { chartSpan, fullSeconds, runningMean, summariseRate } from '../state/rate-summary.ts';
import { clockText, minuteText } from '../text/clock-text.ts';
import { countOf, countText, rateText } from '../text/count-text.ts';
import type { Part } from './part.ts';

const HEIGHT_PX = 220;
const FONT = '12px system-ui, sans-serif';

/** The click rate over the last minutes, a point for each second. */
export function createRateChart(): Part {
  const place = byId('rate-chart', HTMLElement);
  const summary = byId('rate-summary', HTMLElement);
  const span = byId('rate-span', HTMLElement);
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
      const top = seconds.reduce((most, [, clicks]) => Math.max(most, clicks), 0);
      chart?.setScale('x', { min: lastSecond - spanSeconds, max: lastSecond });
      chart?.setScale('y', { min: 0, max: Math.max(4, top * 1.1) });
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
      setText(
        span,
        `last ${Math.round(spanSeconds / 60)} minutes; line: mean of ${meanSeconds} s, pale: each second`,
      );
      const found = summariseRate(seconds);
      const text = found
        ? `Busiest second: ${countOf(found.peak[1], 'click')} at ${clockText(found.peak[0] * 1_000)}. On average ${rateText(found.mean)} per second.`
        : 'The first second is being counted…';
      setText(summary, text);
      place.setAttribute('aria-label', `Chart of the clicks per second. ${text}`);
    },
  };
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
    padding: [8, 12, 0, 0],
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
        size: 52,
        space: 40,
        incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000],
        values: (_, splits) => splits.map(countText),
      },
    ],
    series: [
      {},
      { stroke: colour('--accent-pale'), width: 1, points: { show: false } },
      { stroke: colour('--accent'), fill: colour('--accent-fill'), width: 2, points: { show: false } },
    ],
  };
}

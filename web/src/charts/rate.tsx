// Events stored in each of the last 60 seconds, drawn by uPlot and fed once a second.
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { useI18n } from '../i18n';
import { useValue } from '../observable';
import { theme } from '../theme';
import { ExportButtons } from './export';
import type { Exported } from './formats';
import { useWidth } from './width';

const HEIGHT_PX = 190;

function colour(name: string): string {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function options(width: number, number: (x: number) => string, seconds: (s: number) => string) {
    const axis: uPlot.Axis = {
        stroke: colour('--muted'),
        font: '12px system-ui, sans-serif',
        grid: { stroke: colour('--line'), width: 1 },
        ticks: { show: false },
    };
    const result: uPlot.Options = {
        width,
        height: HEIGHT_PX,
        legend: { show: false },
        cursor: { show: false },
        padding: [12, 24, 0, 0],
        scales: {
            x: { time: false },
            // an idle server draws a flat line at the bottom, not in the middle
            y: { range: (_plot, _low, high) => [0, Math.max(4, (high ?? 0) * 1.1)] },
        },
        axes: [
            {
                ...axis,
                size: 30,
                incrs: [10, 15, 30],
                values: (_plot, at) => at.map((s) => seconds(s)),
            },
            {
                ...axis,
                size: 56,
                incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5],
                values: (_plot, at) => at.map((n) => number(n)),
            },
        ],
        series: [
            {},
            {
                stroke: colour('--accent'),
                fill: colour('--accent-soft'),
                width: 2,
                points: { show: false },
                paths: uPlot.paths.stepped!({ align: 1 }),
            },
        ],
    };
    return result;
}

/** Seconds before now (negative) and counts; the last count is repeated at 0 to close its step. */
function steps(perSecond: readonly number[]): uPlot.AlignedData {
    const ages = perSecond.map((_, i) => i - perSecond.length);
    return [
        [...ages, 0],
        [...perSecond, perSecond.at(-1) ?? 0],
    ];
}

/** perSecond: [60] counts, oldest first. */
export function RateChart({ perSecond }: { perSecond: readonly number[] }) {
    const { t, number, seconds, locale } = useI18n();
    const look = useValue(theme);
    const [box, width] = useWidth<HTMLDivElement>();
    const plot = useRef<uPlot | null>(null);
    const latest = useRef<readonly number[]>(perSecond);
    latest.current = perSecond;

    useEffect(() => {
        if (!box.current || width < 40) return undefined;
        plot.current = new uPlot(
            options(width, number, seconds),
            steps(latest.current),
            box.current,
        );
        return () => {
            plot.current?.destroy();
            plot.current = null;
        };
    }, [width, look, locale]);
    useEffect(() => plot.current?.setData(steps(perSecond)), [perSecond]);

    const now = perSecond.at(-1) ?? 0;
    const sum = perSecond.reduce((total, n) => total + n, 0);
    const words = t('rate.summary', {
        now: number(now),
        peak: number(Math.max(0, ...perSecond)),
        sum: number(sum),
    });
    const exported = (): Exported => ({
        name: 'treadle-events-per-second',
        rows: latest.current.map((events, i) => ({ second: i - latest.current.length, events })),
        vegaLite: {
            title: t('rate.title'),
            width: 640,
            mark: { type: 'area', interpolate: 'step-after', line: true, opacity: 0.3 },
            encoding: {
                x: { field: 'second', type: 'quantitative', title: t('rate.x') },
                y: { field: 'events', type: 'quantitative', title: t('rate.y') },
            },
        },
    });

    return (
        <figure class="chart">
            <div ref={box} class="rate" role="img" aria-label={`${t('rate.title')}: ${words}`} />
            <figcaption>
                <span class="muted">{words}</span>
                <ExportButtons title={t('rate.title')} what={exported} />
            </figcaption>
        </figure>
    );
}

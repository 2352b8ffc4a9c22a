// A series, what was forecast of it from earlier origins, and the newest forecast with its
// intervals. Values that became known since are dots; those outside the interval they were forecast
// with are marked.
import { useI18n } from '../i18n';
import { ExportButtons } from './export';
import type { Exported, Row } from './formats';
import { ticksBetween } from './ticks';
import { useWidth } from './width';

type Time = string | number;

export interface Known {
    time: Time;
    value: number | null;
    told: boolean;
}

export interface FanForecast {
    times: readonly Time[];
    forecast: readonly number[];
    intervals: readonly {
        level: number;
        low: readonly (number | null)[];
        high: readonly (number | null)[];
    }[];
}

const HEIGHT_PX = 280;
const LEFT_PX = 62;
const BOTTOM_PX = 28;
const TIMES_SHOWN = 4;

interface Fan {
    title: string;
    series: string;
    known: readonly Known[];
    /** Oldest first. */
    forecasts: readonly FanForecast[];
}

/** Where each time stands, from 0: known ones, then those that are only forecast. */
function placesOf(known: readonly Known[], forecasts: readonly FanForecast[]): Map<Time, number> {
    const places = new Map<Time, number>();
    const add = (time: Time) => {
        if (!places.has(time)) places.set(time, places.size);
    };
    known.forEach(({ time }) => add(time));
    forecasts.forEach(({ times }) => times.forEach(add));
    return places;
}

/** Was a value outside the first interval of the newest forecast that knew nothing of it? */
function missed({ time, value, told }: Known, forecasts: readonly FanForecast[]): boolean {
    if (!told || value === null) return false;
    for (const { times, intervals } of [...forecasts].reverse()) {
        const h = times.indexOf(time);
        const low = h < 0 ? null : intervals[0]?.low[h];
        const high = h < 0 ? null : intervals[0]?.high[h];
        if (typeof low === 'number' && typeof high === 'number') return value < low || value > high;
    }
    return false;
}

/** Bounds that are there, as the outline of a band. */
function outline(
    { times, intervals }: FanForecast,
    which: number,
    x: (time: Time) => number,
    y: (value: number) => number,
): string {
    const band = intervals[which]!;
    const side = (bounds: readonly (number | null)[]) =>
        bounds.flatMap((bound, h) => (bound === null ? [] : [`${x(times[h]!)},${y(bound)}`]));
    return [...side(band.high), ...side(band.low).reverse()].join(' ');
}

function rowsOf({ series, known, forecasts }: Fan): Row[] {
    const said = forecasts.flatMap(({ times, forecast, intervals }, i) =>
        times.map((time, h): Row => ({
            series,
            time,
            kind: `forecast ${i + 1}`,
            value: forecast[h]!,
            low: intervals[0]?.low[h] ?? null,
            high: intervals[0]?.high[h] ?? null,
        })),
    );
    const happened = known.map(({ time, value, told }): Row => ({
        series,
        time,
        kind: told ? 'told' : 'fitted',
        value,
        low: null,
        high: null,
    }));
    return [...happened, ...said];
}

function exportOf(fan: Fan): Exported {
    const type = fan.known.some(({ time }) => typeof time === 'number') ? 'quantitative' : 'temporal';
    const x = { field: 'time', type };

    return {
        name: `treadle-forecast-${fan.series.replace(/[^\w.-]+/g, '-')}`,
        rows: rowsOf(fan),
        vegaLite: {
            title: fan.title,
            width: 640,
            layer: [
                {
                    mark: { type: 'area', opacity: 0.25 },
                    encoding: {
                        x,
                        y: { field: 'low', type: 'quantitative', scale: { zero: false } },
                        y2: { field: 'high' },
                        detail: { field: 'kind' },
                    },
                },
                {
                    mark: 'line',
                    encoding: {
                        x,
                        y: { field: 'value', type: 'quantitative', scale: { zero: false } },
                        color: { field: 'kind', type: 'nominal' },
                    },
                },
            ],
        },
    };
}

function extent(known: readonly Known[], forecasts: readonly FanForecast[]): number[] {
    const values = [
        ...known.map(({ value }) => value),
        ...forecasts.flatMap(({ forecast }) => forecast),
        ...(forecasts.at(-1)?.intervals ?? []).flatMap(({ low, high }) => [...low, ...high]),
    ].filter((value) => value !== null);
    return ticksBetween(Math.min(...values), Math.max(...values));
}

function Plot({ fan, width, words }: { fan: Fan; width: number; words: string }) {
    const { figure, time: day } = useI18n();
    const { known, forecasts } = fan;
    const places = placesOf(known, forecasts);
    const marks = extent(known, forecasts);
    const [bottom, top] = [marks[0]!, marks.at(-1)!];
    const steps = Math.max(1, places.size - 1);
    const at = (place: number) => LEFT_PX + ((width - LEFT_PX - 14) * place) / steps;
    const x = (time: Time) => at(places.get(time)!);
    const y = (value: number) =>
        10 + (HEIGHT_PX - 10 - BOTTOM_PX) * (1 - (value - bottom) / (top - bottom));
    const times = [...places.keys()];
    const shown = Array.from({ length: TIMES_SHOWN }, (_, i) =>
        Math.round((i * (times.length - 1)) / (TIMES_SHOWN - 1)),
    );
    const newest = forecasts.at(-1);
    const line = (points: readonly { time: Time; value: number | null }[]) =>
        points
            .flatMap(({ time, value }) => (value === null ? [] : [`${x(time)},${y(value)}`]))
            .join(' ');
    const pathOf = ({ times: own, forecast }: FanForecast) =>
        line(own.map((time, h) => ({ time, value: forecast[h]! })));

    return (
        <svg class="fan" width={width} height={HEIGHT_PX} role="img" aria-label={words}>
            {marks.map((mark) => (
                <g key={mark}>
                    <line class="grid" x1={LEFT_PX} x2={width - 14} y1={y(mark)} y2={y(mark)} />
                    <text class="tick" x={LEFT_PX - 7} y={y(mark) + 4} text-anchor="end">
                        {figure(mark)}
                    </text>
                </g>
            ))}
            {[...new Set(shown)].map((place, i, all) => (
                <text
                    key={place}
                    class="tick"
                    x={at(place)}
                    y={HEIGHT_PX - 8}
                    text-anchor={i === 0 ? 'start' : i === all.length - 1 ? 'end' : 'middle'}
                >
                    {typeof times[place] === 'number' ? figure(times[place]) : day(times[place]!)}
                </text>
            ))}
            {newest?.intervals.map(({ level }, k) => (
                <polygon key={level} class="band" points={outline(newest, k, x, y)} />
            ))}
            {forecasts.slice(0, -1).map((forecast) => (
                <polyline key={String(forecast.times[0])} class="past" points={pathOf(forecast)} />
            ))}
            <polyline class="curve" points={line(known)} />
            {newest && <polyline class="newest" points={pathOf(newest)} />}
            {known.map((point) =>
                point.told && point.value !== null ? (
                    <circle
                        key={point.time}
                        class={missed(point, forecasts) ? 'told missed' : 'told'}
                        cx={x(point.time)}
                        cy={y(point.value)}
                        r={3.5}
                    />
                ) : null,
            )}
        </svg>
    );
}

export function FanChart(fan: Fan) {
    const { t, number, figure } = useI18n();
    const [box, width] = useWidth<HTMLDivElement>();
    const told = fan.known.filter((point) => point.told && point.value !== null);
    const words = t('forecast.fanWords', {
        known: number(told.length),
        missed: number(told.filter((point) => missed(point, fan.forecasts)).length),
        next: figure(fan.forecasts.at(-1)?.forecast[0] ?? fan.known.at(-1)?.value ?? 0),
    });

    return (
        <figure class="chart">
            <h3>{fan.title}</h3>
            <div ref={box} class="interval-box">
                {width > 160 && fan.known.length > 0 && (
                    <Plot fan={fan} width={width} words={`${fan.title}: ${words}`} />
                )}
            </div>
            <figcaption>
                <span class="muted">{words}</span>
                <ExportButtons title={fan.title} what={() => exportOf(fan)} />
            </figcaption>
        </figure>
    );
}

// One metric of one or more runs over their steps, drawn by uPlot. Pointer and arrow keys read it.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { useI18n } from '../i18n';
import { useValue } from '../observable';
import { theme } from '../theme';
import { align, type Curve } from './curves';
import { ExportButtons } from './export';
import type { Exported } from './formats';
import { useWidth } from './width';

const HEIGHT_PX = 210;
/** As many as there are colours (`--series-1`, ...) and dashes. */
export const LINES_MAX = 6;
const DASHES = [[], [9, 4], [3, 3], [12, 3, 3, 3], [6, 6], [2, 6]];

export interface Line extends Curve {
    label: string;
    /** Which colour and dash, from 0. */
    place: number;
}

function colour(name: string): string {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function options(
    width: number,
    lines: readonly Line[],
    figure: (x: number) => string,
    onCursor: (index: number | null) => void,
): uPlot.Options {
    const axis: uPlot.Axis = {
        stroke: colour('--muted'),
        font: '12px system-ui, sans-serif',
        grid: { stroke: colour('--line'), width: 1 },
        ticks: { show: false },
        values: (_plot, at) => at.map(figure),
    };
    return {
        width,
        height: HEIGHT_PX,
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false } },
        padding: [12, 24, 0, 0],
        scales: { x: { time: false } },
        axes: [
            { ...axis, size: 30 },
            { ...axis, size: 62 },
        ],
        hooks: { setCursor: [(plot) => onCursor(plot.cursor.idx ?? null)] },
        series: [
            {},
            ...lines.map(({ place, steps }) => ({
                stroke: colour(`--series-${place + 1}`),
                dash: DASHES[place]!,
                width: 2,
                spanGaps: true,
                points: { show: steps.length < 20 },
            })),
        ],
    };
}

function exportOf(title: string, lines: readonly Line[], step: string): Exported {
    return {
        name: `treadle-${title.replace(/[^\w.-]+/g, '-')}`,
        rows: lines.flatMap(({ label, steps, values }) =>
            steps.map((at, i) => ({ run: label, step: at, value: values[i]! })),
        ),
        vegaLite: {
            title,
            width: 640,
            mark: 'line',
            encoding: {
                x: { field: 'step', type: 'quantitative', title: step },
                y: {
                    field: 'value',
                    type: 'quantitative',
                    title,
                    scale: { zero: false },
                },
                color: { field: 'run', type: 'nominal' },
            },
        },
    };
}

interface LineChartProps {
    title: string;
    lines: readonly Line[];
    /** Say which run a value is of. */
    named: boolean;
}

export function LineChart({ title, lines, named }: LineChartProps) {
    const { t, figure, locale } = useI18n();
    const look = useValue(theme);
    const [box, width] = useWidth<HTMLDivElement>();
    const plot = useRef<uPlot | null>(null);
    const [at, setAt] = useState<number | null>(null);
    const data = useMemo(() => align(lines), [lines]);
    const shape = lines.map(({ label, place }) => `${place} ${label}`).join('\n');

    useEffect(() => {
        if (!box.current || width < 40) return undefined;
        plot.current = new uPlot(options(width, lines, figure, setAt), data, box.current);
        return () => {
            plot.current?.destroy();
            plot.current = null;
        };
    }, [width, look, locale, shape]);
    useEffect(() => plot.current?.setData(data), [data]);

    /** Put the cursor on point `index`; uPlot tells `setAt`. */
    function moveTo(index: number) {
        const u = plot.current;
        const inside = Math.max(0, Math.min(index, data[0].length - 1));
        u?.setCursor({ left: u.valToPos(data[0][inside]!, 'x'), top: 0 });
    }

    function onKeyDown(event: KeyboardEvent) {
        const last = data[0].length - 1;
        const to = {
            ArrowLeft: (at ?? last + 1) - 1,
            ArrowRight: (at ?? -1) + 1,
            Home: 0,
            End: last,
        };
        if (!(event.key in to)) return;
        event.preventDefault();
        moveTo(to[event.key as keyof typeof to]);
    }

    const valuesAt = (index: number | null) =>
        lines
            .map(({ label, values }, i) => {
                const value = index === null ? values.at(-1) : data[i + 1]![index];
                if (value === undefined || value === null) return null;
                return named
                    ? t('lines.value', { run: label, value: figure(value) })
                    : figure(value);
            })
            .filter((words) => words !== null)
            .join(t('list.separator'));
    const words =
        at === null || data[0][at] === undefined
            ? t('lines.last', { values: valuesAt(null) })
            : t('lines.at', { step: figure(data[0][at]), values: valuesAt(at) });

    return (
        <figure class="chart">
            <h3>{title}</h3>
            <div
                ref={box}
                class="lines"
                role="img"
                tabIndex={0}
                aria-label={`${title}: ${t('lines.last', { values: valuesAt(null) })}`}
                onKeyDown={onKeyDown}
            />
            <figcaption>
                <span class="muted" aria-live={at === null ? 'off' : 'polite'}>
                    {words}
                </span>
                <ExportButtons title={title} what={() => exportOf(title, lines, t('lines.step'))} />
            </figcaption>
        </figure>
    );
}

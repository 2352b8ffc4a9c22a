// One figure for each period, as columns. Pointer and arrow keys read them.
import { useState } from 'preact/hooks';
import { useI18n } from '../i18n';
import { ExportButtons } from './export';
import type { Exported } from './formats';
import { ticks } from './ticks';
import { useWidth } from './width';

export interface Column {
    /** When the period begins, RFC 3339. */
    time: string;
    value: number;
}

const HEIGHT_PX = 150;
const LEFT_PX = 52;
const AXIS_PX = 22;

interface ColumnChartProps {
    title: string;
    columns: readonly Column[];
    /** A period in words. */
    day: (time: string) => string;
    what: () => Exported;
}

export function ColumnChart({ title, columns, day, what }: ColumnChartProps) {
    const { t, number } = useI18n();
    const [box, width] = useWidth<HTMLDivElement>();
    const [at, setAt] = useState<number | null>(null);
    const marks = ticks(Math.max(1, ...columns.map(({ value }) => value)));
    const step = (width - LEFT_PX) / Math.max(1, columns.length);
    const y = (value: number) => 8 + (HEIGHT_PX - 8) * (1 - value / marks.at(-1)!);
    const sum = columns.reduce((all, { value }) => all + value, 0);
    const shown = at === null ? undefined : columns[at];
    const words = shown
        ? t('insights.at', { time: day(shown.time), value: number(shown.value) })
        : t('insights.sum', { sum: number(sum), n: number(columns.length) });

    function onKeyDown(event: KeyboardEvent) {
        const last = columns.length - 1;
        const to = { ArrowLeft: (at ?? last + 1) - 1, ArrowRight: (at ?? -1) + 1, Home: 0, End: last };
        if (!(event.key in to)) return;
        event.preventDefault();
        setAt(Math.max(0, Math.min(last, to[event.key as keyof typeof to])));
    }

    return (
        <figure class="chart">
            <h3>{title}</h3>
            <div
                ref={box}
                role="img"
                tabIndex={0}
                aria-label={`${title}: ${words}`}
                onKeyDown={onKeyDown}
                onMouseLeave={() => setAt(null)}
            >
                <svg class="columns" width={width} height={HEIGHT_PX + AXIS_PX} aria-hidden="true">
                    {marks.map((mark) => (
                        <g key={mark}>
                            <line class="grid" x1={LEFT_PX} x2={width} y1={y(mark)} y2={y(mark)} />
                            <text class="tick" x={LEFT_PX - 8} y={y(mark) + 4} text-anchor="end">
                                {number(mark)}
                            </text>
                        </g>
                    ))}
                    {columns.map(({ time, value }, i) => (
                        <rect
                            key={time}
                            class={i === at ? 'column chosen' : 'column'}
                            x={LEFT_PX + i * step + step * 0.12}
                            width={Math.max(1, step * 0.76)}
                            y={y(value)}
                            height={HEIGHT_PX - y(value)}
                            onMouseEnter={() => setAt(i)}
                        />
                    ))}
                    {columns.length > 0 && width > 0 && (
                        <>
                            <text class="tick" x={LEFT_PX} y={HEIGHT_PX + 16}>
                                {day(columns[0]!.time)}
                            </text>
                            <text class="tick" x={width} y={HEIGHT_PX + 16} text-anchor="end">
                                {day(columns.at(-1)!.time)}
                            </text>
                        </>
                    )}
                </svg>
            </div>
            <figcaption>
                <span class="muted" aria-live={at === null ? 'off' : 'polite'}>
                    {words}
                </span>
                <ExportButtons title={title} what={what} />
            </figcaption>
        </figure>
    );
}

// Figures by name as bars to both sides of zero: what pushes up, what pushes down.
import { useI18n } from '../i18n';
import { ExportButtons } from './export';
import type { Row } from './formats';
import { ticks } from './ticks';
import { useWidth } from './width';

export interface Bar {
    label: string;
    value: number;
}

const ROW_PX = 26;
const AXIS_PX = 24;

function Plot({ bars, width, words }: { bars: readonly Bar[]; width: number; words: string }) {
    const { number } = useI18n();
    const left = Math.min(220, width * 0.46);
    const most = Math.max(...bars.map(({ value }) => Math.abs(value)));
    const signed = bars.some(({ value }) => value < 0);
    const up = ticks(most);
    const marks = signed ? [-up.at(-1)!, 0, up.at(-1)!] : up;
    const low = marks[0]!;
    const high = marks.at(-1)!;
    const x = (value: number) => left + ((width - left - 32) * (value - low)) / (high - low);
    const bottom = bars.length * ROW_PX;

    return (
        <svg width={width} height={bottom + AXIS_PX} role="img" aria-label={words}>
            {marks.map((mark) => (
                <g key={mark}>
                    <line class="grid" x1={x(mark)} x2={x(mark)} y1={0} y2={bottom} />
                    <text class="tick" x={x(mark)} y={bottom + 16} text-anchor="middle">
                        {number(mark)}
                    </text>
                </g>
            ))}
            {bars.map(({ label, value }, i) => (
                <g key={label}>
                    <text class="label" x={0} y={(i + 0.5) * ROW_PX + 4.5}>
                        {label.length > 28 ? `${label.slice(0, 27)}…` : label}
                    </text>
                    <rect
                        class={value < 0 ? 'down' : 'up'}
                        x={Math.min(x(0), x(value))}
                        width={Math.max(1, Math.abs(x(value) - x(0)))}
                        y={i * ROW_PX + 5}
                        height={ROW_PX - 10}
                    />
                </g>
            ))}
        </svg>
    );
}

interface BarPlotProps {
    title: string;
    /** File name without its ending. */
    name: string;
    bars: readonly Bar[];
    /** In words; by default all of them. */
    words?: string;
}

export function BarPlot({ title, name, bars, words }: BarPlotProps) {
    const { t, figure } = useI18n();
    const [box, width] = useWidth<HTMLDivElement>();
    const all = bars
        .map(({ label, value }) => t('lines.value', { run: label, value: figure(value) }))
        .join(t('list.separator'));
    const rows: Row[] = bars.map(({ label, value }) => ({ label, value }));

    return (
        <figure class="chart">
            <h3>{title}</h3>
            <div ref={box} class="interval-box bar-box">
                {width > 60 && bars.length > 0 && (
                    <Plot bars={bars} width={width} words={`${title}: ${words ?? all}`} />
                )}
            </div>
            <figcaption>
                <ExportButtons
                    title={title}
                    what={() => ({
                        name,
                        rows,
                        vegaLite: {
                            title,
                            width: 480,
                            mark: 'bar',
                            encoding: {
                                y: { field: 'label', type: 'nominal', sort: null, title: null },
                                x: { field: 'value', type: 'quantitative', title },
                            },
                        },
                    })}
                />
            </figcaption>
        </figure>
    );
}

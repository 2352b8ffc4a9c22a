// One metric of several models: estimate and 95 % interval each, the serving one marked.
import { useI18n } from '../i18n';
import { ExportButtons } from './export';
import type { Exported } from './formats';
import { ticks } from './ticks';
import { useWidth } from './width';

export interface Interval {
    label: string;
    value: number;
    low: number;
    high: number;
    promoted: boolean;
}

const ROW_PX = 34;
const TOP_PX = 8;
const AXIS_PX = 26;

function labelWidth(rows: readonly Interval[]): number {
    const wide = (text: string) =>
        [...text].reduce((sum, c) => sum + (c > '\u2e80' ? 13.5 : 7.4), 0); // px at 13px type
    return Math.ceil(Math.max(40, ...rows.map((row) => wide(row.label)))) + 14;
}

function Plot({ rows, width, words }: { rows: readonly Interval[]; width: number; words: string }) {
    const { number } = useI18n();
    const left = Math.min(labelWidth(rows), width * 0.52);
    const right = width - 32;
    const marks = ticks(Math.max(...rows.map((row) => row.high)));
    const x = (value: number) => left + ((right - left) * value) / marks.at(-1)!;
    const bottom = TOP_PX + rows.length * ROW_PX;

    return (
        <svg width={width} height={bottom + AXIS_PX} role="img" aria-label={words}>
            {marks.map((mark) => (
                <g key={mark}>
                    <line class="grid" x1={x(mark)} x2={x(mark)} y1={TOP_PX} y2={bottom} />
                    <text class="tick" x={x(mark)} y={bottom + 17} text-anchor="middle">
                        {number(mark)}
                    </text>
                </g>
            ))}
            {rows.map((row, i) => {
                const y = TOP_PX + (i + 0.5) * ROW_PX;
                return (
                    <g key={row.label} class={row.promoted ? 'interval promoted' : 'interval'}>
                        <text class="label" x={0} y={y + 4.5}>
                            {row.label}
                        </text>
                        <line x1={x(row.low)} x2={x(row.high)} y1={y} y2={y} />
                        <line x1={x(row.low)} x2={x(row.low)} y1={y - 5} y2={y + 5} />
                        <line x1={x(row.high)} x2={x(row.high)} y1={y - 5} y2={y + 5} />
                        {row.promoted ? (
                            <rect x={x(row.value) - 5} y={y - 5} width={10} height={10} />
                        ) : (
                            <circle cx={x(row.value)} cy={y} r={4.5} />
                        )}
                    </g>
                );
            })}
        </svg>
    );
}

export function IntervalPlot({
    title,
    name,
    rows,
    field = 'model',
}: {
    title: string;
    name: string;
    rows: readonly Interval[];
    /** What the rows are of: a column of the file that is saved. */
    field?: string;
}) {
    const { t, measure } = useI18n();
    const [box, width] = useWidth<HTMLDivElement>();
    const words = rows
        .map((row) =>
            t('interval.row', {
                model: row.label,
                value: measure(row.value),
                low: measure(row.low),
                high: measure(row.high),
            }),
        )
        .join(t('list.separator'));
    const exported = (): Exported => ({
        name,
        rows: rows.map(({ label, ...figures }) => ({ [field]: label, ...figures })),
        vegaLite: {
            title,
            width: 480,
            encoding: { y: { field, type: 'nominal', sort: null, title: null } },
            layer: [
                {
                    mark: 'rule',
                    encoding: {
                        x: { field: 'low', type: 'quantitative', title },
                        x2: { field: 'high' },
                    },
                },
                {
                    mark: { type: 'point', filled: true, size: 80 },
                    encoding: {
                        x: { field: 'value', type: 'quantitative' },
                        shape: { field: 'promoted', type: 'nominal' },
                    },
                },
            ],
        },
    });

    return (
        <figure class="chart">
            <h3>{title}</h3>
            <div ref={box} class="interval-box">
                {width > 60 && rows.length > 0 && (
                    <Plot rows={rows} width={width} words={`${title}: ${words}`} />
                )}
            </div>
            <figcaption>
                <ExportButtons title={title} what={exported} />
            </figcaption>
        </figure>
    );
}

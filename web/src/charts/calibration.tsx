// What was predicted against what happened, with the interval of each bin and the diagonal of
// predictions that are right.
import { useI18n } from '../i18n';
import { ExportButtons } from './export';
import type { Row } from './formats';
import { useWidth } from './width';

export interface Bin {
    rows: number;
    predicted: number;
    happened: number;
    low: number;
    high: number;
}

const HEIGHT_PX = 260;
const LEFT_PX = 46;
const BOTTOM_PX = 28;
const MARKS = [0, 0.25, 0.5, 0.75, 1];

export function CalibrationPlot({ title, bins }: { title: string; bins: readonly Bin[] }) {
    const { t, percent, number } = useI18n();
    const [box, width] = useWidth<HTMLDivElement>();
    const wide = Math.min(width, 460);
    const x = (share: number) => LEFT_PX + (wide - LEFT_PX - 14) * share;
    const y = (share: number) => 10 + (HEIGHT_PX - 10 - BOTTOM_PX) * (1 - share);
    const words = bins
        .map((bin) =>
            t('predict.bin', {
                predicted: percent(bin.predicted),
                happened: percent(bin.happened),
                rows: number(bin.rows),
            }),
        )
        .join(t('list.separator'));

    return (
        <figure class="chart">
            <h3>{title}</h3>
            <div ref={box} class="interval-box">
                {wide > 100 && (
                    <svg
                        class="calibration"
                        width={wide}
                        height={HEIGHT_PX}
                        role="img"
                        aria-label={`${title}: ${words}`}
                    >
                        {MARKS.map((mark) => (
                            <g key={mark}>
                                <line class="grid" x1={x(0)} x2={x(1)} y1={y(mark)} y2={y(mark)} />
                                <text class="tick" x={x(0) - 7} y={y(mark) + 4} text-anchor="end">
                                    {percent(mark)}
                                </text>
                                <text
                                    class="tick"
                                    x={x(mark)}
                                    y={HEIGHT_PX - 8}
                                    text-anchor="middle"
                                >
                                    {percent(mark)}
                                </text>
                            </g>
                        ))}
                        <line class="diagonal" x1={x(0)} x2={x(1)} y1={y(0)} y2={y(1)} />
                        <polyline
                            class="curve"
                            points={bins
                                .map((bin) => `${x(bin.predicted)},${y(bin.happened)}`)
                                .join(' ')}
                        />
                        {bins.map((bin) => (
                            <g key={bin.predicted} class="interval promoted">
                                <line
                                    x1={x(bin.predicted)}
                                    x2={x(bin.predicted)}
                                    y1={y(bin.low)}
                                    y2={y(bin.high)}
                                />
                                <rect
                                    x={x(bin.predicted) - 3.5}
                                    y={y(bin.happened) - 3.5}
                                    width={7}
                                    height={7}
                                />
                            </g>
                        ))}
                    </svg>
                )}
            </div>
            <figcaption>
                <span class="muted">{t('predict.calibrationHow')}</span>
                <ExportButtons
                    title={title}
                    what={() => ({
                        name: 'treadle-calibration',
                        rows: bins.map((bin): Row => ({ ...bin })),
                        vegaLite: {
                            title,
                            width: 360,
                            height: 360,
                            layer: [
                                {
                                    mark: 'rule',
                                    encoding: {
                                        x: { field: 'predicted', type: 'quantitative' },
                                        y: { field: 'low', type: 'quantitative' },
                                        y2: { field: 'high' },
                                    },
                                },
                                {
                                    mark: { type: 'line', point: true },
                                    encoding: {
                                        x: { field: 'predicted', type: 'quantitative' },
                                        y: { field: 'happened', type: 'quantitative' },
                                    },
                                },
                            ],
                        },
                    })}
                />
            </figcaption>
        </figure>
    );
}

// What each report gives away: its rows, and a Vega-Lite specification that draws them.
import type { InsightTable } from '../api/types';
import type { Exported, Row } from '../charts/formats';

/** Rows as objects: {period: ..., kind: ...}. */
export function objects({ columns, rows }: InsightTable): Row[] {
    return rows.map((row) => Object.fromEntries(columns.map((name, i) => [name, row[i] ?? null])));
}

function file(name: string): string {
    return `treadle-${name.replace(/[^\w.-]+/g, '-')}`;
}

export function overTime(name: string, rows: Row[], y: string): Exported {
    return {
        name: file(name),
        rows,
        vegaLite: {
            title: name,
            width: 640,
            mark: 'bar',
            encoding: {
                x: { field: 'period', type: 'temporal' },
                y: { field: y, type: 'quantitative' },
            },
        },
    };
}

export function bars(name: string, rows: Row[], field: string, x: string): Exported {
    return {
        name: file(name),
        rows,
        vegaLite: {
            title: name,
            mark: 'bar',
            encoding: {
                y: { field, type: 'nominal', sort: null },
                x: { field: x, type: 'quantitative' },
            },
        },
    };
}

export function cohorts(rows: Row[]): Exported {
    return {
        name: file('retention'),
        rows,
        vegaLite: {
            title: 'retention',
            mark: 'rect',
            encoding: {
                x: { field: 'after', type: 'ordinal' },
                y: { field: 'cohort', type: 'ordinal', timeUnit: 'yearmonthdate' },
                color: { field: 'share', type: 'quantitative' },
            },
        },
    };
}

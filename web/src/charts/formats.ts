// The data behind a chart, as text in the two formats it can be saved in.

export type Row = Record<string, string | number | boolean | null>;

export interface Exported {
    /** File name without its ending. */
    name: string;
    rows: readonly Row[];
    /** Everything of the Vega-Lite specification but $schema and data. */
    vegaLite: Record<string, unknown>;
}

/** RFC 4180: quotes around what needs them, CRLF between rows. Text that a spreadsheet would take
 *  for a formula gets an apostrophe in front, as in the server's own CSV. */
export function csv(rows: readonly Row[]): string {
    const names = Object.keys(rows[0] ?? {});
    const cell = (value: string | number | boolean | null | undefined) => {
        const plain = value === null || value === undefined ? '' : String(value);
        const text = typeof value === 'string' && /^[=+\-@\t\r]/.test(plain) ? `'${plain}` : plain;
        return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    };
    const lines = rows.map((row) => names.map((name) => cell(row[name])).join(','));
    return [names.map(cell).join(','), ...lines, ''].join('\r\n');
}

export function vegaLite({ rows, vegaLite: spec }: Exported): string {
    return JSON.stringify(
        {
            $schema: 'https://vega.github.io/schema/vega-lite/v5.json',
            ...spec,
            data: { values: rows },
        },
        null,
        2,
    );
}

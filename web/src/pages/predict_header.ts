// The names of the columns of a CSV file, from its beginning: enough to choose a target. The server
// reads the table itself.

const DELIMITERS = [',', ';', '\t', '|'];

/** Cells of one record; quotes as in RFC 4180. */
function split(line: string, delimiter: string): string[] {
    const cells: string[] = [];
    let cell = '';
    let quoted = false;
    for (let i = 0; i < line.length; i += 1) {
        const c = line[i]!;
        if (quoted && c === '"' && line[i + 1] === '"') {
            cell += '"';
            i += 1;
        } else if (c === '"') {
            quoted = !quoted;
        } else if (c === delimiter && !quoted) {
            cells.push(cell);
            cell = '';
        } else {
            cell += c;
        }
    }
    return [...cells, cell].map((text) => text.trim());
}

/** The first line of `text` by the delimiter it has most of. */
export function header(text: string): string[] {
    const line = text.replace(/^\ufeff/, '').split(/\r?\n/, 1)[0] ?? '';
    const counted = DELIMITERS.map((delimiter) => split(line, delimiter));
    const most = counted.reduce((a, b) => (b.length > a.length ? b : a));
    return most.filter((name) => name !== '');
}

/** A name for the model: that of the file, without what may not stand in an address. */
export function nameAfter(file: string): string {
    const plain = file.replace(/\..*$/, '').replace(/[^A-Za-z0-9_-]+/g, '_');
    return plain.slice(0, 48) || 'model';
}

// Where an axis has its marks.

/** About four round numbers from 0 to at least `high`: steps of 1, 2 or 5 times a power of ten. */
export function ticks(high: number): number[] {
    if (!(high > 0)) return [0, 1];
    const rough = high / 4;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.999) ?? power;
    const count = Math.ceil(high / step - 1e-9);
    return Array.from({ length: count + 1 }, (_, i) => Number((i * step).toPrecision(10)));
}

/** Round numbers from at most `low` to at least `high`, about four steps apart. */
export function ticksBetween(low: number, high: number): number[] {
    const span = high - low;
    if (!(span > 0)) return [low - 1, low, low + 1];
    const step = ticks(span)[1]!;
    const first = Math.floor(low / step + 1e-9);
    const last = Math.ceil(high / step - 1e-9);
    return Array.from({ length: last - first + 1 }, (_, i) =>
        Number(((first + i) * step).toPrecision(10)),
    );
}

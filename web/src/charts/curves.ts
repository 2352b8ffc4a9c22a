// Curves that grow while one looks: joining what is new, keeping them short, lining them up.

/** Points of one metric in the order of their steps. */
export interface Curve {
    steps: readonly number[];
    values: readonly number[];
}

/** More than a chart has pixels for; then every second point goes. */
const POINTS_MAX = 2000;

/** `more` behind `curve`; in order of steps, the later of two points at the same step. */
export function extend(curve: Curve, more: Curve): Curve {
    const at = new Map<number, number>();
    for (const { steps, values } of [curve, more])
        steps.forEach((step, i) => at.set(step, values[i]!));
    let points = [...at].sort(([a], [b]) => a - b);
    while (points.length > POINTS_MAX)
        points = points.filter((_, i) => i % 2 === 0 || i === points.length - 1);
    return { steps: points.map(([step]) => step), values: points.map(([, value]) => value) };
}

/** All steps of any curve, and each curve's value there, null where it has none. */
export function align(curves: readonly Curve[]): [number[], ...(number | null)[][]] {
    const steps = [...new Set(curves.flatMap((curve) => curve.steps))].sort((a, b) => a - b);
    const place = new Map(steps.map((step, i) => [step, i]));
    const columns = curves.map((curve) => {
        const column: (number | null)[] = steps.map(() => null);
        curve.steps.forEach((step, i) => (column[place.get(step)!] = curve.values[i]!));
        return column;
    });
    return [steps, ...columns];
}

/** Nested settings as dotted keys: {config: {a: 1}} is {'config.a': '1'}. */
export function flatten(value: unknown, prefix = ''): Record<string, string> {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
        return { [prefix]: typeof value === 'string' ? value : JSON.stringify(value) };
    return Object.assign(
        {},
        ...Object.entries(value).map(([key, inner]) =>
            flatten(inner, prefix ? `${prefix}.${key}` : key),
        ),
    ) as Record<string, string>;
}

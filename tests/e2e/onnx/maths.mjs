// The layers once more, in double precision, by their formulas: an independent answer to compare with.
// A matrix is an array of rows; one sequence at a time, so there is no padding and no mask.

/** The weights of write_models.c: element i of the tensor with this seed, rounded to f32. */
export const fill = (seed, n) =>
    Array.from({ length: n }, (_, i) => Math.fround((((i * 7919 + seed * 104729) % 2003) - 1001) / 4004));

/** Numbers of an input, in the manner of the weights but larger. */
export const input = (seed, n) => fill(seed, n).map((x) => Math.fround(x * 8));

/** Rows of a flat array. */
export const rows = (flat, width) =>
    Array.from({ length: flat.length / width }, (_, i) => flat.slice(i * width, (i + 1) * width));

export const plus = (a, b) => a.map((row, i) => row.map((x, j) => x + b[i][j]));
export const mean = (x) => x[0].map((_, j) => x.reduce((sum, row) => sum + row[j], 0) / x.length);

/** x [n][in], w [in][out] flat, b [out] or none */
export const linear = (x, w, b = []) => {
    const out = w.length / x[0].length;
    return x.map((row) =>
        Array.from({ length: out }, (_, j) =>
            row.reduce((sum, value, i) => sum + value * w[i * out + j], b[j] ?? 0),
        ),
    );
};

// erf by its Maclaurin series, which double precision carries to |x| = 3 with 12 digits.
const erf = (x) => {
    let term = x;
    let sum = x;
    for (let n = 1; n < 120; n++) {
        term *= (-x * x) / n;
        sum += term / (2 * n + 1);
    }
    return (2 / Math.sqrt(Math.PI)) * sum;
};

const sigmoid = (x) => 1 / (1 + Math.exp(-x));

export const activations = {
    identity: (x) => x,
    relu: (x) => Math.max(x, 0),
    leaky_relu: (x) => (x < 0 ? 0.1 * x : x),
    tanh: Math.tanh,
    sigmoid,
    silu: (x) => x * sigmoid(x),
    gelu_erf: (x) => (x / 2) * (1 + erf(x / Math.SQRT2)),
    gelu_tanh: (x) => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
};
export const apply = (name, x) => x.map((row) => row.map(activations[name]));

export const softmax = (row) => {
    const top = Math.max(...row);
    const e = row.map((x) => Math.exp(x - top));
    const sum = e.reduce((a, b) => a + b, 0);
    return e.map((x) => x / sum);
};

export const layerNorm = (x, gain = [], bias = [], eps = 1e-5) =>
    x.map((row) => {
        const centre = row.reduce((a, b) => a + b, 0) / row.length;
        const variance = row.reduce((a, b) => a + (b - centre) ** 2, 0) / row.length;
        return row.map((v, j) => ((v - centre) / Math.sqrt(variance + eps)) * (gain[j] ?? 1) + (bias[j] ?? 0));
    });

export const rmsNorm = (x, gain, eps = 1e-6) =>
    x.map((row) => {
        const root = Math.sqrt(row.reduce((a, b) => a + b * b, 0) / row.length + eps);
        return row.map((v, j) => (v / root) * gain[j]);
    });

/** Positions as angles on the pairs (2i, 2i+1) of each row. */
export const rope = (x, base) =>
    x.map((row, t) =>
        row.map((v, j) => {
            const angle = t * base ** (-(j - (j % 2)) / row.length);
            return j % 2 ? v * Math.cos(angle) + row[j - 1] * Math.sin(angle)
                : v * Math.cos(angle) - row[j + 1] * Math.sin(angle);
        }),
    );

/** One head: q, k, v [length][width] */
const attendHead = (q, k, v, causal) =>
    q.map((query, i) => {
        const seen = causal ? i + 1 : k.length;
        const weights = softmax(
            k.slice(0, seen).map((key) => key.reduce((s, x, d) => s + x * query[d], 0) / Math.sqrt(key.length)),
        );
        return query.map((_, d) => weights.reduce((sum, w, j) => sum + w * v[j][d], 0));
    });

/** q [length][heads * width], k and v [length][kv heads * width]; `turn` acts on each head of q, k. */
export const attend = (q, k, v, width, { causal = false, turnQ = (x) => x, turnK = (x) => x } = {}) => {
    const heads = q[0].length / width;
    const shared = q[0].length / k[0].length;
    const head = (x, h) => x.map((row) => row.slice(h * width, (h + 1) * width));
    const parts = Array.from({ length: heads }, (_, h) => {
        const kv = Math.floor(h / shared);
        return attendHead(turnQ(head(q, h)), turnK(head(k, kv)), head(v, kv), causal);
    });
    return q.map((_, i) => parts.flatMap((part) => part[i]));
};

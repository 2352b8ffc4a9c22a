// The models of write_models.c once more, for one example each, from maths.mjs.
import {
    activations, apply, attend, fill, layerNorm, linear, mean, plus, rmsNorm, rope, rows, softmax,
} from './maths.mjs';

const dense = (x, out, seed) => linear(x, fill(seed, x[0].length * out), fill(seed + 1, out));
const bare = (x, out, seed) => linear(x, fill(seed, x[0].length * out));
const norm = (x, seed) => layerNorm(x, fill(seed, 8), fill(seed + 1, 8));
const score = (x, table) => x.map((row) => table.map((t) => t.reduce((s, v, j) => s + v * row[j], 0)));
const attention = (x, seed, causal = false) =>
    dense(attend(dense(x, 8, seed), dense(x, 8, seed + 2), dense(x, 8, seed + 4), 4, { causal }), 8, seed + 6);
const feedForward = (x, activation, seed) => dense(apply(activation, dense(x, 16, seed)), 8, seed + 2);

export const activationsModel = (x) => ({
    ...Object.fromEntries(Object.keys(activations).map((name) => [name, apply(name, [x])[0]])),
    softmax: softmax(x),
    layer_norm: layerNorm([x], fill(40, 8), fill(41, 8))[0],
    plain_norm: layerNorm([x])[0],
    rms_norm: rmsNorm([x], fill(42, 8))[0],
    slice: x.slice(2, 5),
});

export const mlp = (x) => {
    const hidden = apply('gelu_tanh', dense([x], 7, 1));
    return { probability: softmax(dense(apply('relu', dense(hidden, 6, 3)), 3, 5)[0]) };
};

/** image [channels][height][width] nested; w [filters][channels][side][side] flat */
const conv = (image, filters, side, stride, pad, w, b = []) => {
    const size = Math.floor((image[0].length + 2 * pad - side) / stride) + 1;
    const cells = (n) => Array.from({ length: n }, (_, i) => i);
    return cells(filters).map((f) => cells(size).map((y) => cells(size).map((x) => {
        let sum = b[f] ?? 0;
        image.forEach((plane, c) => cells(side).forEach((dy) => cells(side).forEach((dx) => {
            const value = plane[y * stride + dy - pad]?.[x * stride + dx - pad] ?? 0;
            sum += value * w[((f * image.length + c) * side + dy) * side + dx];
        })));
        return sum;
    })));
};
const halve = (plane) =>
    plane.filter((_, y) => y % 2 === 0).map((row, y) =>
        row.filter((_, x) => x % 2 === 0).map((_, x) =>
            Math.max(...[0, 1].flatMap((dy) => [0, 1].map((dx) => plane[2 * y + dy][2 * x + dx])))));

export const cnn = (flat) => {
    const image = rows(flat, 64).map((plane) => rows(plane, 8));
    const first = conv(image, 3, 3, 1, 1, fill(1, 54), fill(2, 3));
    const pooled = first.map((plane) => halve(plane.map((row) => row.map((x) => Math.max(x, 0)))));
    return { logits: dense([conv(pooled, 4, 2, 2, 0, fill(3, 48)).flat(2)], 3, 4)[0] };
};

export const bert = (tokens) => {
    const table = rows(fill(1, 88), 8);
    const places = rows(fill(2, 48), 8);
    let x = norm(tokens.map((token, t) => table[token].map((v, j) => v + places[t][j])), 3);
    x = norm(plus(x, attention(x, 10)), 5);
    x = norm(plus(x, feedForward(x, 'gelu_erf', 20)), 7);
    return { logits: score(x, table), first: x[0], last: x.at(-1), mean: mean(x) };
};

export const llama = (tokens) => {
    const table = rows(fill(1, 176), 16);
    const turn = (gain) => (head) => rope(rmsNorm(head, gain), 10000);
    const turns = { causal: true, turnQ: turn(fill(2, 4)), turnK: turn(fill(3, 4)) };
    let x = tokens.map((token) => table[token]);
    let n = rmsNorm(x, fill(11, 16));
    x = plus(x, bare(attend(bare(n, 16, 4), bare(n, 8, 5), bare(n, 8, 6), 4, turns), 16, 7));
    n = rmsNorm(x, fill(12, 16));
    const gate = apply('silu', bare(n, 12, 8));
    const inner = bare(n, 12, 9).map((row, i) => row.map((v, j) => v * gate[i][j]));
    x = plus(x, bare(inner, 16, 10));
    return { logits: bare(rmsNorm(x, fill(13, 16)), 11, 14) };
};

export const vit = (flat) => {
    const image = rows(flat, 24).map((plane) => rows(plane, 6)); // [2][4][6]
    const patches = [0, 2].flatMap((y) => [0, 2, 4].map((x) =>
        image.flatMap((plane) => [0, 1].flatMap((dy) => [0, 1].map((dx) => plane[y + dy][x + dx])))));
    let x = plus([fill(3, 8), ...dense(patches, 8, 1)], rows(fill(4, 56), 8));
    x = plus(x, attention(norm(x, 5), 10));
    x = plus(x, feedForward(norm(x, 7), 'gelu_erf', 20));
    return { logits: dense([norm(x, 30)[0]], 3, 32)[0] };
};

export const table = (numbers, category) => {
    const w = rows(fill(1, 24), 8);
    const b = rows(fill(2, 24), 8);
    const tokens = numbers.map((v, i) => w[i].map((weight, j) => v * weight + b[i][j]));
    let x = [fill(4, 8), ...tokens, rows(fill(3, 40), 8)[category]];
    x = plus(x, attention(x, 10));
    return { mean: mean(x), last: x.at(-1) };
};

export const items = (ids) => {
    const item = rows(fill(1, 88), 8);
    const places = rows(fill(2, 72), 8);
    let x = [fill(3, 8), ...ids.map((id, t) => item[id].map((v, j) => 2.5 * v + places[ids.length - 1 - t][j]))];
    x = plus(x, attention(x, 10, true));
    return { last: x.at(-1), mean: mean(x) };
};

// The models of write_models.c once more, in double precision, from the layers of ../onnx/maths.mjs.
import { apply, attend, layerNorm, linear, plus, rmsNorm, rope, rows } from '../onnx/maths.mjs';

const WIDTH = 64;
const LAYERS = 2;
const HEAD = 16;
const KV_WIDTH = 32;
const HIDDEN = 128;
const CONTEXT = 64;
const VOCAB = 300;

/** fill() of write_models.c: tensor after tensor. */
const tensors = () => {
    let next = 1;
    return (n) => {
        const seed = Math.imul(next++, 0x9e3779b1);
        return Array.from({ length: n }, (_, i) => {
            let h = Math.imul(i ^ seed, 0x85ebca6b) >>> 0;
            h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35) >>> 0;
            return Math.fround((h >>> 16) / 131072 - 0.25);
        });
    };
};

/** [out][in] flat to [in][out] flat */
const transpose = (w, out) => {
    const width = w.length / out;
    return Array.from({ length: w.length }, (_, i) => w[(i % out) * width + Math.floor(i / out)]);
};

const argmax = (row) => row.indexOf(Math.max(...row));

/** `forward` gives the logits after the last token; `margin` is the least lead of a best one on the second. */
function continueGreedily(forward, tokens, count) {
    const all = [...tokens];
    let margin = Infinity;
    for (let i = 0; i < count; i++) {
        const logits = forward(all);
        const best = argmax(logits);
        margin = Math.min(margin, logits[best] - Math.max(...logits.filter((_, t) => t !== best)));
        all.push(best);
    }
    return { tokens: all.slice(tokens.length), margin };
}

export function llama() {
    const tensor = tensors();
    const matrix = (out, width) => transpose(tensor(out * width), out);
    const table = rows(tensor(VOCAB * WIDTH), WIDTH);
    const blocks = Array.from({ length: LAYERS }, () => ({
        norm0: tensor(WIDTH),
        q: matrix(WIDTH, WIDTH),
        k: matrix(KV_WIDTH, WIDTH),
        v: matrix(KV_WIDTH, WIDTH),
        o: matrix(WIDTH, WIDTH),
        norm1: tensor(WIDTH),
        gate: matrix(HIDDEN, WIDTH),
        up: matrix(HIDDEN, WIDTH),
        down: matrix(WIDTH, HIDDEN),
    }));
    const norm = tensor(WIDTH);
    const head = matrix(VOCAB, WIDTH);
    const turn = (x) => rope(x, 10000);
    const forward = (tokens) => {
        let x = tokens.map((token) => table[token]);
        for (const b of blocks) {
            let n = rmsNorm(x, b.norm0);
            const seen = { causal: true, turnQ: turn, turnK: turn };
            x = plus(x, linear(attend(linear(n, b.q), linear(n, b.k), linear(n, b.v), HEAD, seen), b.o));
            n = rmsNorm(x, b.norm1);
            const gate = apply('silu', linear(n, b.gate));
            x = plus(x, linear(linear(n, b.up).map((row, i) => row.map((v, j) => v * gate[i][j])), b.down));
        }
        return linear(rmsNorm([x.at(-1)], norm), head)[0];
    };
    return (tokens, count) => continueGreedily(forward, tokens, count);
}

export function gpt2() {
    const tensor = tensors();
    const matrix = (out, width) => transpose(tensor(out * width), out);
    const layer = (out, width) => ({ w: matrix(out, width), b: tensor(out) });
    const norm = () => ({ gain: tensor(WIDTH), bias: tensor(WIDTH) });
    const table = rows(tensor(VOCAB * WIDTH), WIDTH);
    const places = rows(tensor(CONTEXT * WIDTH), WIDTH);
    const blocks = Array.from({ length: LAYERS }, () => ({
        norm0: norm(),
        qkv: layer(3 * WIDTH, WIDTH),
        o: layer(WIDTH, WIDTH),
        norm1: norm(),
        up: layer(HIDDEN, WIDTH),
        down: layer(WIDTH, HIDDEN),
    }));
    const last = norm();
    const dense = (x, l) => linear(x, l.w, l.b);
    const normed = (x, n) => layerNorm(x, n.gain, n.bias);
    const forward = (tokens) => {
        let x = tokens.map((token, t) => table[token].map((v, j) => v + places[t][j]));
        for (const b of blocks) {
            const qkv = dense(normed(x, b.norm0), b.qkv);
            const part = (i) => qkv.map((row) => row.slice(i * WIDTH, (i + 1) * WIDTH));
            x = plus(x, dense(attend(part(0), part(1), part(2), HEAD, { causal: true }), b.o));
            x = plus(x, dense(apply('gelu_tanh', dense(normed(x, b.norm1), b.up)), b.down));
        }
        const [row] = normed([x.at(-1)], last);
        return table.map((t) => t.reduce((sum, v, j) => sum + v * row[j], 0));
    };
    return (tokens, count) => continueGreedily(forward, tokens, count);
}

// Every exported layer runs in onnxruntime and gives the numbers of maths.mjs to 1e-5.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { input } from './maths.mjs';
import * as models from './models.mjs';

const ort = await import('onnxruntime-node').then((module) => module.default, () => null);
const skip = ort ? false : 'onnxruntime-node is not installed: run npm ci in tests/e2e/onnx';
if (skip) console.log(`skipped: ${skip}`);

let folder;
before(() => {
    folder = mkdtempSync(join(tmpdir(), 'treadle-onnx-'));
    execFileSync(process.env.WRITE_MODELS, [folder], { stdio: 'inherit' });
});
after(() => rmSync(folder, { recursive: true, force: true }));

const float = (data, dims) => new ort.Tensor('float32', Float32Array.from(data), dims);
const int = (data, dims) => new ort.Tensor('int64', BigInt64Array.from(data.map(BigInt)), dims);

async function run(name, feeds) {
    const session = await ort.InferenceSession.create(join(folder, `${name}.onnx`), { intraOpNumThreads: 1 });
    return session.run(feeds);
}

/** Absolute, relative to the largest expected number when that is above 1. */
function assertClose(actual, expected, what) {
    const scale = Math.max(1, ...expected.map(Math.abs));
    assert.equal(actual.length, expected.length, what);
    expected.forEach((value, i) =>
        assert.ok(Math.abs(actual[i] - value) <= 1e-5 * scale, `${what}[${i}]: ${actual[i]}, expected ${value}`));
}

/** Example `b` of every output against `expected`; a ragged output's rows stand at the front. */
function compare(outputs, b, expected) {
    assert.deepEqual(Object.keys(outputs).sort(), Object.keys(expected).sort());
    for (const [name, values] of Object.entries(expected)) {
        const { data, dims } = outputs[name];
        const each = data.length / dims[0];
        const flat = values.flat();
        assertClose(Array.from(data.slice(b * each, b * each + flat.length)), flat, `${name} of ${b}`);
    }
}

/** Three examples of `size` numbers each in one batch. */
async function compareDense(name, inputName, dims, size, model) {
    const data = input(77, 3 * size);
    const outputs = await run(name, { [inputName]: float(data, [3, ...dims]) });
    for (let b = 0; b < 3; b++) compare(outputs, b, model(data.slice(b * size, (b + 1) * size)));
}

const SEQUENCES = [[1, 5, 3, 9, 2], [7], [4, 4, 10, 0]];
const LONGEST = 5;

/** Ragged sequences, padded with `filler`: what stands there must not matter. */
async function compareRagged(name, inputName, model, filler) {
    const padded = SEQUENCES.flatMap((s) => [...s, ...Array(LONGEST - s.length).fill(filler)]);
    const outputs = await run(name, {
        [inputName]: int(padded, [SEQUENCES.length, LONGEST]),
        lengths: int(SEQUENCES.map((s) => s.length), [SEQUENCES.length]),
    });
    SEQUENCES.forEach((sequence, b) => compare(outputs, b, model(sequence)));
}

test('activations, softmax and norms', { skip }, () =>
    compareDense('activations', 'x', [8], 8, models.activationsModel));
test('a fully connected network', { skip }, () => compareDense('mlp', 'x', [5], 5, models.mlp));
test('a convolutional network', { skip }, () => compareDense('cnn', 'image', [2, 8, 8], 128, models.cnn));
test('an encoder block over ragged tokens, and its poolings', { skip }, async () => {
    await compareRagged('bert', 'tokens', models.bert, 0);
    await compareRagged('bert', 'tokens', models.bert, 8);
});
test('a causal block with rope, shared key heads and gates', { skip }, () =>
    compareRagged('llama', 'tokens', models.llama, 6));
test('an image transformer', { skip }, () => compareDense('vit', 'image', [2, 4, 6], 48, models.vit));
test('a transformer over a table row', { skip }, async () => {
    const numbers = input(78, 6);
    const outputs = await run('table', { numbers: float(numbers, [2, 3]), category: int([4, 0], [2, 1]) });
    compare(outputs, 0, models.table(numbers.slice(0, 3), 4));
    compare(outputs, 1, models.table(numbers.slice(3), 0));
});
test('items with positions counted from the end', { skip }, () =>
    compareRagged('items', 'items', models.items, 3));

test('empty sequences give finite numbers and leave the others alone', { skip }, async () => {
    const outputs = await run('bert', { tokens: int([7, 0, 0, 0], [2, 2]), lengths: int([1, 0], [2]) });
    compare(outputs, 0, models.bert([7]));
    for (const { data } of Object.values(outputs)) assert.ok(data.every(Number.isFinite));
});

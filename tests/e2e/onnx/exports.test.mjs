// Every kind of model that we export runs in onnxruntime and gives what our own forward pass gave, to 1e-5.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const ort = await import('onnxruntime-node').then((module) => module.default, () => null);
const skip = ort ? false : 'onnxruntime-node is not installed: run npm ci in tests/e2e/onnx';
if (skip) console.log(`skipped: ${skip}`);

const folder = mkdtempSync(join(tmpdir(), 'treadle-onnx-'));
after(() => rmSync(folder, { recursive: true, force: true }));
execFileSync(process.env.WRITE_EXPORTS, [folder], { stdio: 'inherit' });
const names = readdirSync(folder).filter((name) => name.endsWith('.onnx')).map((name) => name.slice(0, -5));

const tensor = ({ type, dims, data }) => type === 'int64'
    ? new ort.Tensor(type, BigInt64Array.from(data.map(BigInt)), dims)
    : new ort.Tensor(type, Float32Array.from(data), dims);

/** The rows of `y` that are no padding, one after the other. */
function realRows({ data, dims }, rows) {
    const cols = dims.at(-1);
    const each = data.length / dims[0];
    return rows.flatMap((n, b) => Array.from(data.slice(b * each, b * each + n * cols)));
}

test('the models of all kinds are there', () => assert.ok(names.length >= Number(process.env.EXPORTS_AT_LEAST ?? 12), `${names}`));

for (const name of names)
    test(`${name} in onnxruntime is ${name} here`, { skip }, async () => {
        const { feeds, rows, y } = JSON.parse(readFileSync(join(folder, `${name}.json`)));
        const session = await ort.InferenceSession.create(join(folder, `${name}.onnx`), { intraOpNumThreads: 1 });
        assert.deepEqual([...session.inputNames].sort(), Object.keys(feeds).sort());
        const fed = Object.fromEntries(Object.entries(feeds).map(([key, value]) => [key, tensor(value)]));
        const actual = realRows((await session.run(fed)).y, rows);
        const scale = Math.max(1, ...y.map(Math.abs));
        const gap = Math.max(...y.map((value, i) => Math.abs(actual[i] - value)));
        assert.equal(actual.length, y.length);
        assert.ok(gap <= 1e-5 * scale, `off by ${gap} of ${scale}`);
        assert.ok(Math.max(...y) - Math.min(...y) > 0.05, 'numbers that differ');
    });

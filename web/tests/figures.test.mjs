// What charts and comparisons are made of; expected values were worked out by hand.
import assert from 'node:assert/strict';
import test from 'node:test';
import { load } from './pure.mjs';

const { csv, vegaLite } = await load('charts/formats.ts');
const { ticks } = await load('charts/ticks.ts');
const { align, extend, flatten } = await load('charts/curves.ts');
const { compareAnswers } = await load('pages/changes.ts');

const answer = (ids) => [...ids].map((id) => ({ id }));

test('csv quotes what RFC 4180 says must be quoted, and nothing else', () => {
    const rows = [
        { model: 'a,b', value: 0.5, note: 'says "hi"', none: null },
        { model: 'plain', value: 1e-7, note: 'two\nlines', none: null },
    ];
    assert.equal(
        csv(rows),
        'model,value,note,none\r\n"a,b",0.5,"says ""hi""",\r\nplain,1e-7,"two\nlines",\r\n',
    );
});

test('csv disarms what a spreadsheet would take for a formula, and leaves numbers alone', () => {
    const rows = ['=1+1', '+a', '-b', '@c', '\td', 'e-f', -5].map((value) => ({ value }));
    assert.equal(csv(rows), "value\r\n'=1+1\r\n'+a\r\n'-b\r\n'@c\r\n'\td\r\ne-f\r\n-5\r\n");
});

test('csv of no rows is one empty line', () => {
    assert.equal(csv([]), '\r\n');
});

test('a Vega-Lite specification carries its schema and its data', () => {
    const rows = [{ second: -1, events: 3 }];
    const spec = JSON.parse(vegaLite({ name: 'x', rows, vegaLite: { mark: 'bar' } }));
    assert.deepEqual(spec.data, { values: rows });
    assert.equal(spec.$schema, 'https://vega.github.io/schema/vega-lite/v5.json');
    assert.equal(spec.mark, 'bar');
});

test('ticks are round numbers from zero that cover the highest value', () => {
    assert.deepEqual(ticks(0.16), [0, 0.05, 0.1, 0.15, 0.2]);
    assert.deepEqual(ticks(0.1), [0, 0.05, 0.1]);
    assert.deepEqual(ticks(4), [0, 1, 2, 3, 4]);
    assert.deepEqual(ticks(0), [0, 1]);
    assert.deepEqual(ticks(NaN), [0, 1]);
});

test('ticks cover any value with at most six marks', () => {
    for (let high = 1e-6; high < 1e9; high *= 1.37) {
        const marks = ticks(high);
        assert.ok(marks.at(-1) >= high * (1 - 1e-9), `${high}: ${marks}`);
        assert.ok(marks.length >= 3 && marks.length <= 6, `${high}: ${marks}`);
    }
});

test('an item that left, one that entered and the ones that moved are told apart', () => {
    const changes = compareAnswers(answer('abcd'), answer('bdae'));
    assert.deepEqual(changes.gone, [{ id: 'c' }]);
    assert.deepEqual(Object.fromEntries(changes.moved), { b: 1, d: 2, a: -2, e: null });
    assert.equal(changes.entered, 1);
    assert.equal(changes.shifted, 3);
});

test('the same answer twice is no change', () => {
    const changes = compareAnswers(answer('abc'), answer('abc'));
    assert.deepEqual([changes.gone, changes.entered, changes.shifted], [[], 0, 0]);
});

test('curves join in the order of their steps, and what is told again replaces', () => {
    const old = { steps: [1, 3], values: [9, 7] };
    const more = { steps: [3, 2], values: [6, 8] };
    assert.deepEqual(extend(old, more), { steps: [1, 2, 3], values: [9, 8, 6] });
});

test('a curve that grows for ever stays short and keeps its ends', () => {
    const steps = Array.from({ length: 9001 }, (_, i) => i);
    const curve = extend({ steps: [], values: [] }, { steps, values: steps });
    assert.ok(curve.steps.length <= 2000 && curve.steps.length > 900, `${curve.steps.length}`);
    assert.deepEqual([curve.steps[0], curve.steps.at(-1)], [0, 9000]);
});

test('curves with different steps share one axis and leave gaps', () => {
    const a = { steps: [1, 2], values: [5, 6] };
    const b = { steps: [2, 4], values: [7, 8] };
    assert.deepEqual(align([a, b]), [
        [1, 2, 4],
        [5, 6, null],
        [null, 7, 8],
    ]);
    assert.deepEqual(align([]), [[]]);
});

test('nested settings become dotted keys', () => {
    const settings = { app: 'a', config: { rate: 0.5, list: [1, 2], none: null } };
    assert.deepEqual(flatten(settings), {
        app: 'a',
        'config.rate': '0.5',
        'config.list': '[1,2]',
        'config.none': 'null',
    });
});

// Every exported GGUF file opens in llama.cpp and continues a text as the model itself would.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { greedy, openLlama } from './greedy.mjs';
import * as models from './models.mjs';

const llama = await openLlama();
const skip = llama
    ? false
    : 'node-llama-cpp is not installed: run npm install --no-save --omit=optional in tests/e2e/gguf';
if (skip) console.log(`skipped: ${skip}`);

const COUNT = 12;
// Each has a lead of 0.002 or more of every best logit on its second, which llama.cpp's f16 tables
// and caches do not reach.
const TEXTS = [[1, 260, 261], [5, 6, 7, 8, 9, 10, 11]];

let folder;
before(() => {
    folder = mkdtempSync(join(tmpdir(), 'treadle-gguf-'));
    execFileSync(process.env.WRITE_MODELS, [folder], { stdio: 'inherit' });
});
after(async () => {
    await llama?.dispose();
    rmSync(folder, { recursive: true, force: true });
});

const file = (name) => join(folder, `${name}.gguf`);

/** The first `agreed` tokens of `name` are those of the model in double precision. */
async function compare(name, model, agreed) {
    for (const text of TEXTS) {
        const expected = model(text, agreed);
        assert.ok(expected.margin > 0.0019, `a text with a clear answer; its margin is ${expected.margin}`);
        assert.deepEqual(await greedy(llama, file(name), text, agreed), expected.tokens, name);
    }
}

for (const type of ['f32', 'f16', 'bf16'])
    test(`llama with ${type} weights continues as the model does`, { skip }, () =>
        compare(`llama-${type}`, models.llama(), COUNT));
// Rounding to blocks moves logits by more than the margin, soon or late.
for (const type of ['q8_0', 'q4_0'])
    test(`llama with ${type} weights begins as the model does`, { skip }, () =>
        compare(`llama-${type}`, models.llama(), 1));
for (const type of ['f32', 'q8_0'])
    test(`gpt2 with ${type} weights continues as the model does`, { skip }, () =>
        compare(`gpt2-${type}`, models.gpt2(), COUNT));

async function tokenize(name, text) {
    const model = await llama.loadModel({ modelPath: file(name), gpuLayers: 0 });
    try {
        const tokens = model.tokenize(text);
        return { tokens, back: model.detokenize(tokens), bos: model.tokens.bos, eos: model.tokens.eos };
    } finally {
        await model.dispose();
    }
}

// 268 is the piece "▁hello": SentencePiece puts a space before a text.
test('a SentencePiece vocabulary tokenizes', { skip }, async () =>
    assert.deepEqual(await tokenize('llama-f32', 'hello hello'),
        { tokens: [268, 268], back: 'hello hello', bos: 1, eos: 2 }));
// By its four merges "hello" is one token; é is the bytes c3 a9.
test('a byte-level BPE vocabulary tokenizes', { skip }, async () =>
    assert.deepEqual(await tokenize('gpt2-f32', 'hello hé'),
        { tokens: [259, 32, 104, 0xc3, 0xa9], back: 'hello hé', bos: 299, eos: 299 }));

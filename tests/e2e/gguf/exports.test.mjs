// llama.cpp continues texts with our exported models, token for token as our own decoding does, and our exported
// encoders give its embeddings.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { embed, greedy, openLlama } from './greedy.mjs';

const llama = await openLlama();
const skip = llama ? false : 'node-llama-cpp is not installed: run npm ci --omit=optional in tests/e2e/gguf';
if (skip) console.log(`skipped: ${skip}`);

const folder = mkdtempSync(join(tmpdir(), 'treadle-gguf-'));
after(async () => {
    await llama?.dispose();
    rmSync(folder, { recursive: true, force: true });
});
execFileSync(process.env.WRITE_EXPORTS, [folder], { stdio: 'inherit' });
const models = JSON.parse(readFileSync(join(folder, 'greedy.json')));

/** The first `count` tokens after each text are those of our own decoding. */
async function compare(name, texts, count) {
    for (const { prompt, tokens } of texts)
        assert.deepEqual(await greedy(llama, join(folder, `${name}.gguf`), prompt, count), tokens.slice(0, count));
}

for (const [name, texts] of Object.entries(models)) {
    test(`${name} has several texts with a clear answer at each step`, () => {
        assert.ok(texts.length >= 4, `${texts.length}`);
        for (const { tokens, margin } of texts) assert.ok(tokens.length >= 20 && margin >= 0.05);
    });
    test(`${name} in f32 gives the same greedy tokens`, { skip }, () => compare(`${name}-f32`, texts, 24));
    // Rounded weights move logits, the coarser the more, and one other token changes all that follow.
    for (const type of ['f16', 'bf16', 'q8_0'])
        test(`${name} in ${type} gives the same first token`, { skip }, () => compare(`${name}-${type}`, texts, 1));
    test(`${name} in q4_0 opens and goes on`, { skip }, async () => {
        const found = await greedy(llama, join(folder, `${name}-q4_0.gguf`), texts[0].prompt, 5);
        assert.equal(found.length, 5);
    });
}

const encoders = JSON.parse(readFileSync(join(folder, 'embeddings.json')));

const length = (vector) => Math.hypot(...vector);

/** The largest over all texts of the distance from our vector, relative to its length. */
async function embeddingGap(name, texts) {
    const found = await embed(llama, join(folder, `${name}.gguf`), texts.map(({ tokens }) => tokens));
    return Math.max(...texts.map(({ embedding }, t) => {
        assert.equal(found[t].length, embedding.length);
        return length(embedding.map((x, i) => x - found[t][i])) / length(embedding);
    }));
}

for (const [name, texts] of Object.entries(encoders)) {
    test(`${name} in f32 gives the same embeddings to 1e-3`, { skip }, async () => {
        const gap = await embeddingGap(`${name}-f32`, texts);
        assert.ok(texts.length >= 4 && gap < 1e-3, `off by ${gap}`);
    });
    for (const [type, most] of [['f16', 2e-3], ['bf16', 1e-2], ['q8_0', 4e-2]])
        test(`${name} in ${type} gives embeddings to ${most}`, { skip }, async () => {
            const gap = await embeddingGap(`${name}-${type}`, texts);
            assert.ok(gap < most, `off by ${gap}`);
        });
}

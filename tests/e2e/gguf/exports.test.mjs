// llama.cpp continues texts with our exported models, token for token as our own decoding does.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { greedy, openLlama } from './greedy.mjs';

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

/** `count` tokens, of all texts or, when a type is coarse, of those it has a chance to meet. */
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
    for (const type of ['f16', 'bf16', 'q8_0', 'q4_0'])
        test(`${name} in ${type} opens and goes on`, { skip }, async () => {
            const tokens = await greedy(llama, join(folder, `${name}-${type}.gguf`), texts[0].prompt, 3);
            assert.equal(tokens.length, 3);
        });
    test(`${name} in f16 gives the same first tokens`, { skip }, () => compare(`${name}-f16`, texts, 3));
}

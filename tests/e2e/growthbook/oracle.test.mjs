// Random features, random people: what the SDK answers by itself is what POST /api/eval answers.
// GROWTHBOOK_ORACLE = how many pairs of a payload and a person (10,000 is the full run); one in ten of
// them brings new features.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Server } from '../browser/server.mjs';
import { FEATURES, Random } from './random.mjs';
import { ask, skip } from './sdk.mjs';

const PAIRS = Number(process.env.GROWTHBOOK_ORACLE ?? 300);
const SEED = Number(process.env.GROWTHBOOK_SEED ?? 1);
const PEOPLE = 10;

let server;
before(async () => {
    process.env.NODE_ENV = 'production'; // less said by the SDK
    console.error = () => {}; // unknown operators are part of it
    if (!skip) server = await Server.start();
});
after(() => server?.stop());

async function putFeatures(features) {
    for (const [key, definition] of Object.entries(features))
        await server.call('PUT', `/v1/flags/${key}`, { family: 'growthbook', definition });
    return server.call('GET', `/api/features/${server.key}`);
}

test(`the SDK and the server agree on ${PAIRS} pairs`, { skip }, async () => {
    const random = new Random(SEED);
    const sources = { rule: 0, exposure: 0, value: 0 };
    let payload;
    for (let i = 0; i < PAIRS; i++) {
        if (i % PEOPLE === 0) payload = await putFeatures(random.features());
        const attributes = random.attributes();
        const { url, forcedVariations, forcedFeatures } = random.forced();
        const answers = await server.call('POST', `/api/eval/${server.key}`, { attributes, url, forcedVariations, forcedFeatures });
        const options = { attributes, url, forcedVariations, forcedFeatureValues: new Map(forcedFeatures) };
        for (const key of FEATURES) {
            const local = ask(payload, key, options);
            const remote = ask(answers, key, { attributes });
            if (forcedFeatures.some(([forced]) => forced === key)) local.ruleId = remote.ruleId;
            const where = `seed ${SEED}, pair ${i}, ${key}: ${JSON.stringify({ attributes, url, forcedVariations, forcedFeatures, feature: payload.features[key], savedGroups: payload.savedGroups })}`;
            assert.deepEqual(remote, local, where);
            sources.rule += answers.features[key].rules !== undefined;
            sources.exposure += local.seen.length;
            sources.value += local.on;
        }
    }
    console.log(`compared ${PAIRS * FEATURES.length} answers: ${JSON.stringify(sources)}`);
    // Not a comparison of nothing with nothing.
    assert.ok(sources.rule > PAIRS && sources.exposure > PAIRS / 2 && sources.value > PAIRS);
});

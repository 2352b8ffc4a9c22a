// @openfeature/server-sdk with its OFREP provider, against the real server.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Server } from '../browser/server.mjs';
import { newKey, putFlags } from './flags.mjs';

const sdk = await import('@openfeature/server-sdk').catch(() => null);
const ofrep = await import('@openfeature/ofrep-provider').catch(() => null);
const skip = sdk && ofrep ? false : 'the SDKs are not installed: run npm ci in tests/e2e/openfeature';
if (skip) console.log(`skipped: ${skip}`);

const USER = { targetingKey: 'c', country: 'US', nested: { a: [1, 2] }, when: new Date(0) };
let server;
let client;

async function connect(domain, key) {
    const headers = [['Authorization', `Bearer ${key}`]];
    const provider = new ofrep.OFREPProvider({ baseUrl: server.url, headers });
    await sdk.OpenFeature.setProviderAndWait(domain, provider);
    return sdk.OpenFeature.getClient(domain);
}

before(async () => {
    if (skip) return;
    server = await Server.start();
    await putFlags(server);
    client = await connect('team', await newKey(server));
});
after(async () => {
    await sdk?.OpenFeature.close();
    await server?.stop();
});

test('a value of each type arrives as it was defined', { skip }, async () => {
    assert.equal(await client.getBooleanValue('bool', false, USER), true);
    assert.equal(await client.getBooleanValue('off', true, USER), false);
    assert.equal(await client.getStringValue('str', 'd', USER), 'B');
    assert.equal(await client.getNumberValue('num', 0, USER), 3.5);
    assert.equal(await client.getNumberValue('int', 0, USER), 3);
    assert.deepEqual(await client.getObjectValue('obj', {}, USER), { a: 1 });
    assert.equal(await client.getStringValue('shop/100%', 'd', USER), 'slashed');
});

test('reasons and versions come along', { skip }, async () => {
    const on = await client.getBooleanDetails('bool', false, USER);
    assert.equal(on.reason, 'STATIC');
    assert.equal(on.flagMetadata.flagVersion, 1);
    assert.equal((await client.getBooleanDetails('off', true, USER)).reason, 'DISABLED');
});

test('an answer by chance names its decision, which has the same propensity', { skip }, async () => {
    const details = await client.getStringDetails('local-flag', 'd', USER);
    assert.equal(details.value, 'control');
    assert.equal(details.variant, 'control');
    assert.equal(details.reason, 'SPLIT');
    assert.equal(details.flagMetadata.propensity, 0.5);
    const decision = await server.call('GET', `/v1/decisions/${details.flagMetadata.decisionId}`);
    assert.equal(decision.user, 'c');
    assert.equal(decision.candidates[0].id, 'control');
    assert.equal(decision.candidates[0].propensity, 0.5);
});

test("what cannot be answered gives the caller's default and says why", { skip }, async () => {
    const cases = [
        [await client.getBooleanDetails('typemis', false, USER), 'TYPE_MISMATCH'],
        [await client.getBooleanDetails('missing', false, USER), 'FLAG_NOT_FOUND'],
        [await client.getBooleanDetails('bool', false, { country: 'US' }), 'TARGETING_KEY_MISSING'],
    ];
    for (const [details, code] of cases) {
        assert.equal(details.value, false);
        assert.equal(details.errorCode, code);
    }
});

test('a wrong key gives defaults', { skip }, async () => {
    const stranger = await connect('stranger', 'wrong');
    const details = await stranger.getBooleanDetails('bool', false, USER);
    assert.equal(details.value, false);
    assert.equal(details.reason, 'ERROR');
});

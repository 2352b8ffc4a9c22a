// GrowthBook's SDK in node against the running server, as in refs/sdk/clients/growthbook.mjs of the
// specification, whose README gives the expected printouts.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { Server } from '../browser/server.mjs';
import { plugins, sdk, skip } from './sdk.mjs';

const FLAGS = {
    'dark-mode': { defaultValue: false, rules: [{ id: 'r1', condition: { country: 'US' }, force: true }] },
    button: {
        defaultValue: 'blue',
        rules: [
            {
                key: 'btn-exp', name: 'Button', phase: '0', seed: 'btn-exp', hashVersion: 2, hashAttribute: 'id', coverage: 1,
                variations: ['blue', 'red', 'green'], weights: [0.34, 0.33, 0.33], meta: [{ key: '0' }, { key: '1' }, { key: '2' }],
            },
        ],
    },
    greeting: {
        defaultValue: 'hello',
        rules: [{ contextualVariations: ['hello', 'hi'], contextualBanditRef: 'cb', hashVersion: 2, weights: [0.5, 0.5] }],
        contextualBandits: { cb: { banditVersion: 7, contexts: [{ leafId: 3, condition: { country: 'US' }, weights: [0, 1] }] } },
    },
};
const EXPECTED = { u1: 'blue', u2: 'red', u3: 'blue', u4: 'blue', u5: 'red', u6: 'blue', 用户1: 'blue', é: 'blue' };

let server, clientKey;
before(async () => {
    if (skip) return;
    server = await Server.start();
    clientKey = await server.createKey('write');
    for (const [key, definition] of Object.entries(FLAGS))
        await server.call('PUT', `/v1/flags/${key}`, { family: 'growthbook', definition });
});
after(() => server?.stop());

const options = (more) => ({ apiHost: server.url, clientKey, ...more });

async function stored(user, count) {
    for (let i = 0; i < 100; i++) {
        const { events } = await server.call('GET', `/v1/events?user=${encodeURIComponent(user)}`);
        if (events.length >= count) return events;
        await sleep(50);
    }
    throw new Error(`${user} has no ${count} events`);
}

test('the SDK loads the features and evaluates them itself', { skip }, async () => {
    const seen = [];
    const gb = new sdk.GrowthBook(options({
        attributes: { id: 'u1', country: 'US' },
        trackingCallback: (experiment, result) => seen.push([experiment.key, result.variationId, result.bucket]),
    }));
    const { source } = await gb.init({ timeout: 2000, streaming: false });
    assert.equal(source, 'network');
    assert.equal(gb.isOn('dark-mode'), true);
    assert.equal(gb.getFeatureValue('button', 'x'), 'blue');
    assert.deepEqual(seen, [['btn-exp', 0, 0.0125]]);
    const payload = gb.getPayload();
    gb.destroy();
    for (const [id, value] of Object.entries(EXPECTED)) {
        const one = new sdk.GrowthBook({ attributes: { id } });
        one.initSync({ payload });
        assert.equal(one.getFeatureValue('button', 'x'), value, id);
        one.destroy();
    }
});

test('what has not changed is not sent again', { skip }, async () => {
    const url = `${server.url}/api/features/${clientKey}`;
    const first = await fetch(url);
    assert.equal(first.headers.get('x-sse-support'), 'enabled');
    const again = await fetch(url, { headers: { 'If-None-Match': first.headers.get('etag') } });
    assert.equal(again.status, 304);
    assert.equal(await again.text(), '');
});

test('the server evaluates for the SDK, which then reports the exposure', { skip }, async () => {
    for (const [id, value] of Object.entries(EXPECTED)) {
        const seen = [];
        const gb = new sdk.GrowthBook(options({
            remoteEval: true, attributes: { id, country: 'US' }, cacheKeyAttributes: ['id'],
            trackingCallback: (experiment, result) => seen.push([experiment.key, result.key, result.value]),
        }));
        const { source } = await gb.init({ timeout: 2000, streaming: false });
        assert.equal(source, 'network');
        assert.equal(gb.isOn('dark-mode'), true);
        assert.equal(gb.getFeatureValue('button', 'x'), value, id);
        assert.deepEqual(seen, [['btn-exp', String(['blue', 'red'].indexOf(value)), value]]);
        gb.destroy();
    }
});

test('each evaluation by the server is a decision with its probabilities', { skip }, async () => {
    const { decisions } = await server.call('GET', `/v1/decisions?user=${encodeURIComponent('用户1')}`);
    assert.equal(decisions.length, 1); // "greeting" has a leaf of one arm: no chance; "dark-mode" has none
    const { candidates, app, why } = await server.call('GET', `/v1/decisions/${decisions[0].id}`);
    assert.equal(app, 'flag');
    assert.equal(why.experiment, 'btn-exp');
    assert.deepEqual(
        candidates.map(({ id, propensity, chosen }) => [id, propensity, chosen]),
        [['0', 0.34, true], ['1', 0.33, false], ['2', 0.33, false]],
    );
});

test('a contextual bandit reports leaf, weights and version', { skip }, async () => {
    const remote = new sdk.GrowthBook(options({ remoteEval: true, attributes: { id: 'b1', country: 'US' } }));
    const local = new sdk.GrowthBook(options({ attributes: { id: 'b1', country: 'US' } }));
    const seen = [];
    for (const gb of [remote, local]) {
        gb.setTrackingCallback((experiment, result) => seen.push([result.leafId, result.variationWeights, result.banditVersion]));
        await gb.init({ timeout: 2000, streaming: false, skipCache: true });
        assert.equal(gb.getFeatureValue('greeting', 'x'), 'hi');
        gb.destroy();
    }
    assert.deepEqual(seen, [[3, [0, 1], 7], [3, [0, 1], 7]]);
});

test('one client serves many users', { skip }, async () => {
    const many = new sdk.GrowthBookClient(options());
    await many.init({ timeout: 2000 });
    assert.equal(many.isOn('dark-mode', { attributes: { id: '1', country: 'US' } }), true);
    assert.equal(many.isOn('dark-mode', { attributes: { id: '1', country: 'DE' } }), false);
    many.destroy();
});

test('the tracking plugin fills the event log', { skip }, async () => {
    const payload = await server.call('GET', `/api/features/${clientKey}`);
    const gb = new sdk.GrowthBook({
        clientKey, url: 'https://shop.example/cart',
        attributes: { id: 't1', country: 'US', utmSource: 'news', pageTitle: 'Cart', session_id: 's1' },
        plugins: [plugins.growthbookTrackingPlugin({ ingestorHost: server.url })],
    });
    gb.initSync({ payload });
    gb.isOn('dark-mode');
    gb.getFeatureValue('button', 'x');
    gb.logEvent('Button Clicked', { n: 1 });
    const events = await stored('t1', 4);
    gb.destroy();
    assert.equal(events.length, 4);
    const counts = {};
    for (const { kind, source } of events) {
        counts[kind] = (counts[kind] ?? 0) + 1;
        assert.equal(source, 'growthbook');
    }
    assert.deepEqual(counts, { 'Feature Evaluated': 2, 'Experiment Viewed': 1, 'Button Clicked': 1 });
    const { properties } = events.find(({ kind }) => kind === 'Experiment Viewed');
    assert.equal(properties.experimentId, 'btn-exp');
    assert.match(properties.variationId, /^[012]$/);
    assert.equal(properties.url, 'https://shop.example/cart');
});

test('a wrong key is refused, and the SDK serves its fallback', { skip }, async () => {
    const gb = new sdk.GrowthBook(options({ clientKey: 'tdl_w_wrong', attributes: { id: 'u1' } }));
    const { success } = await gb.init({ timeout: 2000, streaming: false });
    assert.equal(success, false);
    assert.equal(gb.getFeatureValue('button', 'fallback'), 'fallback');
    gb.destroy();
});

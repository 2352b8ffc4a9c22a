// PostHog's own SDKs, pointed at our server: what they are told, what they decide, what is logged of it.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';

import { Server } from '../browser/server.mjs';

const five = await import('posthog-node').catch(() => null);
const four = await import('posthog-node-v4').catch(() => null);
const skip = five && four ? false : 'posthog-node is not installed: run npm ci in tests/e2e/flags';
if (skip) console.log(`skipped: ${skip}`);

const run = promisify(execFile);
const split = { variants: [{ key: 'control', rollout_percentage: 50 }, { key: 'test', rollout_percentage: 50 }] };
const everyone = [{ properties: [], rollout_percentage: 100 }];
const country = { properties: [{ key: 'country', operator: 'exact', value: ['US'], type: 'person' }], rollout_percentage: 100 };
// The fixture of the protocol sheet, and one flag of each kind that matters here.
const fixture = {
    'new-ui': { filters: { groups: [{ ...everyone[0], variant: 'test' }], multivariate: split, payloads: { test: '{"color":"red"}' } } },
    off: { active: false, filters: { groups: everyone } },
    'local-flag': { filters: { groups: [{ properties: [], rollout_percentage: 50, variant: null }], multivariate: split, payloads: { test: '{"a":1}' } } },
    sticky: { ensure_experience_continuity: true, filters: { groups: everyone, multivariate: split } },
    'by-country': { filters: { groups: [country] } },
};
// Of the sheet, where each was checked against the SDK.
const localAnswers = { a: 'test', b: false, c: 'control', d: 'control', e: 'test', f: false, 用户1: false, é: 'test' };

let server;
before(async () => {
    if (skip) return;
    server = await Server.start();
    for (const [key, definition] of Object.entries(fixture))
        await server.call('PUT', `/v1/flags/${key}`, { family: 'posthog', definition });
});
after(() => server?.stop());

/** What an SDK asks. Its events, which are not looked at here, go nowhere. */
function listener() {
    const calls = [];
    const listen = async (url, options) => {
        if (new URL(url).pathname === '/batch/') return new Response('{"status":1}');
        const answer = await fetch(url, options);
        calls.push({ path: new URL(url).pathname, status: answer.status, body: options.body });
        return answer;
    };
    return { calls, listen };
}

const ask = (body, path = '/flags/?v=2') => server.call('POST', path, { token: server.key, ...body });

test('posthog-node 5 is told values, payloads and the id of the answer', { skip }, async () => {
    const client = new five.PostHog(server.key, { host: server.url, fetch: listener().listen });
    const flags = await client.evaluateFlags('u1', { personProperties: { country: 'US' } });
    assert.equal(flags.getFlag('new-ui'), 'test');
    assert.equal(flags.isEnabled('new-ui'), true);
    assert.deepEqual(flags.getFlagPayload('new-ui'), { color: 'red' });
    assert.equal(flags.isEnabled('off'), false);
    assert.equal(flags.isEnabled('by-country'), true);
    assert.equal(await client.getFeatureFlag('new-ui', 'u2', { sendFeatureFlagEvents: false }), 'test');
    await client.shutdown(1000);
});

test('posthog-node 5 decides local-flag by itself as the sheet says', { skip }, async () => {
    const { calls, listen } = listener();
    const client = new five.PostHog(server.key, { host: server.url, personalApiKey: server.key, fetch: listen, featureFlagsPollingInterval: 100 });
    assert.ok(await client.waitForLocalEvaluationReady(5000));
    for (const [id, expected] of Object.entries(localAnswers)) {
        const value = await client.getFeatureFlag('local-flag', id, { onlyEvaluateLocally: true, sendFeatureFlagEvents: false });
        assert.equal(value, expected, id);
        const flag = (await ask({ distinct_id: id, flag_keys_to_evaluate: ['local-flag'] })).flags['local-flag'];
        assert.equal(flag.variant ?? flag.enabled, expected, id);
    }
    while (calls.filter(({ path }) => path === '/flags/definitions').length < 3) await sleep(20);
    assert.deepEqual(calls.map(({ status }) => status).slice(0, 3), [200, 304, 304]);
    await client.shutdown(1000);
});

test('posthog-node 5 asks the server, by key, for what it may not decide', { skip }, async () => {
    const { calls, listen } = listener();
    const client = new five.PostHog(server.key, { host: server.url, personalApiKey: server.key, fetch: listen, featureFlagsPollingInterval: 1e9 });
    assert.ok(await client.waitForLocalEvaluationReady(5000));
    const value = await client.getFeatureFlag('sticky', 'u7', { sendFeatureFlagEvents: false });
    const asked = calls.find(({ path }) => path === '/flags/');
    assert.deepEqual(JSON.parse(asked.body).flag_keys_to_evaluate, ['sticky']);
    assert.equal(value, (await ask({ distinct_id: 'u7' })).flags.sticky.variant);
    await client.shutdown(1000);
});

test('posthog-node 4 is told, decides local-flag, and asks /decide for the rest', { skip }, async (t) => {
    const remote = new four.PostHog(server.key, { host: server.url });
    const all = await remote.getAllFlagsAndPayloads('a');
    assert.deepEqual(all.featureFlags, { 'new-ui': 'test', off: false, 'local-flag': 'test', sticky: all.featureFlags.sticky, 'by-country': false });
    assert.ok(split.variants.some(({ key }) => key === all.featureFlags.sticky));
    assert.deepEqual(all.featureFlagPayloads, { 'new-ui': { color: 'red' }, 'local-flag': { a: 1 } });
    await remote.shutdown();

    const { calls, listen } = listener();
    const local = new four.PostHog(server.key, { host: server.url, personalApiKey: server.key, fetch: listen });
    t.after(() => local.shutdown()); // its poller would keep the test alive
    // posthog-node 4 hashes the low bytes of UTF-16 in place of UTF-8: only ASCII ids agree with anybody
    const ascii = Object.entries(localAnswers).filter(([id]) => /^[a-z]$/.test(id));
    for (const [id, expected] of ascii)
        assert.equal(await local.getFeatureFlag('local-flag', id, { sendFeatureFlagEvents: false }), expected, id);
    assert.deepEqual([...new Set(calls.map(({ path }) => path))], ['/api/feature_flag/local_evaluation']);
    assert.equal(await local.getFeatureFlag('sticky', 'a', { sendFeatureFlagEvents: false }), all.featureFlags.sticky);
    assert.equal(calls.at(-1).path, '/decide/');
});

test('every answer that chance decided is logged with its probabilities, the others are not', { skip }, async () => {
    const { requestId } = await ask({ distinct_id: 'logged' });
    const { decisions } = await server.call('GET', '/v1/decisions?user=logged');
    const rows = await Promise.all(decisions.map(({ id }) => server.call('GET', `/v1/decisions/${id}`)));
    const byFlag = Object.fromEntries(rows.map((row) => [row.why.flag, row]));
    assert.deepEqual(Object.keys(byFlag).sort(), ['local-flag', 'sticky']);
    const odds = (row) => Object.fromEntries(row.candidates.map(({ id, propensity }) => [id, propensity]));
    assert.deepEqual(odds(byFlag['local-flag']), { control: 0.25, test: 0.25, false: 0.5 });
    assert.deepEqual(odds(byFlag.sticky), { control: 0.5, test: 0.5 });
    for (const row of rows) {
        assert.equal(row.why.group, requestId);
        assert.equal(row.app, 'flag');
        assert.equal(row.candidates.filter(({ chosen }) => chosen).length, 1);
    }
});

test('a sticky flag keeps its variant over a login, and for good', { skip }, async () => {
    const variant = async (body) => (await ask({ ...body, flag_keys_to_evaluate: ['sticky'] })).flags.sticky.variant;
    for (let i = 0; i < 8; i++) {
        const anonymous = await variant({ distinct_id: `anon-${i}` });
        assert.equal(await variant({ distinct_id: `user-${i}`, $anon_distinct_id: `anon-${i}` }), anonymous);
        assert.equal(await variant({ distinct_id: `user-${i}` }), anonymous, 'a later request, from elsewhere');
        assert.equal(await variant({ distinct_id: `user-${i}`, $anon_distinct_id: `other-${i}` }), anonymous);
    }
});

test('what is stored of a person counts where nothing was sent', { skip }, async () => {
    const enabled = async (body) => (await ask({ ...body, flag_keys_to_evaluate: ['by-country'] })).flags['by-country'].enabled;
    assert.equal(await enabled({ distinct_id: 'stored' }), false);
    await server.call('POST', '/v1/identify', { userId: 'stored', traits: { country: 'US' }, messageId: 'stored-1', timestamp: new Date().toISOString() });
    assert.equal(await enabled({ distinct_id: 'stored' }), true);
    assert.equal(await enabled({ distinct_id: 'stored', person_properties: { country: 'FR' } }), false);
    assert.equal(await enabled({ distinct_id: 'stored' }), true, 'what was sent is not kept');
});

test('older forms of the question and of the answer', { skip }, async () => {
    const body = JSON.stringify({ token: server.key, distinct_id: 'a', flag_keys_to_evaluate: ['new-ui', 'local-flag', 'off'] });
    const send = async (path, bytes, type) => {
        const answer = await fetch(server.url + path, { method: 'POST', body: bytes, headers: { 'Content-Type': type, Origin: 'http://shop.example' } });
        assert.equal(answer.status, 200);
        assert.equal(answer.headers.get('access-control-allow-origin'), 'http://shop.example');
        return answer.json();
    };
    const form = `data=${encodeURIComponent(Buffer.from(body).toString('base64'))}`;
    const values = { 'new-ui': 'test', off: false, 'local-flag': 'test' };
    assert.deepEqual((await send('/decide/?v=3&ver=1.200.0', form, 'application/x-www-form-urlencoded')).featureFlags, values);
    assert.deepEqual((await send('/decide/?v=2', body, 'application/json')).featureFlags, { 'new-ui': 'test', 'local-flag': 'test' });
    assert.deepEqual((await send('/decide/?v=1', body, 'application/json')).featureFlags, ['new-ui', 'local-flag']);
    assert.deepEqual((await send('/flags', body, 'application/json')).featureFlags, values);
    const packed = await send('/flags/?v=2', gzipSync(body), 'text/plain');
    assert.deepEqual(Object.keys(packed.flags), ['new-ui', 'off', 'local-flag']);
    assert.deepEqual(packed.flags['local-flag'].metadata.payload, '{"a":1}');
    assert.deepEqual(packed.flags.off.reason.code, 'flag_disabled');
});

test('without a valid key nothing is answered, and nothing said about the body', { skip }, async () => {
    const status = async (path, options) => (await fetch(server.url + path, options)).status;
    const post = (body, headers) => ({ method: 'POST', body, headers });
    assert.equal(await status('/flags/?v=2', post('{"distinct_id":"u"}')), 401);
    assert.equal(await status('/flags/?v=2', post('{"token":"phc_wrong","distinct_id":"u"}')), 401);
    assert.equal(await status('/flags/?v=2', post('{"token":')), 401);
    assert.equal(await status('/flags/definitions?token=x'), 401);
    assert.equal(await status(`/flags/definitions?token=${server.key}`), 401);
    const write = post(`{"token":"${await server.createKey('write')}","distinct_id":"u"}`);
    for (let i = 0; i < 100 && (await status('/flags/?v=2', write)) === 401; i++) await sleep(20); // made a moment ago
    assert.equal(await status('/flags/?v=2', write), 200); // a public key may read answers
    assert.equal(await status('/flags/?v=2', post('{"token":', { Authorization: `Bearer ${server.key}` })), 400);
    assert.equal(await status('/flags/?v=2', post('{}', { Authorization: `Bearer ${server.key}` })), 400);
});

test('what is wrong with a definition is told by its place, and nothing is stored', { skip }, async () => {
    const put = async (key, body) => {
        const answer = await fetch(`${server.url}/v1/flags/${key}`, { method: 'PUT', body: JSON.stringify(body), headers: { Authorization: `Bearer ${server.key}` } });
        return [answer.status, (await answer.json()).detail];
    };
    const definition = { filters: { groups: [country, { properties: [{ key: 'age', operator: 'older' }] }] } };
    assert.deepEqual(await put('bad', { family: 'posthog', definition }), [400, 'filters.groups[1]: properties[0]: operator: there is no operator "older"']);
    assert.deepEqual(await put('bad', { variants: { a: 50, b: 40 } }), [400, 'variants must make 100 percent, not 90']);
    assert.deepEqual(await put('bad', { percent: 101 }), [400, 'percent must be a number from 0 to 100']);
    assert.equal((await put('bad', { family: 'nobody', definition: {} }))[0], 400);
    const { flags } = await server.call('GET', '/v1/flags');
    assert.deepEqual(flags.map(({ key }) => key), Object.keys(fixture));
});

test('the short form, trying out, and the command line', { skip }, async () => {
    const made = await server.call('PUT', '/v1/flags/short', { on: true, percent: 50, variants: { control: 50, test: 50 }, payloads: { test: { a: 1 } } });
    assert.equal(made.version, 1);
    const answer = await server.call('POST', '/v1/flags/short/evaluate', { id: 'a' });
    assert.equal(answer.arms.reduce((sum, { probability }) => sum + probability, 0), 1);
    assert.match(answer.decision_id, /^[0-9a-f-]{36}$/);
    assert.deepEqual(await server.call('DELETE', '/v1/flags/short'), { key: 'short', deleted: true });
    const decide = await server.createKey('decide');
    const limit = Date.now() + 10_000;
    while (!(await server.call('GET', '/v1/flags', undefined, decide).catch(() => false))) {
        assert.ok(Date.now() < limit, 'a running server notices a new key');
        await sleep(20);
    }
    await assert.rejects(server.call('DELETE', '/v1/flags/sticky', undefined, decide), /403/);

    const flag = (...words) => run(process.env.TREADLE_BIN, ['flag', ...words, '--data', server.data]);
    await flag('set', 'cli', '--variants', 'a=50,b=50', '--payloads', '{"a": [1]}');
    const { stdout } = await flag('show', 'cli', '--json');
    assert.deepEqual(JSON.parse(stdout).definition.filters.payloads, { a: '[1]' });
    assert.match((await flag('list')).stdout, /cli/);
    while (!(await ask({ distinct_id: 'u' })).flags.cli) {
        assert.ok(Date.now() < limit, 'a running server notices what the command line changed');
        await sleep(50);
    }
    assert.deepEqual(JSON.parse((await flag('delete', 'cli', '--json')).stdout), { key: 'cli', deleted: true });
    await assert.rejects(flag('show', 'cli'), { code: 1 });
    await assert.rejects(flag('set', 'cli', '--variants', 'a'), { code: 2 });
});

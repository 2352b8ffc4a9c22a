// SDKs for servers send their events to treadle, unchanged but for the host.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventsOf, kindsOf, load, storedIn, withServer } from './setup.mjs';

const node = await load('posthog-node');
const node4 = await load('posthog-node-v4');
const lite = await load('posthog-js-lite');
const segment = await load('@segment/analytics-node');
const skip = node && node4 && lite && segment ? false : 'SDKs are not installed: run npm ci in tests/e2e/posthog';
if (skip) console.log(`skipped: ${skip}`);

const FLUSH = { flushInterval: 100, fetchRetryDelay: 100 };

/** A client whose errors are collected. */
function posthogNode(host, key) {
    const client = new node.PostHog(key, { host, ...FLUSH });
    client.errors = [];
    client.on('error', (error) => client.errors.push(error.message));
    return client;
}

function tellAll(client) {
    client.capture({
        distinctId: 'u1',
        event: 'purchase',
        properties: { $set: { plan: 'pro' }, $set_once: { first: 'x' }, revenue: 12.5 },
        groups: { company: 'acme' },
    });
    client.identify({ distinctId: 'u1', properties: { email: 'a@b.c' } });
    client.alias({ distinctId: 'u1', alias: 'anon1' });
    client.groupIdentify({ groupType: 'company', groupKey: 'acme', properties: { seats: 5 } });
    client.captureException(new Error('boom'), 'u1');
}

test('posthog-node: five events, one person with two ids, a group that is none', { skip }, () =>
    withServer(async ({ server, line, key }) => {
        const client = posthogNode(line.url, key);
        client.capture({ distinctId: 'anon1', event: 'looked' });
        await client.flush();
        tellAll(client);
        await client.shutdown(8000);
        assert.deepEqual(client.errors, []);
        assert.deepEqual(line.statuses, [200]);
        assert.equal(await storedIn(server), 6);
        const person = ['$create_alias', '$exception', '$identify', 'looked', 'purchase'];
        assert.deepEqual(await kindsOf(server, 'u1'), person);
        assert.deepEqual(await kindsOf(server, 'anon1'), person);
        assert.deepEqual(await kindsOf(server, '$company_acme'), ['$groupidentify']); // kept
        const { users } = await server.call('GET', '/v1/users');
        assert.deepEqual(users.map(({ id }) => id), ['u1']); // and nobody
        const group = await server.call('GET', '/v1/groups/company/acme');
        assert.deepEqual(group.traits, { seats: 5 });
        const purchase = (await eventsOf(server, 'u1')).find(({ kind }) => kind === 'purchase');
        assert.equal(purchase.value, 12.5);
        assert.equal(purchase.source, 'posthog');
        assert.deepEqual(purchase.properties.$groups, { company: 'acme' });
        assert.equal(purchase.properties.$lib, 'posthog-node');
    }));

test('posthog-node: a batch whose answer is lost is stored once', { skip }, () =>
    withServer(async ({ server, line, key }) => {
        const client = posthogNode(line.url, key);
        line.lose = 1;
        for (const event of ['E', 'F', 'G', 'H']) client.capture({ distinctId: 'u1', event });
        const awake = setInterval(() => {}, 100); // its timers do not keep the process alive
        await client.shutdown(20_000);
        clearInterval(awake);
        assert.deepEqual(client.errors, []);
        assert.equal(line.lost, 1);
        assert.deepEqual(line.statuses, [200]); // it came again
        assert.deepEqual(await kindsOf(server, 'u1'), ['E', 'F', 'G', 'H']);
        assert.equal(await storedIn(server), 4);
    }));

test('posthog-node: the second capture protocol, its answer lost', { skip }, () =>
    withServer(async ({ server, line, key }) => {
        process.env.POSTHOG_CAPTURE_MODE = 'v1';
        const client = posthogNode(line.url, key);
        delete process.env.POSTHOG_CAPTURE_MODE;
        line.lose = 1;
        client.capture({
            distinctId: 'u1',
            event: 'e1',
            properties: { $session_id: 's1', $process_person_profile: false },
        });
        client.capture({ distinctId: 'u1', event: 'e2' });
        client.capture({ distinctId: 'u1', event: '$ai_generation', properties: { $ai_model: 'm' } });
        const awake = setInterval(() => {}, 100);
        await client.shutdown(20_000);
        clearInterval(awake);
        assert.deepEqual(client.errors, []);
        assert.equal(line.lost, 1);
        assert.deepEqual(line.statuses, [200]);
        assert.ok(line.answers.some(({ path }) => path.startsWith('/i/v1/analytics/events')));
        assert.deepEqual(await kindsOf(server, 'u1'), ['$ai_generation', 'e1', 'e2']);
        assert.equal(await storedIn(server), 3);
        const first = (await eventsOf(server, 'u1')).find(({ kind }) => kind === 'e1');
        assert.equal(first.properties.$session_id, 's1');
        assert.equal(first.properties.$process_person_profile, false);
        assert.equal(first.properties.$lib, 'posthog-node');
    }));

test('posthog-node 4: the same five events', { skip }, () =>
    withServer(async ({ server, line, key }) => {
        const client = new node4.PostHog(key, { host: line.url, ...FLUSH });
        client.capture({ distinctId: 'u1', event: 'purchase', properties: { revenue: 12.5 } });
        client.identify({ distinctId: 'u1', properties: { email: 'a@b.c' } });
        client.alias({ distinctId: 'u1', alias: 'anon1' });
        client.groupIdentify({ groupType: 'company', groupKey: 'acme', properties: { seats: 5 } });
        client.capture({ distinctId: 'anon1', event: 'looked' });
        await client.shutdown(8000);
        assert.deepEqual(line.statuses, [200]);
        assert.equal(await storedIn(server), 5);
        const person = ['$create_alias', '$identify', 'looked', 'purchase'];
        assert.deepEqual(await kindsOf(server, 'u1'), person);
        assert.deepEqual(await kindsOf(server, 'anon1'), person);
    }));

test('posthog-js-lite: what was done before a login is the same person', { skip }, () =>
    withServer(async ({ server, line, key }) => {
        const PostHog = lite.PostHog ?? lite.default?.PostHog ?? lite.default;
        const client = new PostHog(key, {
            host: line.url,
            persistence: 'memory',
            preloadFeatureFlags: false,
            ...FLUSH,
        });
        client.capture('e1', { a: 1 });
        const anonymous = client.getDistinctId();
        client.identify('u1', { email: 'a@b.c' });
        client.capture('e2');
        await client.shutdown(8000);
        assert.deepEqual(line.statuses, [200]);
        assert.notEqual(anonymous, 'u1');
        assert.deepEqual(await kindsOf(server, 'u1'), ['$identify', 'e1', 'e2']);
        assert.deepEqual(await kindsOf(server, anonymous), ['$identify', 'e1', 'e2']);
    }));

test('a wrong key is refused, and nothing is stored', { skip }, (t) =>
    withServer(async ({ server, line }) => {
        t.mock.method(console, 'error', () => {}); // the SDK's own complaint
        const client = posthogNode(line.url, 'phc_wrong');
        client.capture({ distinctId: 'u1', event: 'e' });
        await client.shutdown(8000);
        assert.deepEqual(line.statuses, [401]);
        assert.equal(await storedIn(server), 0);
    }));

test('Segment: a batch whose answer is lost is stored once', { skip }, () =>
    withServer(async ({ server, line, key }) => {
        const client = new segment.Analytics({ writeKey: key, host: line.url, flushInterval: 100 });
        const errors = [];
        client.on('error', (error) => errors.push(error));
        line.lose = 1;
        client.track({ anonymousId: 'anon1', event: 'looked' });
        client.identify({ userId: 'u1', anonymousId: 'anon1', traits: { plan: 'pro' } });
        client.track({ userId: 'u1', event: 'purchase', properties: { revenue: 3 } });
        client.alias({ userId: 'u1', previousId: 'anon0' });
        const awake = setInterval(() => {}, 100);
        await client.closeAndFlush({ timeout: 20_000 });
        clearInterval(awake);
        assert.deepEqual(errors, []);
        assert.equal(line.lost, 1);
        assert.deepEqual(line.statuses, [200]);
        const person = ['$create_alias', '$identify', 'looked', 'purchase'];
        assert.deepEqual(await kindsOf(server, 'anon1'), person);
        assert.deepEqual(await kindsOf(server, 'anon0'), person);
        assert.equal(await storedIn(server), 4);
    }));

// kill -9, three times, while PostHog's and Segment's SDKs send: each event that was acknowledged is
// there, once. TREADLE_CRASH_EVENTS is how many they send: 100,000 is the bar's number.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';

import { load, storedIn, withServer } from './setup.mjs';

const EVENTS = Number(process.env.TREADLE_CRASH_EVENTS ?? 6000);
const KILLS = 3;
const OF_A_USER = 500; // a person's newest thousand can be listed
const AT_ONCE = 1000; // events that may be on their way
const BATCH = 50;

const node = await load('posthog-node');
const segment = await load('@segment/analytics-node');
const skip = node && segment ? false : 'SDKs are not installed: run npm ci in tests/e2e/posthog';
if (skip) console.log(`skipped: ${skip}`);

const decoded = (body) => JSON.parse(body[0] === 0x1f ? gunzipSync(body) : body);

/** Ids of the events in bodies that were answered with 200. */
const idsIn = (bodies) =>
    bodies.flatMap((body) => decoded(body).batch.map(({ uuid, messageId }) => uuid ?? messageId));

async function idsOf(server, user) {
    const { events } = await server.call('GET', `/v1/events?user=${user}&limit=1000`);
    return events.map((event) => event.message_id);
}

function clients(line, key) {
    const posthog = new node.PostHog(key, {
        host: line.url,
        flushAt: BATCH,
        flushInterval: 100,
        maxQueueSize: EVENTS,
        fetchRetryDelay: 100,
        fetchRetryCount: 100,
    });
    const own = new segment.Analytics({
        writeKey: key,
        host: line.url,
        maxEventsInBatch: BATCH,
        flushInterval: 100,
        maxRetries: 100,
    });
    const errors = [];
    posthog.on('error', (error) => errors.push(error.message));
    own.on('error', (error) => errors.push(error.reason?.message ?? error.code));
    return { posthog, own, errors };
}

test('events of SDKs survive three kills', { skip, timeout: 1_800_000 }, () =>
    withServer(async ({ server, line, key }) => {
        const { posthog, own, errors } = clients(line, key);
        const acknowledged = () => line.acknowledged.length * BATCH; // about: the last ones are smaller
        let kills = 0;
        for (let i = 0; i < EVENTS; i += 1) {
            const user = `u${Math.floor(i / OF_A_USER)}`;
            if (i % 2) posthog.capture({ distinctId: user, event: 'look', properties: { i } });
            else own.track({ userId: user, event: 'look', properties: { i } });
            if (i % BATCH === 0) await sleep(1);
            while (i - acknowledged() > AT_ONCE) await sleep(5);
            if (i > (EVENTS * (kills + 1)) / (KILLS + 1)) {
                kills += 1;
                await server.crash();
            }
        }
        const awake = setInterval(() => {}, 100); // their timers do not keep the process alive
        await Promise.all([posthog.shutdown(120_000), own.closeAndFlush({ timeout: 120_000 })]);
        clearInterval(awake);

        const sent = idsIn(line.acknowledged);
        const stored = [];
        for (let u = 0; u * OF_A_USER < EVENTS; u += 1)
            stored.push(...(await idsOf(server, `u${u}`)));
        const there = new Set(stored);
        console.log(`${kills} kills, ${new Set(sent).size} acknowledged, ${stored.length} stored`);
        assert.equal(kills, KILLS);
        assert.equal(there.size, stored.length, 'an event is there twice');
        assert.equal(sent.filter((id) => !there.has(id)).length, 0, 'acknowledged and lost');
        assert.deepEqual(errors, []);
        assert.equal(stored.length, EVENTS); // they sent again what was not acknowledged
        assert.equal(await storedIn(server), EVENTS);
    }));

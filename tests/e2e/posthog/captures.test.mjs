// Every captured request of every SDK, byte for byte but for its key, three times over with a restart
// in between. The captures lie beside the repository; without them this is skipped.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import http from 'node:http';
import { test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { storedIn, withServer } from './setup.mjs';

const CAPTURES = new URL('../../../../shared/refs/sdk/captures/', import.meta.url);
const skip = existsSync(CAPTURES) ? false : 'the captures are not there';
if (skip) console.log(`skipped: ${skip}`);

/** Distinct events of each capture that brings any. Those of GrowthBook's plugin have no id. */
const EVENTS = {
    segment_node: 8,
    browser_segment: 5,
    browser_segment_batch: 3,
    posthog_node_capture: 5,
    posthog_node_flags: 2,
    posthog_node_local: 8,
    posthog_node_v1: 3,
    posthog_node4_decide: 2,
    posthog_node4_local: 1,
    posthog_lite: 4,
    browser_posthog: 6,
    'browser_posthog_1.200': 5,
};
const WITHOUT_ID = 4;
const KEYS = /\b(wk_test|wk|phc_test|phx_secret|tok|sdk-abc[23]?)\b/g;
const CAPTURE = /^\/(batch|e|i\/v0\/e|i\/v1\/analytics\/events|capture|track|v1\/[a-z]+)\/?(\?|$)/;

/** Definitions are read with a secret, all else with what every page shows. */
const rekey = (text, { open, secret }) =>
    text.replaceAll(KEYS, (old) => (old === 'phx_secret' ? secret : open));

function headerWithKey(value, key) {
    const basic = /^Basic (.*)$/.exec(value);
    if (!basic) return rekey(value, key);
    const plain = Buffer.from(basic[1], 'base64').toString();
    return `Basic ${Buffer.from(rekey(plain, key)).toString('base64')}`;
}

function bodyWithKey(raw, key) {
    if (raw[0] === 0x1f) return gzipSync(rekey(gunzipSync(raw).toString(), key));
    const text = raw.toString();
    if (!text.startsWith('data=')) return Buffer.from(rekey(text, key));
    const inner = Buffer.from(new URLSearchParams(text).get('data'), 'base64').toString();
    const again = Buffer.from(rekey(inner, key)).toString('base64');
    return Buffer.from(`data=${encodeURIComponent(again)}`);
}

function send(server, request, key) {
    const body = bodyWithKey(Buffer.from(request.body_b64, 'base64'), key);
    const headers = Object.fromEntries(
        Object.entries(request.headers).map(([name, value]) => [name, headerWithKey(value, key)]),
    );
    headers['content-length'] = body.length;
    const options = { method: request.method, path: rekey(request.path, key), headers, agent: false };
    return new Promise((resolve, reject) => {
        const asked = http.request({ ...options, port: new URL(server.url).port }, (answer) => {
            resolve(answer.statusCode); // a stream would not end
            answer.destroy();
        });
        asked.on('error', reject);
        asked.end(body);
    });
}

function wanted({ method, path }) {
    if (method === 'OPTIONS') return [204];
    return method === 'POST' && CAPTURE.test(path) ? [200] : [200, 304, 401, 404];
}

async function sendAll(server, key) {
    const wrong = [];
    for (const file of readdirSync(CAPTURES)) {
        const { requests = [] } = JSON.parse(readFileSync(new URL(file, CAPTURES)));
        for (const request of requests) {
            const status = await send(server, request, key);
            if (!wanted(request).includes(status))
                wrong.push(`${file}: ${request.method} ${request.path}: ${status}`);
        }
    }
    assert.deepEqual(wrong, []);
}

test('all captures, three times over, give the rows of once', { skip }, () =>
    withServer(async ({ server, key: open }) => {
        const key = { open, secret: server.key };
        const once = Object.values(EVENTS).reduce((sum, n) => sum + n);
        await sendAll(server, key);
        assert.equal(await storedIn(server), once + WITHOUT_ID);
        await server.restart();
        await sendAll(server, key);
        await sendAll(server, key);
        assert.equal(await storedIn(server), once + 3 * WITHOUT_ID);
        const { rejects } = await server.call('GET', '/v1/rejects');
        assert.deepEqual(rejects, []);
    }));

// Requests captured from the real SDKs, three times over with a restart in between: the same rows
// as once, and every answer exactly 200. Needs no SDK.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { storedIn, withServer } from './setup.mjs';

const CAPTURED = new URL('../../unit/wire/captured/posthog/', import.meta.url);
/** Distinct events of each capture, by the SDKs' own scripts. */
const EVENTS = {
    node_capture: 5,
    node_flags: 2,
    node_local: 8,
    node_v1: 3,
    node4_decide: 2,
    node4_local: 1,
    lite: 4,
    js: 6,
    js_1200: 5,
};

/** The body with `key` in place of the one it was captured with. */
function withKey(raw, key) {
    const packed = raw[0] === 0x1f;
    const text = (packed ? gunzipSync(raw) : raw).toString().replaceAll('phc_test', key);
    return packed ? gzipSync(text) : Buffer.from(text);
}

function requestOf(name, key) {
    const body = withKey(readFileSync(new URL(name, CAPTURED)), key);
    const second = /^node_v1-[12]$/.test(name);
    if (second)
        return { path: '/i/v1/analytics/events', headers: { Authorization: `Bearer ${key}` }, body };
    return { path: name.startsWith('js') ? '/e/?compression=gzip-js' : '/batch/', headers: {}, body };
}

async function sendAll(server, key) {
    for (const name of readdirSync(CAPTURED)) {
        const { path, headers, body } = requestOf(name, key);
        const answer = await fetch(server.url + path, {
            method: 'POST',
            headers: { 'Content-Type': 'text/plain', ...headers },
            body,
        });
        assert.equal(answer.status, 200, `${name}: ${await answer.text()}`);
    }
}

test('captured requests, three times over, give the rows of once', () =>
    withServer(async ({ server, key }) => {
        const expected = Object.values(EVENTS).reduce((sum, n) => sum + n);
        await sendAll(server, key);
        assert.equal(await storedIn(server), expected);
        await server.restart();
        await sendAll(server, key);
        await sendAll(server, key);
        assert.equal(await storedIn(server), expected);
    }));

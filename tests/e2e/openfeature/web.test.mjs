// @openfeature/web-sdk with its OFREP provider in node, where there is no EventSource: it polls.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Server } from '../browser/server.mjs';
import { bulkAnswers, newKey, putBool, putFlags, until } from './flags.mjs';

const sdk = await import('@openfeature/web-sdk').catch(() => null);
const ofrep = await import('@openfeature/ofrep-web-provider').catch(() => null);
const skip = sdk && ofrep ? false : 'the SDKs are not installed: run npm ci in tests/e2e/openfeature';
if (skip) console.log(`skipped: ${skip}`);

let server;
let client;
const changes = [];

before(async () => {
    if (skip) return;
    server = await Server.start();
    await putFlags(server);
    await sdk.OpenFeature.setContext({ targetingKey: 'c', country: 'US' });
    const headers = [['Authorization', `Bearer ${await newKey(server)}`]];
    await sdk.OpenFeature.setProviderAndWait(
        new ofrep.OFREPWebProvider({ baseUrl: server.url, pollInterval: 100, headers }),
    );
    client = sdk.OpenFeature.getClient();
    client.addHandler('PROVIDER_CONFIGURATION_CHANGED', (event) => changes.push(event.flagsChanged));
});
after(async () => {
    await sdk?.OpenFeature.close();
    await server?.stop();
});

test('all flags are there at once', { skip }, () => {
    assert.equal(client.getBooleanValue('bool', false), true);
    assert.equal(client.getStringValue('str', 'd'), 'B');
    assert.equal(client.getNumberValue('num', 0), 3.5);
    assert.deepEqual(client.getObjectValue('obj', {}), { a: 1 });
    assert.equal(client.getStringDetails('local-flag', 'd').flagMetadata.propensity, 0.5);
    assert.equal(client.getBooleanDetails('nope', false).errorCode, 'FLAG_NOT_FOUND');
});

test('a poll that brings nothing new is a 304 and logs nothing', { skip }, async () => {
    await until(async () => (await bulkAnswers(server, 304)) >= 3);
    assert.equal(await bulkAnswers(server, 200), 1);
    assert.equal((await server.call('GET', '/v1/decisions?user=c')).decisions.length, 1);
    assert.deepEqual(changes, []);
});

test('a change arrives with the next poll', { skip }, async () => {
    await putBool(server, false);
    await until(() => !client.getBooleanValue('bool', true) && changes.length);
    assert.ok(changes[0].includes('bool'));
});

test('another person is asked for anew', { skip }, async () => {
    const before = await bulkAnswers(server, 200);
    await sdk.OpenFeature.setContext({ targetingKey: 'd' });
    assert.ok((await bulkAnswers(server, 200)) > before); // a poll may have come in between
    assert.ok((await server.call('GET', '/v1/decisions?user=d')).decisions.length > 0);
});

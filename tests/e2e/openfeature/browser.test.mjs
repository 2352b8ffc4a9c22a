// The same provider in Chromium, on a page of another origin: changes come by server-sent events.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Server } from '../browser/server.mjs';
import { bulkAnswers, newKey, putBool, putFlags, until } from './flags.mjs';
import { Restartable } from './restartable.mjs';
import { launch, openShop, serveShop, skip } from './shop.mjs';

let server;
let shop;
let browser;
let page;
let key;

before(async () => {
    if (skip) return;
    server = await Server.start();
    await putFlags(server);
    key = await newKey(server);
    shop = await serveShop();
    browser = await launch();
    page = await openShop(browser, shop);
});
after(async () => {
    await browser?.close();
    shop?.close();
    await server?.stop();
});

async function streams(of = server) {
    const text = await (await fetch(`${of.url}/metrics`)).text();
    return Number(/^treadle_http_streams (\d+)$/m.exec(text)[1]);
}

test('a page has its flags and listens for changes', { skip }, async () => {
    await page.evaluate(([url, k]) => window.start(url, k), [server.url, key]);
    assert.equal(await page.evaluate(() => window.flags.client.getBooleanValue('bool', false)), true);
    await until(async () => (await streams()) === 1);
});

test('a change reaches the page without polling', { skip }, async () => {
    const asked = await bulkAnswers(server, 200);
    await putBool(server, false);
    await page.waitForFunction(() => window.flags.changes.length === 1, null, { timeout: 10_000 });
    assert.equal(await page.evaluate(() => window.flags.client.getBooleanValue('bool', true)), false);
    assert.equal(await bulkAnswers(server, 200), asked + 1);
    assert.equal(await streams(), 1);
    assert.equal(await page.evaluate(() => window.flags.stale), 0);
});

test("GrowthBook's stream tells of a change, too", { skip }, async () => {
    await page.evaluate(([url, k]) => window.subscribe(url, k), [server.url, key]);
    await putBool(server, true);
    await page.waitForFunction(() => window.updates === 1, null, { timeout: 10_000 });
    await assert.rejects(
        page.evaluate(([url]) => window.subscribe(url, 'wrong'), [server.url]),
        /no stream/,
    );
});

test('a page that is closed is forgotten', { skip }, async () => {
    assert.equal(await streams(), 2);
    await page.close();
    await until(async () => (await streams()) === 0);
});

// Its token is of the old server's secret: the page must be given a new one.
test('a page finds its way back after the server restarts', { skip }, async () => {
    const other = await Restartable.start();
    try {
        const visitor = await openShop(browser, shop);
        await putBool(other, true);
        await visitor.evaluate(([url, k]) => window.start(url, k), [other.url, other.key]);
        await until(async () => (await streams(other)) === 1);
        assert.equal(await other.down(), 0);
        await other.up();
        await until(async () => (await streams(other)) === 1, 45_000);
        await putBool(other, false);
        await visitor.waitForFunction(
            () => !window.flags.client.getBooleanValue('bool', true),
            null,
            { timeout: 15_000 },
        );
    } finally {
        await other.remove();
    }
});

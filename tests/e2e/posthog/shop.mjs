// A shop whose page loads one SDK, in Debian's Chromium, on another origin than the server.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import assert from 'node:assert/strict';
import { storedIn } from './setup.mjs';

async function openShop(page, script) {
    const shop = http.createServer((question, answer) => {
        const wantsSdk = question.url === '/sdk.js';
        answer.writeHead(200, { 'Content-Type': wantsSdk ? 'text/javascript' : 'text/html' });
        answer.end(wantsSdk ? readFileSync(script) : page);
    });
    shop.listen(0, '127.0.0.1');
    await once(shop, 'listening');
    shop.url = `http://127.0.0.1:${shop.address().port}/cart?utm_source=news`;
    return shop;
}

/** Run on the page once `ready` holds in it. html: the page, which loads /sdk.js, that is `script`. */
export async function onPage(browser, { html, script, ready }, run) {
    const shop = await openShop(html, script);
    const context = await browser.newContext();
    try {
        const page = await context.newPage();
        await page.goto(shop.url);
        await page.waitForFunction(ready);
        await run(page);
    } finally {
        await context.close();
        shop.close();
        shop.closeAllConnections();
    }
}

/** Wait until so many events are stored. */
export async function until(server, n) {
    const limit = Date.now() + 60_000;
    while ((await storedIn(server)) < n && Date.now() < limit) await sleep(100);
    assert.equal(await storedIn(server), n);
}

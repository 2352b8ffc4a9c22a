// The same where the server does TLS itself: OpenFeature's web provider and GrowthBook's stream in
// Chromium, on a page of another origin, and the dashboard's live page.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { Server } from '../browser/server.mjs';
import { newKey, putBool, putFlags, until } from './flags.mjs';
import { launch, openShop, serveShop, skip } from './shop.mjs';

process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'; // the certificate is of our own making

let folder;
let server;
let shop;
let browser;
let page;

before(async () => {
    if (skip) return;
    folder = mkdtempSync(join(tmpdir(), 'treadle-tls-'));
    const [cert, key] = ['cert.pem', 'key.pem'].map((name) => join(folder, name));
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
    const names = ['-subj', '/CN=treadle', '-addext', 'subjectAltName=IP:127.0.0.1'];
    execFileSync('openssl', ['req', '-x509', ...curve, ...names, '-keyout', key, '-out', cert], {
        stdio: 'ignore',
    });
    server = await Server.start(['--tls-cert', cert, '--tls-key', key]);
    await putFlags(server);
    shop = await serveShop();
    browser = await launch();
    page = await openShop(browser, shop, { ignoreHTTPSErrors: true });
});
after(async () => {
    await browser?.close();
    shop?.close();
    await server?.stop();
    if (folder) rmSync(folder, { recursive: true });
});

async function streams() {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    return Number(/^treadle_http_streams (\d+)$/m.exec(text)[1]);
}

test('a change reaches pages of both SDKs without polling', { skip }, async () => {
    const key = await newKey(server);
    assert.match(server.url, /^https:/);
    await page.evaluate(([url, k]) => window.start(url, k), [server.url, key]);
    assert.equal(await page.evaluate(() => window.flags.client.getBooleanValue('bool', false)), true);
    await page.evaluate(([url, k]) => window.subscribe(url, k), [server.url, key]);
    await until(async () => (await streams()) === 2);
    await putBool(server, false);
    await page.waitForFunction(() => window.flags.changes.length === 1, null, { timeout: 10_000 });
    await page.waitForFunction(() => window.updates === 1, null, { timeout: 10_000 });
    assert.equal(await page.evaluate(() => window.flags.client.getBooleanValue('bool', true)), false);
    assert.equal(await page.evaluate(() => window.flags.stale), 0);
});

test('the live page shows events as they are stored', { skip }, async () => {
    const { newPage, openAt } = await import('../browser/browser.mjs');
    const live = await newPage(browser, server, { ignoreHTTPSErrors: true });
    await openAt(live, server, '#/live');
    await until(async () => (await streams()) === 3);
    await server.call('POST', '/v1/events', [{ user: 'ann', kind: 'view', item: 'over-tls' }]);
    await live.getByRole('cell', { name: 'over-tls' }).waitFor();
    assert.deepEqual(live.faults, []);
    await live.context().close();
});

test('a server that goes down ends its streams, and stops at once', { skip }, async () => {
    const began = Date.now();
    await server.stop();
    server = null;
    assert.ok(Date.now() - began < 10_000);
    await page.waitForFunction(() => window.flags !== undefined); // the page lives on
});

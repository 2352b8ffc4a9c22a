// PostHog's browser SDKs, old and new, in Debian's Chromium on a page of another origin.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { launch } from '../browser/browser.mjs';
import { eventsOf, kindsOf, storedIn, withServer } from './setup.mjs';
import { onPage, until } from './shop.mjs';

const script = (name) => new URL(`node_modules/${name}/dist/module.js`, import.meta.url);
const SDKS = [
    ['posthog-js', '1.449.2'],
    ['posthog-js-v1200', '1.200.0'],
];
const skip = SDKS.every(([name]) => existsSync(script(name)))
    ? false
    : 'SDKs are not installed: run npm ci in tests/e2e/posthog';
if (skip) console.log(`skipped: ${skip}`);

const PAGE =
    '<!doctype html><title>Shop</title><button id="buy">Buy</button>' +
    '<script type="module">import posthog from "/sdk.js"; window.posthog = posthog;</script>';

const shopOf = (sdk) => ({ html: PAGE, script: script(sdk), ready: () => Boolean(window.posthog) });

let browser;
before(async () => {
    if (!skip) browser = await launch();
});
after(() => browser?.close());

/** Load the SDK; the anonymous id it gave. */
const init = (page, host, key, more = {}) =>
    page.evaluate(
        ([api_host, token, options]) => {
            window.posthog.init(token, {
                api_host,
                opt_out_useragent_filter: true, // it sends nothing from a browser under automation
                disable_session_recording: true,
                disable_external_dependency_loading: true,
                advanced_disable_feature_flags: true,
                ...options,
            });
            return window.posthog.get_distinct_id();
        },
        [host, key, more],
    );

for (const [sdk, version] of SDKS) {
    test(`posthog-js ${version}: a visit with a login is one person`, { skip }, () =>
        withServer(async ({ server, line, key }) => {
            await onPage(browser, shopOf(sdk), async (page) => {
                const anonymous = await init(page, line.url, key);
                await until(server, 1); // $pageview goes out at once
                await page.evaluate(() => {
                    window.posthog.capture('purchase', { revenue: 1 });
                    window.posthog.identify('u1', { email: 'a@b.c' });
                    window.posthog.group('company', 'acme', { seats: 5 });
                });
                await page.click('#buy');
                await until(server, 5);
                const person = ['$autocapture', '$groupidentify', '$identify', '$pageview', 'purchase'];
                assert.deepEqual(await kindsOf(server, 'u1'), person);
                assert.deepEqual(await kindsOf(server, anonymous), person);
                const group = await server.call('GET', '/v1/groups/company/acme');
                assert.deepEqual(group.traits, { seats: 5 });
                const events = await eventsOf(server, 'u1');
                assert.ok(events.every(({ properties }) => properties.$lib_version === version));
                assert.ok(!JSON.stringify(events).includes(key));
            });
            assert.deepEqual(line.statuses, [200]);
        }));

    test(`posthog-js ${version}: an event whose answer is lost is stored once`, { skip }, () =>
        withServer(async ({ server, line, key }) => {
            await onPage(browser, shopOf(sdk), async (page) => {
                line.lose = 1;
                await init(page, line.url, key, {
                    capture_pageview: false,
                    capture_pageleave: false,
                    autocapture: false,
                });
                await page.evaluate(() => window.posthog.capture('purchase', { revenue: 1 }));
                const limit = Date.now() + 60_000;
                while (!line.answers.length && Date.now() < limit)
                    await new Promise((resolve) => setTimeout(resolve, 100));
                assert.equal(line.lost, 1);
                assert.match(line.answers[0].path, /retry_count=1/);
            });
            assert.deepEqual(line.statuses, [200]);
            assert.equal(await storedIn(server), 1);
        }));
}

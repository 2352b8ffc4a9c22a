// Segment's browser SDK in Debian's Chromium, on a page of another origin: one call a request, and
// batches.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { launch } from '../browser/browser.mjs';
import { eventsOf, kindsOf, withServer } from './setup.mjs';
import { onPage, until } from './shop.mjs';

const script = new URL('node_modules/@segment/analytics-next/dist/umd/index.js', import.meta.url);
const skip = existsSync(script) ? false : 'SDKs are not installed: run npm ci in tests/e2e/posthog';
if (skip) console.log(`skipped: ${skip}`);

const SHOP = {
    html: '<!doctype html><title>Shop</title><script src="/sdk.js"></script>',
    script,
    ready: () => Boolean(window.AnalyticsNext),
};

let browser;
before(async () => {
    if (!skip) browser = await launch();
});
after(() => browser?.close());

/** Load the SDK with its settings from treadle; gives the anonymous id. */
const load = (page, url, key, delivery = {}) =>
    page.evaluate(
        async ([cdnURL, writeKey, options]) => {
            const apiHost = `${new URL(cdnURL).host}/v1`;
            const settings = { apiHost, protocol: 'http', ...options };
            const [analytics] = await window.AnalyticsNext.AnalyticsBrowser.load(
                { writeKey, cdnURL },
                { integrations: { 'Segment.io': settings } },
            );
            window.analytics = analytics;
            return analytics.user().anonymousId();
        },
        [url, key, delivery],
    );

test('analytics-next: a visit with a login is one person, and a group is none', { skip }, () =>
    withServer(async ({ server, line, key }) => {
        await onPage(browser, SHOP, async (page) => {
            const anonymous = await load(page, line.url, key);
            await page.evaluate(async () => {
                await window.analytics.track('Order Completed', { revenue: 3 });
                await window.analytics.identify('u1', { plan: 'pro' });
                await window.analytics.page('Home');
                await window.analytics.group('g1', { seats: 5 });
                await window.analytics.alias('u2', 'u1'); // the SDK sends u1 for both
            });
            await until(server, 5);
            const person = ['$create_alias', '$groupidentify', '$identify', '$page'];
            const all = [...person, 'Order Completed'];
            for (const id of ['u1', anonymous])
                assert.deepEqual(await kindsOf(server, id), all, id);
            const order = (await eventsOf(server, 'u1')).find(({ kind }) => /^Order/.test(kind));
            assert.equal(order.value, 3);
            const group = await server.call('GET', '/v1/groups/group/g1');
            assert.deepEqual(group.traits, { seats: 5 });
            const { traits, ids } = await server.call('GET', '/v1/users/u1');
            assert.equal(traits.plan, 'pro');
            assert.deepEqual(ids.map(({ id }) => id).sort(), ['u1', anonymous].sort());
        });
        assert.deepEqual(line.statuses, [200]);
    }));

test('analytics-next: batches', { skip }, () =>
    withServer(async ({ server, line, key }) => {
        await onPage(browser, SHOP, async (page) => {
            const anonymous = await load(page, line.url, key, {
                deliveryStrategy: { strategy: 'batching', config: { size: 3, timeout: 500 } },
            });
            await page.evaluate(() => {
                for (const event of ['A', 'B', 'C']) window.analytics.track(event, { i: 1 });
            });
            await until(server, 3);
            assert.deepEqual(await kindsOf(server, anonymous), ['A', 'B', 'C']);
        });
        assert.deepEqual(line.statuses, [200]);
        assert.ok(line.answers.every(({ path }) => path === '/v1/b'));
    }));

test('analytics-next: a call whose answer is lost is stored once', { skip }, () =>
    withServer(async ({ server, line, key }) => {
        await onPage(browser, SHOP, async (page) => {
            await load(page, line.url, key);
            line.lose = 1;
            await page.evaluate(() => void window.analytics.track('purchase'));
            const limit = Date.now() + 60_000;
            while (!line.answers.length && Date.now() < limit)
                await new Promise((resolve) => setTimeout(resolve, 100));
            assert.equal(line.lost, 1);
            await until(server, 1);
        });
        assert.deepEqual(line.statuses, [200]);
    }));

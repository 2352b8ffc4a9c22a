// Without a mouse, without sight, on a small screen.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertClean, launch, newPage, openAt } from './browser.mjs';
import { Server } from './server.mjs';
import { fitShop } from './shop.mjs';
import { LANGUAGES, words } from './words.mjs';

const t = words('en');
let server;
let browser;
let decision;
let run;
let report;

before(async () => {
    server = await Server.start();
    browser = await launch();
    await server.fill();
    await server.train();
    await fitShop(server);
    const saved = { name: 'weekly', query: { report: 'users', every: 'week' } };
    report = (await server.call('POST', '/v1/reports', saved)).id;
    run = (await server.call('GET', '/v1/runs')).runs[0].id;
    decision = (await server.call('GET', '/v1/recommend?user=u3&n=10')).decision_id;
});
after(async () => {
    await browser?.close();
    await server?.stop();
});

const PAGES = () => [
    '#/overview',
    '#/models',
    '#/recommend',
    '#/recommend/shown',
    '#/recommend/rules/home',
    '#/recommend/item/film-2',
    '#/predict',
    '#/predict/shop',
    '#/runs',
    `#/runs/${run}`,
    '#/insights',
    '#/insights/funnel',
    `#/insights/r/${report}`,
    '#/live',
    '#/users',
    '#/users/u3',
    '#/decisions',
    `#/decisions/${decision}`,
];

/** Waits until the page has what it asked the server for. */
async function settled(page) {
    await page.locator('.panel').first().waitFor();
    await page.waitForFunction(() => !document.querySelector('.loading'));
}

/** Presses Tab until the focused element's name or text holds `text`. */
async function tabTo(page, text) {
    for (let i = 0; i < 60; i += 1) {
        await page.keyboard.press('Tab');
        const found = await page.evaluate(() => {
            const e = document.activeElement;
            if (e === document.body) return ''; // between the last element and the first
            return e.getAttribute('aria-label') ?? e.labels?.[0]?.textContent ?? e.textContent;
        });
        if (found.includes(text)) return;
    }
    assert.fail(`Tab never reached "${text}"`);
}

test('the keyboard alone goes from sign-in to a recorded event', async () => {
    const page = await newPage(browser, server);
    await page.goto(server.url);
    await page.locator('#signin-key:focus').waitFor();
    await page.keyboard.type(server.key);
    await page.keyboard.press('Enter');
    await page.getByRole('navigation').waitFor();
    await page.locator('h1:focus').waitFor();
    await tabTo(page, t('nav.users'));
    await page.keyboard.press('Enter');
    await page.locator('h1:focus', { hasText: t('nav.users') }).waitFor();
    await tabTo(page, t('users.label'));
    await page.keyboard.type('u5');
    await page.locator('#user-suggestions option[value="u5"]').waitFor({ state: 'attached' });
    await page.keyboard.press('Escape'); // closes the browser's list of suggestions
    await page.keyboard.press('Enter');
    await page.locator('.answer > li').first().waitFor();
    await tabTo(page, t('feedback.view'));
    await page.keyboard.press('ArrowRight');
    await page.getByLabel(t('feedback.rating'), { exact: true, checked: true }).waitFor();
    await tabTo(
        page,
        t('user.recordOne', { kind: t('feedback.rating'), title: '' })
            .split(':')[0]
            .trim(),
    );
    await page.keyboard.press('Enter');
    await page.locator('.changed').waitFor();
    assertClean(page);
    await page.context().close();
});

test('whatever takes the focus shows it', async () => {
    const page = await newPage(browser, server);
    await openAt(page, server, '#/users/u3');
    await page.locator('.answer > li').first().waitFor();
    for (let i = 0; i < 25; i += 1) {
        await page.keyboard.press('Tab');
        const [what, width] = await page.evaluate(() => {
            const e = document.activeElement;
            return [e.outerHTML.slice(0, 80), parseFloat(getComputedStyle(e).outlineWidth)];
        });
        assert.ok(width >= 2, `no visible focus on ${what}`);
    }
    await page.context().close();
});

test('the skip link is first and leads to the content', async () => {
    const page = await newPage(browser, server);
    await openAt(page, server);
    await page.getByRole('status').filter({ hasText: t('connection.live') }).waitFor();
    await page.evaluate(() => document.activeElement.blur());
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.textContent), t('nav.skip'));
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
    assert.match(page.url(), /#\/overview$/); // the route is not lost
    await page.context().close();
});

test('a change of page moves the focus to its heading', async () => {
    const page = await newPage(browser, server);
    await openAt(page, server);
    await page.getByRole('link', { name: t('nav.models'), exact: true }).click();
    await page.getByRole('heading', { level: 1, name: t('nav.models') }).waitFor();
    await page.locator('h1:focus').waitFor();
    await page.context().close();
});

for (const language of LANGUAGES)
    test(`landmarks, headings, tables, fields and pictures have names (${language})`, async () => {
        const page = await newPage(browser, server, { locale: language });
        for (const hash of PAGES()) {
            await openAt(page, server, hash);
            await settled(page);
            const faults = await page.evaluate(() => {
                const all = (selector) => [...document.querySelectorAll(selector)];
                const label = (e) =>
                    (e.getAttribute('aria-label') ??
                        document.getElementById(e.getAttribute('aria-labelledby'))?.textContent ??
                        e.textContent) ||
                    null;
                const ids = all('[id]').map((e) => e.id);
                return [
                    ...['header', 'nav', 'main', 'h1'].filter((tag) => all(tag).length !== 1),
                    ...all('table')
                        .filter((e) => !e.caption?.textContent)
                        .map(() => 'table without caption'),
                    ...all('th')
                        .filter((e) => !e.scope)
                        .map((e) => `th without scope: ${e.textContent}`),
                    ...all(
                        'button, a, section, [role=region], [role=img], [role=group], svg:not([aria-hidden])',
                    )
                        .filter((e) => !label(e))
                        .map((e) => `no name: ${e.outerHTML.slice(0, 80)}`),
                    ...all('input, select')
                        .filter((e) => !e.labels.length)
                        .map((e) => `no label: ${e.id}`),
                    ...all('progress')
                        .filter((e) => !label(e))
                        .map(() => 'progress without name'),
                    ...ids.filter((id, i) => ids.indexOf(id) !== i).map((id) => `id twice: ${id}`),
                    ...all('[style]')
                        .filter((e) => !e.closest('.uplot'))
                        .map((e) => `inline style: ${e.outerHTML.slice(0, 80)}`),
                ];
            });
            assert.deepEqual(faults, [], hash);
        }
        assertClean(page);
        await page.context().close();
    });

test('no page is wider than a screen of 380 pixels', async () => {
    for (const locale of LANGUAGES) {
        const page = await newPage(browser, server, {
            locale,
            viewport: { width: 380, height: 800 },
        });
        for (const hash of PAGES()) {
            await openAt(page, server, hash);
            await settled(page);
            const over = await page.evaluate(
                () => document.documentElement.scrollWidth - innerWidth,
            );
            assert.ok(over <= 0, `${hash} (${locale}) is ${over} px too wide`);
        }
        assertClean(page);
        await page.context().close();
    }
});

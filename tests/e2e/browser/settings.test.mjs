// Language and theme: the browser's wish first, the person's choice from then on.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertClean, launch, newPage, openAt } from './browser.mjs';
import { Server } from './server.mjs';
import { words } from './words.mjs';

const en = words('en');
const zh = words('zh-CN');
let server;
let browser;

before(async () => {
    server = await Server.start();
    browser = await launch();
});
after(async () => {
    await browser?.close();
    await server?.stop();
});

const attributes = (page) =>
    page.evaluate(() => [document.documentElement.lang, document.documentElement.dataset.theme]);

test("the browser's language and theme come first", async () => {
    for (const [locale, lang] of [
        ['zh-TW', 'zh-CN'],
        ['zh-CN', 'zh-CN'],
        ['en-GB', 'en'],
        ['de', 'en'],
    ])
        for (const colorScheme of ['dark', 'light']) {
            const page = await newPage(browser, server, { locale, colorScheme });
            await openAt(page, server);
            assert.deepEqual(await attributes(page), [lang, colorScheme]);
            assertClean(page);
            await page.context().close();
        }
});

test('the language switch changes every word and is remembered', async () => {
    const page = await newPage(browser, server);
    await openAt(page, server);
    await page.getByRole('button', { name: '中文' }).click();
    await page.getByRole('heading', { level: 1, name: zh('nav.overview') }).waitFor();
    assert.equal(await page.title(), `${zh('nav.overview')} · Treadle`);
    assert.equal(
        await page.getByRole('button', { name: '中文' }).getAttribute('aria-pressed'),
        'true',
    );
    for (const name of ['overview', 'models', 'users', 'decisions']) {
        await page.getByRole('link', { name: zh(`nav.${name}`), exact: true }).click();
        await page.getByRole('heading', { level: 1, name: zh(`nav.${name}`) }).waitFor();
        await page.waitForFunction(() => !document.querySelector('.loading'));
        // what is left in Latin letters: names, code, and what is marked as English
        const english = await page.evaluate(() => {
            const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
            const found = [];
            for (let node = walker.nextNode(); node; node = walker.nextNode())
                if (
                    !node.parentElement.closest('[lang=en], code, noscript, .brand') &&
                    /[a-z]{3}/.test(node.data)
                )
                    found.push(node.data);
            return found;
        });
        for (const text of english) assert.match(text, /\p{Script=Han}/u, `${name}: ${text}`);
    }
    await page.reload();
    await page.getByRole('heading', { level: 1, name: zh('nav.decisions') }).waitFor();
    assert.equal((await attributes(page))[0], 'zh-CN');
    await page.getByRole('button', { name: 'English' }).click();
    await page.getByRole('heading', { level: 1, name: en('nav.decisions') }).waitFor();
    assertClean(page);
    await page.context().close();
});

test('the theme switch changes the colours and is remembered', async () => {
    const page = await newPage(browser, server);
    const ground = () =>
        page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    await openAt(page, server);
    const light = await ground();
    await page.getByRole('button', { name: en('settings.dark') }).click();
    assert.equal((await attributes(page))[1], 'dark');
    assert.notEqual(await ground(), light);
    await page.reload();
    await page.getByRole('button', { name: en('settings.light') }).waitFor();
    assert.equal((await attributes(page))[1], 'dark');
    assertClean(page);
    await page.context().close();
});

test('a change of the system theme is followed until somebody chooses', async () => {
    const page = await newPage(browser, server);
    await openAt(page, server);
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.getByRole('button', { name: en('settings.light') }).waitFor();
    await page.getByRole('button', { name: en('settings.light') }).click();
    await page.emulateMedia({ colorScheme: 'light' });
    await page.emulateMedia({ colorScheme: 'dark' });
    assert.equal((await attributes(page))[1], 'light');
    assertClean(page);
    await page.context().close();
});

test('nothing moves for people who asked for less motion', async () => {
    const page = await newPage(browser, server, { reducedMotion: 'reduce' });
    await openAt(page, server);
    const moving = await page.evaluate(
        () =>
            [...document.querySelectorAll('*')].filter((e) => {
                const style = getComputedStyle(e);
                return style.animationName !== 'none' || style.transitionDuration !== '0s';
            }).length,
    );
    assert.equal(moving, 0);
    assertClean(page);
    await page.context().close();
});

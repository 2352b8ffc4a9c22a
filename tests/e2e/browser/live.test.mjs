// The live page: events as they are stored, filtered, paused, and by the ear.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertClean, launch, newPage, openAt } from './browser.mjs';
import { Server } from './server.mjs';
import { LANGUAGES, words } from './words.mjs';

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

async function open(t, options, hash = '#/live') {
    const page = await newPage(browser, server, options);
    await openAt(page, server, hash);
    await page.getByText(t('live.state.open')).waitFor();
    return page;
}

const send = (...events) => server.call('POST', '/v1/events', events);
const rows = (page, t) => page.getByRole('table', { name: t('live.events') }).locator('tbody tr');

for (const language of LANGUAGES) {
    const t = words(language);

    test(`an event appears as it is stored, the newest first (${language})`, async () => {
        const page = await open(t, { locale: language });
        await page.getByText(t('live.none'), { exact: true }).waitFor();
        await send({ user: 'ann', kind: 'rating', item: 'film-1', value: 4.5, properties: { plan: 'pro' } });
        await rows(page, t).first().waitFor();
        const [first] = await rows(page, t).allTextContents();
        for (const part of [t('kind.rating'), 'ann', 'film-1', '4.5', '{"plan":"pro"}'])
            assert.ok(first.includes(part), `${first} lacks ${part}`);
        await send({ user: '<i>bob</i>', kind: 'view' });
        await rows(page, t).filter({ hasText: '<i>bob</i>' }).waitFor();
        const all = await rows(page, t).allTextContents();
        assert.equal(all.length, 2);
        assert.ok(all[0].includes('<i>bob</i>') && all[1].includes('ann'));
        // said now and then, in one sentence
        await page
            .getByRole('status')
            .filter({ hasText: t('live.spoken.other', { n: 2, kind: t('kind.view'), user: '<i>bob</i>' }) })
            .waitFor({ state: 'attached' });
        assertClean(page);
        await page.context().close();
    });

    test(`a filter stands in the address, and only what passes is shown (${language})`, async () => {
        const page = await open(t, { locale: language });
        await page.getByLabel(t('live.kind'), { exact: true }).fill('order');
        await page.getByLabel(t('live.user'), { exact: true }).fill('u&1');
        await page.keyboard.press('Enter');
        await page.waitForFunction(() => location.hash.includes('order'));
        await page.getByText(t('live.state.open')).waitFor();
        const again = await open(t, { locale: language }, await page.evaluate(() => location.hash));
        await send(
            { user: 'u&1', kind: 'view' },
            { user: 'u2', kind: 'order' },
            { user: 'u&1', kind: 'order', item: 'that-one' },
        );
        for (const one of [page, again]) {
            await rows(one, t).filter({ hasText: 'that-one' }).waitFor();
            assert.equal(await rows(one, t).count(), 1);
            assertClean(one);
            await one.context().close();
        }
    });
}

test('a paused list stands still, counts on, and goes on', async () => {
    const t = words('en');
    const page = await open(t);
    await send({ user: 'ann', kind: 'view' });
    await rows(page, t).first().waitFor();
    const pause = page.getByRole('button', { name: t('live.pause') });
    await pause.focus();
    await page.keyboard.press('Space');
    assert.equal(await pause.getAttribute('aria-pressed'), 'true');
    await send({ user: 'bob', kind: 'view' }, { user: 'cat', kind: 'view' });
    await page.getByText(t('live.held.other', { n: 2 })).waitFor();
    assert.equal(await rows(page, t).count(), 1);
    await page.keyboard.press('Space');
    await rows(page, t).filter({ hasText: 'cat' }).waitFor();
    assert.equal(await rows(page, t).count(), 3);
    assertClean(page);
    await page.context().close();
});

test('what comes too fast is counted, and the page keeps a hundred', async () => {
    const t = words('en');
    const page = await open(t);
    const many = Array.from({ length: 1000 }, (_, i) => ({ user: `u${i}`, kind: 'view' }));
    await send(...many);
    await page.getByText(/came faster than they can be shown/).waitFor();
    await rows(page, t).nth(99).waitFor();
    assert.equal(await rows(page, t).count(), 100);
    const summary = await page.getByRole('img').getAttribute('aria-label');
    assert.ok(summary.includes('1,000'), summary); // those left out are counted too
    assertClean(page);
    await page.context().close();
});

test('a stream that breaks off is said to', async () => {
    const t = words('en');
    const own = await Server.start();
    const page = await newPage(browser, own);
    await openAt(page, own, '#/live');
    await page.getByText(t('live.state.open')).waitFor();
    await own.stop();
    await page.getByText(t('live.state.lost')).waitFor();
    await page.context().close();
});

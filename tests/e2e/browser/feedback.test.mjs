// The wheel turns: an event recorded on the page changes the next answer and becomes a reward.
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
    await server.fill();
    await server.train();
});
after(async () => {
    await browser?.close();
    await server?.stop();
});

/** Title of each item of the answer, without the marks of what changed. */
function titles(page) {
    return page
        .locator('.answer .item-title')
        .evaluateAll((all) => all.map((p) => p.firstChild.textContent.trim()));
}

for (const [i, language] of LANGUAGES.entries()) {
    const t = words(language);
    const user = `u${20 + i}`;

    test(`a recorded view leaves the answer and enters the history (${language})`, async () => {
        const page = await newPage(browser, server, { locale: language });
        await openAt(page, server, `#/users/${user}`);
        await page.locator('.answer > li').first().waitFor();
        const before = await titles(page);
        await page
            .getByRole('button', {
                name: t('user.recordOne', { kind: t('feedback.view'), title: before[0] }),
            })
            .click();
        await page.getByRole('status').getByText(before[0]).first().waitFor();
        const now = await titles(page);
        assert.equal(now.length, 10);
        assert.ok(!now.includes(before[0]), `${before[0]} was seen and is still recommended`);
        assert.notDeepEqual(now, before);
        const newest = page.locator('.history li').first();
        await newest.getByText(before[0], { exact: true }).waitFor();
        assert.match(await newest.textContent(), new RegExp(t('kind.view')));
        assertClean(page);
        await page.context().close();
    });

    test(`a recorded rating is the reward of the decision that showed the item (${language})`, async () => {
        const page = await newPage(browser, server, { locale: language });
        await openAt(page, server, `#/users/${user}`);
        await page.locator('.answer > li').first().waitFor();
        const [, second] = await titles(page);
        await page.getByLabel(t('feedback.rating'), { exact: true }).check();
        await page.getByLabel(t('feedback.value')).selectOption('4.5');
        await page
            .getByRole('button', {
                name: t('user.recordOne', { kind: t('feedback.rating'), title: second }),
            })
            .click();
        const newest = page.locator('.history li').first();
        await newest.getByText(second, { exact: true }).waitFor();
        await newest.getByRole('link', { name: t('user.answered') }).click();
        const rewards = page.getByRole('table', { name: t('decisions.rewards') });
        const row = rewards.locator('tbody tr');
        await row.waitFor();
        const text = await row.textContent();
        assert.ok(
            text.includes(second) && text.includes('4.5') && text.includes(t('kind.rating')),
            text,
        );
        const id = decodeURIComponent(new URL(page.url()).hash.split('/')[2]);
        const decision = await server.call('GET', `/v1/decisions/${id}`);
        assert.equal(decision.user, user);
        assert.deepEqual(
            decision.rewards.map((reward) => reward.value),
            [4.5],
        );
        assertClean(page);
        await page.context().close();
    });
}

test('a stranger gets popular items until the first event', async () => {
    const t = words('en');
    const page = await newPage(browser, server);
    await openAt(page, server, '#/users/nobody-yet');
    await page.getByText(t('user.stranger'), { exact: true }).waitFor();
    await page.getByText(t('fallback.stranger')).waitFor();
    await page.locator('.answer button').first().click();
    await page.locator('.history li').first().waitFor();
    await page.getByText(t('fallback.stranger')).waitFor({ state: 'detached' });
    assertClean(page);
    await page.context().close();
});

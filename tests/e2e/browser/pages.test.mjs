// Every page shows the server's own figures, in both languages.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { assertClean, launch, newPage, openAt } from './browser.mjs';
import { items } from './data.mjs';
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

function format(language, value, digits) {
    return new Intl.NumberFormat(language, {
        minimumFractionDigits: digits ?? 0,
        maximumFractionDigits: digits ?? 3,
    }).format(value);
}

function total(page, label) {
    return page
        .locator('.totals > div', { has: page.getByText(label, { exact: true }) })
        .locator('dd');
}

async function download(page, name, nth) {
    const [file] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('button', { name, exact: true }).nth(nth).click(),
    ]);
    return { name: file.suggestedFilename(), text: await readFile(await file.path(), 'utf8') };
}

for (const language of LANGUAGES) {
    const t = words(language);

    test(`the overview shows the server's totals (${language})`, async () => {
        const page = await newPage(browser, server, { locale: language });
        await openAt(page, server, '#/overview');
        await page.getByRole('status').filter({ hasText: t('connection.live') }).waitFor();
        const stats = await server.call('GET', '/v1/stats');
        const shown = async (key) => (await total(page, t(key)).textContent()).trim();
        assert.equal(await shown('total.events'), format(language, stats.events.total));
        assert.equal(await shown('total.users'), format(language, stats.users));
        assert.equal(await shown('total.items'), format(language, items.length));
        await page.getByText(t('train.state.done')).waitFor();
        await page.getByRole('img', { name: new RegExp(`^${t('rate.title')}`) }).waitFor();
        await page.locator('.rate canvas').waitFor();
        assertClean(page);
        await page.context().close();
    });

    test(`a new event is on the overview within seconds (${language})`, async () => {
        const page = await newPage(browser, server, { locale: language });
        await openAt(page, server, '#/overview');
        const { events } = await server.call('GET', '/v1/stats');
        await server.call('POST', '/v1/events', { user: 'late', kind: 'view', item: 'film-3' });
        await total(page, t('total.events'))
            .getByText(format(language, events.total + 1), { exact: true })
            .waitFor({ timeout: 5000 });
        assertClean(page);
        await page.context().close();
    });

    test(`models stand beside their baselines with the server's figures (${language})`, async () => {
        const page = await newPage(browser, server, { locale: language });
        await openAt(page, server, '#/models');
        const { models } = await server.call('GET', '/v1/models');
        const { evaluation } = models.find((model) => model.active).report;
        const table = page.getByRole('table', { name: t('version.tableCaption') });
        await table.waitFor();
        const rows = table.locator('tbody tr');
        assert.equal(await rows.count(), evaluation.length);
        for (const [i, model] of evaluation.entries()) {
            const text = await rows.nth(i).textContent();
            for (const metric of ['hr10', 'ndcg10', 'mrr', 'validation_hr10'])
                assert.ok(
                    text.includes(format(language, model[metric], 4)),
                    `${metric} in ${text}`,
                );
            assert.equal(text.includes(t('version.promoted')), model.promoted, text);
        }
        await page.getByText(t('models.serving'), { exact: true }).waitFor();
        const plot = page.getByRole('img', { name: t('interval.title', { metric: 'HR@10' }) });
        assert.equal(await plot.locator('.interval').count(), evaluation.length);
        assertClean(page);
        await page.context().close();
    });

    test(`a user's history and answer carry titles and reasons (${language})`, async () => {
        const page = await newPage(browser, server, { locale: language });
        await openAt(page, server, '#/users');
        const suggestion = page.locator('#user-suggestions option[value="u7"]');
        await page.getByLabel(t('users.label')).fill('u7');
        await suggestion.waitFor({ state: 'attached' });
        await page.getByRole('button', { name: t('users.show') }).click();
        await page.locator('.answer > li').first().waitFor();
        const { events } = await server.call('GET', '/v1/events?user=u7&limit=30');
        const titles = await page.locator('.history .item-title').allTextContents();
        assert.deepEqual(
            titles,
            events.map((event) => event.title),
        );
        assert.equal(await page.locator('.answer > li').count(), 10);
        const reasons = page.locator('.answer > li').first().locator('.reasons li');
        assert.match(await reasons.first().textContent(), /\d ?%/);
        assertClean(page);
        await page.context().close();
    });

    test(`a decision shows its candidates, model and reasons (${language})`, async () => {
        const page = await newPage(browser, server, { locale: language });
        const answer = await server.call('GET', '/v1/recommend?user=u9&n=5');
        await openAt(page, server, '#/decisions');
        await page.locator(`a[href="#/decisions/${answer.decision_id}"]`).click();
        const table = page.getByRole('table', { name: t('decision.candidates') });
        await table.waitFor();
        const decision = await server.call('GET', `/v1/decisions/${answer.decision_id}`);
        assert.equal(await table.locator('tbody tr').count(), decision.candidates.length);
        assert.deepEqual(
            await table
                .locator('tbody tr', { hasText: t('decision.yes') })
                .locator('th')
                .allTextContents(),
            answer.items.map((item) => item.title),
        );
        await page.getByRole('link', { name: decision.model }).waitFor();
        await page.getByText(decision.context_hash).waitFor();
        await page.getByText(t('decision.noRewards')).waitFor();
        assertClean(page);
        await page.context().close();
    });
}

test('every chart gives its data as CSV and as Vega-Lite', async () => {
    const t = words('en');
    const page = await newPage(browser, server);
    await openAt(page, server, '#/models');
    await page.locator('.interval').first().waitFor();
    const { models } = await server.call('GET', '/v1/models');
    const { evaluation } = models.find((model) => model.active).report;
    const csv = await download(page, t('chart.csv'), 0);
    assert.equal(csv.name, 'treadle-hr10.csv');
    assert.equal(csv.text.split('\r\n')[0], 'model,value,low,high,promoted');
    assert.equal(csv.text.trim().split('\r\n').length, evaluation.length + 1);
    const spec = JSON.parse((await download(page, t('chart.vegaLite'), 1)).text);
    assert.deepEqual(
        spec.data.values.map((row) => row.value),
        evaluation.map((row) => row.ndcg10),
    );
    await page.getByRole('link', { name: t('nav.overview') }).click();
    await page.locator('.rate canvas').waitFor();
    const rate = await download(page, t('chart.csv'), 0);
    assert.equal(rate.text.trim().split('\r\n').length, 61); // a head and 60 seconds
    assertClean(page);
    await page.context().close();
});

test('an older version can be made to serve again', async () => {
    const t = words('en');
    const page = await newPage(browser, server);
    const before = (await server.call('GET', '/v1/models')).models.find((model) => model.active);
    await openAt(page, server, '#/models');
    await page.getByRole('button', { name: t('train.now') }).click();
    await page
        .getByRole('button', { name: t('models.activateOne', { version: before.version }) })
        .click({ timeout: 90_000 });
    await page.getByRole('row', { name: before.version }).getByText(t('models.serving')).waitFor();
    const { models } = await server.call('GET', '/v1/models');
    assert.equal(models.length, 2);
    assert.equal(models.find((model) => model.active).version, before.version);
    assertClean(page);
    await page.context().close();
});

test('a key that may only ask is told that training needs an admin key', async () => {
    const t = words('en');
    const page = await newPage(browser, server);
    const key = await server.createKey('decide');
    await openAt(page, { url: server.url, key }, '#/models');
    await page.getByRole('button', { name: t('train.now') }).click();
    await page.getByRole('alert').getByText(t('error.right')).waitFor();
    await page.getByRole('table', { name: t('version.tableCaption') }).waitFor(); // still signed in
    assert.ok(
        page.faults.every((fault) => fault.includes('403')),
        page.faults.join(),
    );
    await page.context().close();
});

test('a decision that does not exist is an error with words', async () => {
    const t = words('en');
    const page = await newPage(browser, server);
    await openAt(page, server, '#/decisions/no-such-decision');
    await page.getByRole('alert').getByText(t('error.missing')).waitFor();
    assert.ok(
        page.faults.every((fault) => /40[04]/.test(fault)),
        page.faults.join(),
    );
    await page.context().close();
});

test('what came in as text never becomes markup', async () => {
    const page = await newPage(browser, server);
    await server.call('POST', '/v1/events', {
        user: '<img src=x>',
        kind: '<b>k</b>',
        item: 'film-1',
    });
    await openAt(page, server, `#/users/${encodeURIComponent('<img src=x>')}`);
    const first = page.locator('.history .item-title').first();
    await first.waitFor();
    assert.equal(await first.textContent(), items[0].title);
    assert.equal(await page.locator('main img, main b').count(), 0);
    assertClean(page);
    await page.context().close();
});

for (const language of LANGUAGES)
    test(`a model that was trained on somebody erased is called stale (${language})`, async () => {
        const t = words(language);
        const page = await newPage(browser, server, { locale: language });
        await server.call('POST', '/v1/privacy/erase', { user: 'u1' });
        const { models } = await server.call('GET', '/v1/models');
        const serving = models.find((model) => model.active);
        assert.notEqual(serving.stale_since, null);
        const time = new Intl.DateTimeFormat(language, {
            dateStyle: 'medium',
            timeStyle: 'medium',
        }).format(new Date(serving.stale_since));
        await openAt(page, server, '#/models');
        await page.getByText(t('version.stale', { time })).waitFor();
        await page
            .getByRole('row', { name: serving.version })
            .getByText(t('models.staleSince', { time }))
            .waitFor();
        assertClean(page);
        await page.context().close();
    });

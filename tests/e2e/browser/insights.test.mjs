// Reports over events: asked by a form, kept in the address, drawn from the server's own table.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { assertClean, launch, newPage, openAt } from './browser.mjs';
import { Server } from './server.mjs';
import { LANGUAGES, words } from './words.mjs';

const DAY_MS = 86_400_000;
let server;
let browser;

before(async () => {
    server = await Server.start();
    browser = await launch();
    const at = (daysAgo, minutes) =>
        new Date(Date.now() - daysAgo * DAY_MS + minutes * 60_000).toISOString();
    const events = [];
    for (let user = 0; user < 20; user += 1) {
        const kinds = ['view', ...(user < 12 ? ['cart'] : []), ...(user < 5 ? ['order'] : [])];
        kinds.forEach((kind, i) =>
            events.push({
                user: `u${user}`,
                kind,
                time: at(3, user * 2 + i),
                message_id: `${user}-${kind}`,
                properties: { plan: user % 4 ? 'free' : 'pro' },
            }),
        );
        if (user < 8)
            events.push({ user: `u${user}`, kind: 'view', time: at(2, user), message_id: `r${user}` });
    }
    await server.call('POST', '/v1/events', events);
});
after(async () => {
    await browser?.close();
    await server?.stop();
});

async function ask(page, t, report, fields = {}) {
    await page.getByLabel(t('insights.report'), { exact: true }).selectOption(report);
    for (const [label, value] of Object.entries(fields)) await page.getByLabel(label).fill(value);
    await page.getByRole('button', { name: t('insights.show') }).click();
}

for (const language of LANGUAGES) {
    const t = words(language);
    const percent = new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 1 });

    test(`a funnel shows who went on at each step, and its address repeats it (${language})`, async () => {
        const page = await newPage(browser, server, { locale: language });
        await openAt(page, server, '#/insights');
        await ask(page, t, 'funnel', { [t('insights.kinds.funnel')]: 'view, cart, order' });
        const table = page.getByRole('table', { name: t('insights.report.funnel') });
        await table.waitFor();
        const rows = await table.locator('tbody tr').allTextContents();
        assert.equal(rows.length, 3);
        assert.ok(rows[0].includes('20'), rows[0]);
        assert.ok(rows[1].includes('12') && rows[1].includes(percent.format(0.6)), rows[1]);
        assert.ok(rows[2].includes('5') && rows[2].includes(percent.format(5 / 12)), rows[2]);
        const address = await page.evaluate(() => location.hash);
        const other = await newPage(browser, server, { locale: language });
        await openAt(other, server, address);
        const again = other.getByRole('table', { name: t('insights.report.funnel') });
        await again.waitFor();
        assert.deepEqual(await again.locator('tbody tr').allTextContents(), rows);
        assertClean(page);
        assertClean(other);
        await page.context().close();
        await other.context().close();
    });

    test(`trend, retention, sessions and breakdown (${language})`, async () => {
        const page = await newPage(browser, server, { locale: language, colorScheme: 'dark' });
        await openAt(page, server, '#/insights');
        await page.getByRole('img', { name: new RegExp(`${t('kind.view')} · ${t('insights.events')}`) }).waitFor();
        const chart = page.getByRole('img', { name: new RegExp(`${t('kind.view')} · ${t('insights.persons')}`) });
        assert.equal(await chart.locator('rect.column').count(), 31);
        await chart.focus();
        await page.keyboard.press('End');
        await ask(page, t, 'breakdown', { [t('insights.property')]: 'plan' });
        const values = page.getByRole('table', { name: t('insights.report.breakdown') });
        await values.waitFor();
        const [free, none, pro] = (await values.locator('tbody tr').allTextContents()).sort();
        assert.ok(free && none && pro);
        assert.equal(await values.locator('tbody tr').count(), 3);
        await ask(page, t, 'retention');
        const cohorts = page.getByRole('table', { name: t('insights.report.retention') });
        await cohorts.waitFor();
        assert.ok((await cohorts.textContent()).includes(percent.format(0.4))); // 8 of 20 came back
        await ask(page, t, 'sessions');
        await page.getByRole('img', { name: new RegExp(`^${t('insights.sessions')}`) }).waitFor();
        assertClean(page);
        await page.context().close();
    });
}

test('a report that lacks something says what, and data goes out as CSV', async () => {
    const t = words('en');
    const page = await newPage(browser, server);
    await openAt(page, server, '#/insights');
    await ask(page, t, 'funnel', { [t('insights.kinds.funnel')]: 'view' });
    await page.getByText(t('insights.incomplete.funnel')).waitFor();
    await ask(page, t, 'funnel', { [t('insights.kinds.funnel')]: 'view, order' });
    await page.getByRole('table', { name: t('insights.report.funnel') }).waitFor();
    const [file] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('button', { name: t('chart.csv'), exact: true }).click(),
    ]);
    const lines = (await readFile(await file.path(), 'utf8')).trim().split('\r\n');
    assert.equal(lines[0], 'step,kind,persons,share_of_first,share_of_former,median_seconds');
    assert.equal(lines.length, 3);
    assertClean(page);
    await page.context().close();
});

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
    await page.getByRole('link', { name: t(`insights.report.${report}`), exact: true }).click();
    await page.locator('.views [aria-current]', { hasText: t(`insights.report.${report}`) }).waitFor();
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

    test(`every kind of report has its view (${language})`, async () => {
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
        await ask(page, t, 'users');
        const users = page.getByRole('img', { name: new RegExp(`^${t('insights.persons')}: .*28`) });
        await users.waitFor(); // 20 on one day, 8 of them again on the next
        await page.getByText(t('insights.unique.other', { n: 20 }), { exact: true }).waitFor();
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

test('a period is named by the clock of whoever asked', async () => {
    const t = words('en');
    const page = await newPage(browser, server, { timezoneId: 'Asia/Shanghai' });
    await openAt(page, server, '#/insights/users');
    const chart = page.getByRole('img', { name: new RegExp(`^${t('insights.persons')}`) });
    await chart.waitFor();
    await chart.focus();
    await page.keyboard.press('End');
    const today = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeZone: 'Asia/Shanghai' });
    await page
        .getByRole('img', { name: `${t('insights.persons')}: ${today.format(new Date())}: 0` })
        .waitFor();
    assertClean(page);
    await page.context().close();
});

for (const language of LANGUAGES) {
    const t = words(language);

    test(`a report is saved, opened by its address, renamed and deleted (${language})`, async () => {
        const page = await newPage(browser, server, { locale: language });
        await openAt(page, server, '#/insights/funnel');
        await page.getByText(t('saved.none')).waitFor();
        await page.getByLabel(t('insights.kinds.funnel')).fill('view, order');
        await page.getByLabel(t('insights.within')).fill('12h');
        await page.getByRole('button', { name: t('insights.show') }).click();
        await page.getByRole('table', { name: t('insights.report.funnel') }).waitFor();
        await page.getByLabel(t('saved.saveAs')).fill('订单 <b>');
        await page.getByRole('button', { name: t('saved.save'), exact: true }).click();
        await page.getByRole('heading', { name: '订单 <b>' }).waitFor();
        const address = await page.evaluate(() => location.hash);
        assert.match(address, /^#\/insights\/r\/[0-9a-f-]{36}$/);

        const other = await newPage(browser, server, { locale: language });
        await openAt(other, server, address);
        await other.getByRole('heading', { name: '订单 <b>' }).waitFor();
        const rows = other.getByRole('table', { name: t('insights.report.funnel') }).locator('tbody tr');
        await rows.first().waitFor();
        assert.equal(await rows.count(), 2);
        assert.equal(await other.getByLabel(t('insights.kinds.funnel')).inputValue(), 'view, order');
        assert.equal(await other.getByLabel(t('insights.within')).inputValue(), '12h');

        await page.getByRole('button', { name: t('saved.renameOne', { name: '订单 <b>' }) }).click();
        await page.getByLabel(t('saved.name'), { exact: true }).fill('orders');
        await page.keyboard.press('Enter');
        const link = page.getByRole('link', { name: 'orders', exact: true });
        await link.waitFor();
        assert.equal(await link.getAttribute('href'), address);
        await page.getByRole('button', { name: t('saved.deleteOne', { name: 'orders' }) }).click();
        await page.getByRole('button', { name: t('saved.reallyDelete', { name: 'orders' }) }).click();
        await page.getByText(t('saved.none')).waitFor();
        assertClean(page);
        assertClean(other);
        await page.context().close();
        await other.context().close();
    });
}

test('the same name is the same report, and only an admin saves', async () => {
    const t = words('en');
    const page = await newPage(browser, server);
    await openAt(page, server, '#/insights/trend');
    for (const view of ['trend', 'sessions']) {
        await page.getByRole('link', { name: t(`insights.report.${view}`), exact: true }).click();
        await page.locator('.views [aria-current]', { hasText: t(`insights.report.${view}`) }).waitFor();
        await page.getByLabel(t('saved.saveAs')).fill('mine');
        await page.getByRole('button', { name: t('saved.save'), exact: true }).click();
        await page.getByRole('heading', { name: 'mine', exact: true }).waitFor();
    }
    const { reports } = await server.call('GET', '/v1/reports');
    assert.deepEqual(
        reports.map(({ name, query }) => [name, query.report]),
        [['mine', 'sessions']],
    );
    const reader = await newPage(browser, server);
    await openAt(reader, { url: server.url, key: await server.createKey('decide') }, '#/insights');
    await reader.getByText(t('saved.admins')).waitFor();
    await reader.getByRole('link', { name: 'mine', exact: true }).click();
    await reader.getByRole('heading', { name: 'mine', exact: true }).waitFor();
    assert.equal(await reader.getByLabel(t('saved.saveAs')).count(), 0);
    await server.call('DELETE', `/v1/reports/${reports[0].id}`);
    assertClean(page);
    assertClean(reader);
    await page.context().close();
    await reader.context().close();
});

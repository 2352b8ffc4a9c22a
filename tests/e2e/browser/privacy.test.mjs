// The page about people's data: the audit log, a person's export and erasure, consents, retention.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { assertClean, launch, newPage, openAt } from './browser.mjs';
import { Server } from './server.mjs';
import { LANGUAGES, words } from './words.mjs';

const t = words('en');
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

const panel = (page, title) => page.getByRole('region', { name: title, exact: true }).first();

for (const language of LANGUAGES)
    test(`the log tells who changed what, newest first (${language})`, async () => {
        const say = words(language);
        const page = await newPage(browser, server, { locale: language });
        await server.call('PUT', '/v1/flags/btn', { family: 'posthog', definition: {} });
        await openAt(page, server, '#/privacy');
        const log = panel(page, say('audit.title'));
        await log.locator('tbody tr').first().waitFor();
        const actions = await log.locator('tbody th').allTextContents();
        assert.equal(actions[0], say('action.login')); // of this page
        assert.equal(actions[1], say('action.flag.put'));
        assert.equal(actions.at(-1), say('action.key.create'));
        const change = log.locator('tbody tr').nth(1);
        assert.match(await change.textContent(), /key:[0-9a-f]{16}.*family=posthog flag=btn/);
        const { chain } = await server.call('GET', '/v1/audit');
        await log.getByText(say('audit.whole.other', { n: chain.entries })).waitFor();
        await log.getByText(chain.head).waitFor();
        await page.context().close();
    });

test('older entries are a button away', async () => {
    const page = await newPage(browser, server);
    for (let i = 0; i < 60; i += 1)
        await server.call('PUT', `/v1/flags/f${i}`, { family: 'posthog', definition: {} });
    await openAt(page, server, '#/privacy');
    const log = panel(page, t('audit.title'));
    await log.getByRole('button', { name: t('audit.older') }).click();
    await log.getByRole('button', { name: t('audit.newest') }).waitFor();
    await log.getByText(t('action.key.create')).waitFor(); // the first of all
    await page.context().close();
});

test('a person is erased only by typing the name twice', async () => {
    const page = await newPage(browser, server);
    await openAt(page, server, '#/privacy');
    const erase = panel(page, t('person.erase'));
    const button = erase.getByRole('button', { name: t('person.eraseNow') });
    let asked = 0;
    page.on('request', (request) => (asked += request.url().endsWith('/v1/privacy/erase')));
    await erase.getByLabel(t('person.user'), { exact: true }).fill('ann');
    await page.keyboard.press('Enter');
    await erase.getByLabel(t('person.again')).fill('anna');
    await page.keyboard.press('Enter');
    assert.equal(await button.getAttribute('aria-disabled'), 'true');
    assert.equal(asked, 0);
    await page.context().close();
});

for (const language of LANGUAGES)
    test(`who is erased stands in the list, with a receipt to keep (${language})`, async () => {
        const say = words(language);
        const page = await newPage(browser, server, { locale: language });
        const user = `carol-${language}`;
        await server.call('POST', '/v1/events', [
            { user, kind: 'view', item: 'i1' },
            { user, kind: 'view', item: 'i2' },
        ]);
        await openAt(page, server, '#/privacy');
        const erase = panel(page, say('person.erase'));
        await erase.getByLabel(say('person.user'), { exact: true }).fill(user);
        await erase.getByLabel(say('person.again')).fill(user);
        await page.keyboard.press('Enter');
        await erase.getByText(say('person.erased')).waitFor();
        const shown = JSON.parse(await erase.locator('pre').textContent());
        assert.equal(shown.receipt.rows.events, 2);
        const row = panel(page, say('requests.title')).locator('tbody tr').first();
        await row.getByText(shown.receipt.subject).waitFor();
        await row.getByText(say('requests.done')).waitFor();
        assert.match(await row.textContent(), /events 2/);
        const [download] = await Promise.all([
            page.waitForEvent('download'),
            row.getByRole('button').click(),
        ]);
        const path = await download.path();
        assert.deepEqual(JSON.parse(readFileSync(path, 'utf8')), shown);
        execFileSync(process.env.TREADLE_BIN, ['privacy', 'verify-receipt', path]);
        assert.equal((await page.content()).includes(user), false);
        const { events } = await server.call('GET', `/v1/events?user=${user}`);
        assert.deepEqual(events, []);
        assertClean(page);
        await page.context().close();
    });

test('all about a person comes as a file', async () => {
    const page = await newPage(browser, server);
    await server.call('POST', '/v1/events', { user: 'dave', kind: 'view', item: 'i7' });
    await openAt(page, server, '#/privacy');
    const form = panel(page, t('person.export'));
    await form.getByLabel(t('person.user'), { exact: true }).fill('dave');
    const [download] = await Promise.all([
        page.waitForEvent('download'),
        form.getByRole('button', { name: t('person.download') }).click(),
    ]);
    const lines = readFileSync(await download.path(), 'utf8').trim().split('\n').map(JSON.parse);
    assert.deepEqual(
        lines.map((line) => line.type),
        ['schema', 'id', 'event'],
    );
    assert.equal(lines[2].item, 'i7');
    await panel(page, t('audit.title')).waitFor();
    assertClean(page);
    await page.context().close();
});

test('a broken log is called broken, with the entry', async () => {
    const page = await newPage(browser, server);
    const { chain } = await server.call('GET', '/v1/audit');
    execFileSync('python3', [
        '-c',
        'import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=5);' +
            'c.execute("DELETE FROM audit WHERE seq = 2"); c.commit()',
        `${server.data}/treadle.db`,
    ]);
    await openAt(page, server, '#/privacy');
    const log = panel(page, t('audit.title'));
    await log.getByText(t('audit.broken', { n: 2 })).waitFor();
    await log.getByText('entry 2 is missing').waitFor();
    assert.ok(chain.whole);
    await page.context().close();
});

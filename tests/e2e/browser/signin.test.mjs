// Getting in and out: by address, by form, with a wrong key.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertClean, launch, newPage, openAt } from './browser.mjs';
import { Server } from './server.mjs';
import { words } from './words.mjs';

const t = words('en');
let server;
let browser;
let page;

before(async () => {
    server = await Server.start();
    browser = await launch();
    page = await newPage(browser, server);
});
after(async () => {
    await browser?.close();
    await server?.stop();
});

test('the page is served with a policy that allows only its own files', async () => {
    const answer = await page.goto(server.url);
    const policy = answer.headers()['content-security-policy'];
    assert.match(policy, /script-src 'self'(;|$)/);
    assert.match(policy, /style-src 'self'(;|$)/);
    assert.doesNotMatch(policy, /unsafe|https?:|\*/);
    await page.getByLabel(t('signin.key')).waitFor();
    assertClean(page);
    await page.goto('about:blank');
});

test('the key in the address signs in and leaves the address bar', async () => {
    await page.goto(`${server.url}/#key=${server.key}`);
    await page.getByRole('heading', { level: 1, name: t('nav.overview') }).waitFor();
    assert.equal(page.url(), `${server.url}/`);
    assertClean(page);
});

test('the session lasts for a reload, in a cookie that no script can read', async () => {
    await page.reload();
    await page.getByRole('status').filter({ hasText: t('connection.live') }).waitFor();
    const readable = await page.evaluate(
        () => JSON.stringify(sessionStorage) + JSON.stringify(localStorage) + document.cookie,
    );
    const cookies = await page.context().cookies();
    assert.equal(cookies.length, 1);
    assert.equal(cookies[0].httpOnly, true);
    assert.equal(cookies[0].sameSite, 'Strict');
    assert.ok(!readable.includes(cookies[0].value) && !readable.includes(server.key));
    assert.ok(!cookies[0].value.includes(server.key));
    assertClean(page);
});

test('a page cannot change anything without the CSRF token', async () => {
    const status = await page.evaluate(async () => {
        const body = JSON.stringify({ user: 'u', kind: 'view' });
        const answer = await fetch('/v1/events', { method: 'POST', body });
        return answer.status;
    });
    assert.equal(status, 403);
    assert.ok(page.faults.every((fault) => fault.includes('403')), page.faults.join());
    page.faults.length = 0;
});

test('signing out takes the cookie away', async () => {
    await page.getByRole('button', { name: t('settings.signOut') }).click();
    await page.getByText(t('signin.left')).waitFor();
    for (let i = 0; i < 100 && (await page.context().cookies()).length > 0; i += 1)
        await page.waitForTimeout(20);
    assert.deepEqual(await page.context().cookies(), []);
    await page.reload();
    await page.getByLabel(t('signin.key')).waitFor();
    assertClean(page);
});

test('an empty form says what is missing', async () => {
    await page.getByRole('button', { name: t('signin.submit') }).click();
    await page.getByRole('alert').getByText(t('signin.missing')).waitFor();
    assertClean(page);
});

test('a wrong key comes back to the form with a clear message', async () => {
    await page.getByLabel(t('signin.key')).fill('not-a-key');
    await page.getByRole('button', { name: t('signin.submit') }).click();
    await page.getByRole('alert').getByText(t('signin.refused')).waitFor();
    // Chromium itself writes the 401 to the console; nothing else may be there
    assert.ok(
        page.faults.length > 0 && page.faults.every((fault) => fault.includes('401')),
        page.faults.join(),
    );
    page.faults.length = 0;
});

test('a key that may only write is told so', async () => {
    await page.getByLabel(t('signin.key')).fill(await server.createKey('write'));
    await page.getByRole('button', { name: t('signin.submit') }).click();
    await page.getByRole('alert').getByText(t('signin.weak')).waitFor();
    assert.ok(page.faults.every((fault) => fault.includes('403')), page.faults.join());
    page.faults.length = 0;
});

test('the right key typed into the form opens the dashboard', async () => {
    await page.getByLabel(t('signin.key')).fill(server.key);
    await page.keyboard.press('Enter');
    await page.getByRole('status').filter({ hasText: t('connection.live') }).waitFor();
    assertClean(page);
});

test('a fresh server says what to do next on every page', async () => {
    for (const [hash, text] of [
        ['#/overview', 'overview.empty'],
        ['#/models', 'models.empty'],
        ['#/users', 'users.empty'],
        ['#/decisions', 'decisions.empty'],
    ]) {
        await openAt(page, server, hash);
        await page.getByText(t(text), { exact: true }).waitFor();
    }
    assertClean(page);
});

test('when the server goes away the page says so', async () => {
    await openAt(page, server);
    await page.getByRole('status').filter({ hasText: t('connection.live') }).waitFor();
    await server.stop();
    await page.getByText(t('connection.lost')).waitFor();
});

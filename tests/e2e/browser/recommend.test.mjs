// The recommender's pages: a click changes a surface, what was shown is counted, rules are tried and
// saved, and two who save at once are told.
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

const slate = (page, label) =>
    page
        .getByRole('list', { name: label, exact: true })
        .locator('.item-title')
        .evaluateAll((all) => all.map((p) => p.textContent.trim()));

/** Charts that cannot be saved as Vega-Lite and as CSV. */
async function assertEachChartIsSaved(page, t) {
    const charts = page.locator('figure.chart');
    assert.ok((await charts.count()) > 0, 'no chart');
    for (const chart of await charts.all())
        for (const format of ['chart.csv', 'chart.vegaLite'])
            assert.equal(await chart.getByRole('button', { name: t(format) }).count(), 1);
}

for (const [i, language] of LANGUAGES.entries()) {
    const t = words(language);
    const user = `u${30 + i}`;

    test(`a click on the home row is in the history and changes the row (${language})`, async () => {
        const page = await newPage(browser, server, { locale: language });
        await openAt(page, server, `#/users/${user}`);
        await page.locator('.slate > li').first().waitFor();
        await page.locator('.history li').first().waitFor();
        const before = await slate(page, t('user.surface'));
        assert.equal(before.length, 10);
        const why = await page.locator('.slate > li').first().locator('.reasons').textContent();
        assert.ok(why.length > 0, 'the first item has no cause');
        await page
            .getByRole('button', { name: t('user.clickOne', { title: before[0] }), exact: true })
            .click();
        await page.getByRole('status').getByText(before[0]).first().waitFor();
        const now = await slate(page, t('user.surface'));
        assert.ok(!now.includes(before[0]), `${before[0]} was clicked and is still shown`);
        assert.notDeepEqual(now, before);
        const newest = page.locator('.history li').first();
        await newest.getByText(before[0], { exact: true }).waitFor();
        assert.match(await newest.textContent(), new RegExp(t('kind.click')));
        assertClean(page);
        await page.context().close();
    });

    test(`every rung stands with its interval, and who serves (${language})`, async () => {
        const page = await newPage(browser, server, { locale: language });
        await openAt(page, server, '#/recommend');
        const { models } = await server.call('GET', '/v1/models');
        const report = models.find((model) => model.active).report;
        const table = page.getByRole('table', { name: t('version.tableCaption') });
        await table.waitFor();
        assert.equal(await table.locator('tbody tr').count(), report.evaluation.length);
        await page.getByText(t('version.promoted'), { exact: true }).first().waitFor();
        const promoted = report.evaluation.find((row) => row.promoted);
        const row = table.locator('tbody tr.current');
        assert.ok((await row.textContent()).includes(t(`verdict.${promoted.verdict}`)));
        assert.equal(await table.locator('.gate[lang=en]').count(), 0, 'a sentence is not translated');
        await assertEachChartIsSaved(page, t);
        assertClean(page);
        await page.context().close();
    });
}

const homeOf = async () =>
    (await server.call('GET', '/v1/recommend/report?surface=home')).surfaces[0];

test('what was shown is counted as the API counts it', async () => {
    const t = words('en');
    const before = await homeOf(); // a person's page asks as well
    const answer = await server.call('POST', '/v1/recommend', { surface: 'home', user: 'u40', k: 5 });
    await server.call('POST', '/v1/events', {
        user: 'u40',
        kind: 'purchase',
        item: answer.items[1].id,
        value: 12.5,
        decision_id: answer.decision_id,
    });
    await server.call('POST', '/v1/recommend', { surface: 'home', user: 'u41', k: 5 });
    const page = await newPage(browser, server);
    await openAt(page, server, '#/recommend/shown/home');
    const outcomes = page.getByRole('table', { name: t('shown.outcomes') });
    await outcomes.waitFor();
    const row = outcomes.locator('tbody tr', { hasText: t('kind.purchase') });
    const home = await homeOf();
    const rate = new Intl.NumberFormat('en', { style: 'percent', maximumFractionDigits: 1 });
    assert.equal(home.answers.n, before.answers.n + 2);
    assert.equal(home.slots, before.slots + 10);
    const told = await row.textContent();
    assert.ok(told.includes(rate.format(1 / home.answers.n)) && told.includes('12.5'), told);
    await page
        .getByRole('heading', { name: t('shown.byPosition') })
        .waitFor();
    const saving = page.waitForEvent('download');
    await page
        .getByRole('group', { name: t('chart.export', { title: t('shown.byPosition') }) })
        .getByRole('button', { name: t('chart.csv') })
        .click();
    assert.equal((await saving).suggestedFilename(), 'treadle-shown-home-position.csv');
    assertClean(page);
    await page.context().close();
});

for (const language of LANGUAGES) {
    test(`who gets what, what each model alone would have earned, live counts (${language})`, async () => {
        const t = words(language);
        const page = await newPage(browser, server, { locale: language });
        await openAt(page, server, '#/recommend/shown/home');
        await page.getByRole('heading', { name: t('fair.title') }).waitFor();
        await page.getByText(t('fair.noTrait')).waitFor(); // no policy names a trait
        const { surfaces, live } = await server.call('GET', '/v1/recommend/report');
        const missing = surfaces.find(({ surface }) => surface === 'home').what_if_missing;
        assert.ok(missing, 'too few people for a mix of models');
        await page.getByText(t(`alone.missing.${missing}`)).waitFor();
        const counts = page.getByRole('region', { name: t('counts.title') });
        assert.ok((await counts.textContent()).includes(String(live.people)));
        await assertEachChartIsSaved(page, t);
        assertClean(page);
        await page.context().close();
    });
}

test('an item says who has it and where it may be shown', async () => {
    const t = words('en');
    const page = await newPage(browser, server);
    await openAt(page, server, '#/recommend/item/film-2');
    await page.getByRole('heading', { name: 'Film 2', exact: true }).waitFor();
    const view = await server.call('GET', '/v1/items/film-2');
    assert.ok(view.recommend.users > 0);
    const facts = page.getByRole('region', { name: t('item.serving') });
    assert.ok((await facts.first().textContent()).includes(String(view.recommend.users)));
    await page.getByRole('list', { name: t('item.similar') }).locator('li').first().waitFor();
    assertClean(page);
    await page.context().close();
});

test('a rule is tried beside what is served, saved, and a later conflict is told', async () => {
    const t = words('en');
    const page = await newPage(browser, server);
    await openAt(page, server, '#/recommend/rules/home');
    await page.getByText(t('rules.none')).waitFor();
    await page.getByLabel(t('rules.kind'), { exact: true }).selectOption('pin');
    await page.getByLabel(t('rules.field.slot'), { exact: true }).fill('1');
    await page.getByLabel(t('rules.field.item'), { exact: true }).fill('film-7');
    await page.getByLabel(t('rules.field.name'), { exact: true }).fill('premiere');
    await page.getByRole('button', { name: t('rules.add') }).click();
    await page.getByLabel(t('preview.user'), { exact: true }).fill('u50');
    await page.getByRole('button', { name: t('preview.ask') }).click();
    await page.getByRole('list', { name: t('preview.draft'), exact: true }).waitFor();
    const [served, draft] = [
        await slate(page, t('preview.served')),
        await slate(page, t('preview.draft')),
    ];
    assert.equal(draft[0], 'Film 7');
    assert.notEqual(served[0], 'Film 7');
    await page.getByText(t('slate.rule', { rule: 'premiere' })).first().waitFor();
    const { version } = await server.call('GET', '/v1/recommend/surfaces/home');
    assert.equal(version, 0, 'a preview saved something');
    await page.getByRole('button', { name: t('rules.save'), exact: true }).click();
    await page.getByText(t('rules.saved', { n: '1' })).waitFor();
    const saved = await server.call('GET', '/v1/recommend/surfaces/home');
    assert.deepEqual(saved.policy, { pin: [{ slot: 1, item: 'film-7', name: 'premiere' }] });

    // somebody else saves; then this page does
    await server.call('PUT', '/v1/recommend/surfaces/home', {
        version: 1,
        policy: { seen: '7d' },
    });
    await page.getByLabel(t('rules.member.where'), { exact: true }).fill('genre == "drama"');
    await page.getByRole('button', { name: t('rules.save'), exact: true }).click();
    await page.getByText(t('rules.conflict')).waitFor();
    assert.deepEqual((await server.call('GET', '/v1/recommend/surfaces/home')).policy, { seen: '7d' });
    await page.getByRole('button', { name: t('rules.takeTheirs') }).click();
    await page.getByText(t('rules.none')).waitFor();
    assert.equal(await page.getByLabel(t('rules.member.seen'), { exact: true }).inputValue(), '7d');

    // rungs by name, in place of who was measured best
    await page.getByLabel(t('rules.member.rungs'), { exact: true }).fill('directed, markov');
    await page.getByRole('button', { name: t('rules.save'), exact: true }).click();
    await page.getByText(t('rules.saved', { n: '3' })).waitFor();
    const named = await server.call('POST', '/v1/recommend/preview', { surface: 'home', user: 'u50' });
    assert.equal(named.serves, 'blend');
    assert.ok(named.items.some(({ source }) => source === 'directed' || source === 'markov'));
    page.faults = page.faults.filter((fault) => !fault.includes('409')); // the browser's own word on it
    assertClean(page);
    await page.context().close();
});

test('rules that contradict each other are refused with both names', async () => {
    const t = words('en');
    const page = await newPage(browser, server);
    await openAt(page, server, '#/recommend/rules/cart');
    await page.getByText(t('rules.json'), { exact: true }).click();
    await page.getByRole('textbox', { name: t('rules.json') }).fill(
        JSON.stringify({
            pin: [
                { slot: 1, item: 'film-1', name: 'first film' },
                { slot: 1, item: 'film-2', name: 'second film' },
            ],
        }),
    );
    await page.getByRole('button', { name: t('rules.add') }).focus(); // the draft is read on leaving
    await page.getByRole('button', { name: t('rules.save'), exact: true }).click();
    const alert = page.getByRole('alert');
    await alert.waitFor();
    const text = await alert.textContent();
    assert.ok(text.includes('first film') && text.includes('second film'), text);
    assert.equal((await server.call('GET', '/v1/recommend/surfaces/cart')).version, 0);
    page.faults = page.faults.filter((fault) => !fault.includes('400'));
    assertClean(page);
    await page.context().close();
});

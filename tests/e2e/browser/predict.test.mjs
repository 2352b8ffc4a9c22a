// From a table to a prediction on the page: upload, contest, and an answer that follows the sliders.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { assertClean, launch, newPage, openAt } from './browser.mjs';
import { Server } from './server.mjs';
import { fitShop, shop } from './shop.mjs';
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

const answer = (page) => page.locator('.what-if-answer');

/** The percentage that the page shows. */
async function shown(page) {
    return Number(/([\d.]+)\s?%/.exec(await answer(page).textContent())[1]);
}

async function answeredOtherThan(page, before) {
    await page.waitForFunction(
        (text) => document.querySelector('.what-if-answer').textContent !== text,
        before,
    );
}

async function download(figureBox, page, name) {
    const [file] = await Promise.all([
        page.waitForEvent('download'),
        figureBox.getByRole('button', { name, exact: true }).click(),
    ]);
    return { name: file.suggestedFilename(), text: await readFile(await file.path(), 'utf8') };
}

test('without a model the page says what to do', async () => {
    const t = words('en');
    const page = await newPage(browser, server);
    await openAt(page, server, '#/predict');
    await page.getByText(t('predict.empty')).waitFor();
    const fit = page.getByRole('button', { name: t('predict.start') });
    assert.equal(await fit.getAttribute('aria-disabled'), 'true');
    assertClean(page);
    await page.context().close();
});

for (const language of LANGUAGES) {
    const t = words(language);
    const name = `shop-${language}`;

    test(`a table is sent, models compete, and the answer follows a slider (${language})`, async () => {
        const page = await newPage(browser, server, { locale: language });
        await openAt(page, server, '#/predict');
        await page.getByLabel(t('predict.file')).setInputFiles({
            name: `${name}.csv`,
            mimeType: 'text/csv',
            buffer: Buffer.from(shop()),
        });
        await page.getByLabel(t('predict.target')).selectOption('bought');
        await page.getByLabel(t('predict.fairnessOf')).selectOption('region');
        assert.equal(await page.locator('#predict-name').inputValue(), name);
        // the whole contest takes a minute; what the page does is the same with one model
        await page.route('**/v1/predict/fit?*', (route) =>
            route.continue({ url: `${route.request().url()}&model=logistic` }),
        );
        await page.getByRole('button', { name: t('predict.start') }).click();
        await page.getByRole('heading', { level: 2, name }).waitFor({ timeout: 90_000 });

        const { card } = await server.call('GET', `/v1/models/${name}/card`);
        const figure = (x) =>
            new Intl.NumberFormat(language, {
                minimumFractionDigits: 4,
                maximumFractionDigits: 4,
            }).format(x);
        const board = page.getByRole('table', { name: t('predict.leaderboard') });
        const best = board.getByRole('row', { name: t('model.logistic') });
        assert.ok((await best.textContent()).includes(figure(card.leaderboard[0].value)));
        await page.getByRole('table', { name: t('predict.groupsOf', { column: 'region' }) }).waitFor();
        await page.getByRole('img', { name: new RegExp(`^${t('predict.calibration')}: `) }).waitFor();

        await page.waitForFunction(() =>
            /%/.test(document.querySelector('.what-if-answer')?.textContent ?? ''),
        );
        const middle = await shown(page);
        const was = await answer(page).textContent();
        await page.getByLabel('visits', { exact: true }).focus();
        await page.keyboard.press('End');
        await answeredOtherThan(page, was);
        const most = await shown(page);
        assert.ok(most > middle, `${most} > ${middle}`);
        const high = await answer(page).textContent();
        await page.keyboard.press('Home');
        await answeredOtherThan(page, high);
        assert.ok((await shown(page)) < middle);
        const low = await answer(page).textContent();
        await page.getByRole('button', { name: t('predict.reset') }).click();
        await answeredOtherThan(page, low);
        assert.equal(await shown(page), middle);
        const region = page.getByLabel('region', { exact: true });
        const other = (await region.inputValue()) === 'north' ? 'south' : 'north';
        await region.selectOption(other);
        await answeredOtherThan(page, was);
        const { decisions } = await server.call('GET', '/v1/stats');
        assert.equal(decisions, 0); // looks are not logged

        // the number on the page is the server's
        const schema = await server.call('GET', `/v1/predict/${name}/schema`);
        const row = Object.fromEntries(schema.columns.map((column) => [column.name, column.middle]));
        row.region = other;
        const said = await server.call('POST', `/v1/predict/${name}`, { rows: [row], log: false });
        assert.ok(Math.abs((await shown(page)) - 100 * said.rows[0].probability) < 0.06);
        assertClean(page);
        await page.context().close();
    });
}

test('charts are saved as CSV and as Vega-Lite', async () => {
    const t = words('en');
    const page = await newPage(browser, server);
    await fitShop(server);
    await openAt(page, server, '#/predict/shop');
    const box = page.locator('figure', { hasText: t('predict.importanceOf') });
    const { card } = await server.call('GET', '/v1/models/shop/card');
    const csv = await download(box, page, t('chart.csv'));
    assert.equal(csv.name, 'treadle-shop-importance.csv');
    assert.equal(csv.text.split('\r\n')[1].split(',')[0], card.importance[0].column);
    const spec = JSON.parse((await download(box, page, t('chart.vegaLite'))).text);
    assert.equal(spec.data.values[0].value, card.importance[0].share);
    const curve = page.locator('figure', { hasText: t('predict.calibrationHow') });
    const bins = JSON.parse((await download(curve, page, t('chart.vegaLite'))).text).data.values;
    assert.deepEqual(bins, card.quality.calibration);
    assertClean(page);
    await page.context().close();
});

test('a decision page tells the columns, and outcomes show in the live figures', async () => {
    const t = words('en');
    const page = await newPage(browser, server);
    const rows = [
        { visits: 9.9, region: 'north', age: 30 },
        { visits: 0.1, region: 'south', age: 30 },
    ];
    const { rows: answers } = await server.call('POST', '/v1/predict/shop', { rows });
    const outcomes = answers.map(({ decision_id: id, prediction }) => ({
        decision_id: id,
        truth: prediction,
    }));
    await server.call('POST', '/v1/predict/outcome', { outcomes });
    await openAt(page, server, `#/decisions/${answers[0].decision_id}`);
    await page.getByText('visits 为 9.9').or(page.getByText('visits = 9.9')).waitFor();
    await openAt(page, server, '#/predict/shop');
    await page.getByText(t('predict.liveCounts', { decisions: 2, outcomes: 2 })).waitFor();
    assertClean(page);
    await page.context().close();
});

test('a model that does not exist is an error with words', async () => {
    const t = words('en');
    const page = await newPage(browser, server);
    await openAt(page, server, '#/predict/nobody');
    await page.getByRole('alert').getByText(t('error.missing')).first().waitFor();
    assert.ok(
        page.faults.every((fault) => fault.includes('404')),
        page.faults.join(),
    );
    await page.context().close();
});

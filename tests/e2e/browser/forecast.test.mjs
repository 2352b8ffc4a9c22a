// A forecaster on the page: forecast, tell what happened, and see how right it was.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertClean, launch, newPage, openAt } from './browser.mjs';
import { Server } from './server.mjs';
import { LANGUAGES, words } from './words.mjs';

const DAYS = 84;
const WEEK = 7;
let server;
let browser;

const day = (k) => new Date(Date.UTC(2024, 0, 1 + k)).toISOString().slice(0, 10);
/** By the day of the week alone, so that every forecast is exact. */
const units = (k, west) => 100 + 10 * (k % WEEK) + (west ? 50 : 0);

before(async () => {
    server = await Server.start();
    browser = await launch();
    const [file, said] = ['shops.csv', 'said.csv'].map((name) => join(server.data, '..', name));
    const rows = Array.from(
        { length: DAYS },
        (_, k) => `${day(k)},east,${units(k, false)}\n${day(k)},west,${units(k, true)}\n`,
    );
    await writeFile(file, `day,shop,units\n${rows.join('')}`);
    await server.run(
        ...['forecast', file, '--horizon', String(WEEK), '--backtest', '--save', 'shops'],
        ...['--value', 'units', '--series', 'shop', '--quiet', '--output', said],
    );
    while (!(await server.call('GET', '/v1/predict')).models.length) await sleep(100);
});
after(async () => {
    await browser?.close();
    await server?.stop();
});

async function tell(series, k, truth) {
    await server.call('POST', '/v1/forecast/outcome', {
        model: 'shops',
        outcomes: [{ series, time: day(k), truth }],
    });
}

test('a forecast is asked for on the page, and what happened stands beside it', async () => {
    const t = words('en');
    const page = await newPage(browser, server);
    await openAt(page, server, '#/predict/shops');
    await page.getByText(t('forecast.naiveWins')).first().waitFor(); // as good: nothing to gain
    await page.getByRole('button', { name: t('forecast.now') }).click();
    await page.locator('.fan .newest').waitFor();
    assert.equal(await page.locator('.fan .told').count(), 0);
    await tell('east', DAYS, units(DAYS, false));
    await tell('east', DAYS + 1, units(DAYS + 1, false) + 5); // an exact one had no width
    await page.getByRole('button', { name: t('predict.again') }).click();
    const counts = t('forecast.counts', { forecasts: 1, truths: 2, scored: 2 });
    await page.getByText(counts).waitFor();
    await page.getByText(t('forecast.realised', { mae: '2.5', mase: '', naive: '' }).slice(0, 23)).waitFor();
    assert.equal(await page.locator('.fan .told').count(), 2);
    assert.equal(await page.locator('.fan .told.missed').count(), 1);
    await page.getByRole('button', { name: t('forecast.now') }).click();
    await page.locator('.fan .past').waitFor();
    await page.getByLabel(t('forecast.which')).selectOption('west');
    await page.getByText(t('forecast.fan', { series: 'west' })).first().waitFor();
    assert.equal(await page.locator('.fan .told').count(), 0);
    assertClean(page);
    await page.context().close();
});

for (const language of LANGUAGES) {
    test(`forecasts are shown in both languages (${language})`, async () => {
        const t = words(language);
        const page = await newPage(browser, server, { locale: language });
        await openAt(page, server, '#/predict/shops');
        await page.getByRole('heading', { name: t('forecast.title') }).waitFor();
        await page.getByRole('columnheader', { name: t('forecast.working') }).waitFor();
        if (process.env.SHOTS)
            await page.screenshot({ path: `${process.env.SHOTS}/${language}.png`, fullPage: true });
        assertClean(page);
        await page.context().close();
    });
}

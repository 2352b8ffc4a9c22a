// Training runs: the list, one run's curves as they grow, several over each other.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertClean, launch, newPage, openAt } from './browser.mjs';
import { Server } from './server.mjs';
import { LANGUAGES, words } from './words.mjs';

const LOSS = 'network/validation/epoch/loss';
let server;
let browser;

before(async () => {
    server = await Server.start();
    browser = await launch();
    await server.fill();
    await server.train();
    await server.call('POST', '/v1/train', { app: 'recommend', seed: 2 });
    await server.trained();
});
after(async () => {
    await browser?.close();
    await server?.stop();
});

const runsOf = async () =>
    (await server.call('GET', '/v1/runs')).runs.filter(({ app }) => app === 'recommend');

function figure(language, value) {
    return new Intl.NumberFormat(language, { maximumSignificantDigits: 5 }).format(value);
}

function chart(page, title) {
    return page.getByRole('img', { name: new RegExp(`^${title}: `) });
}

async function download(figureBox, page, name) {
    const [file] = await Promise.all([
        page.waitForEvent('download'),
        figureBox.getByRole('button', { name, exact: true }).click(),
    ]);
    return { name: file.suggestedFilename(), text: await readFile(await file.path(), 'utf8') };
}

for (const language of LANGUAGES) {
    const t = words(language);

    test(`the list leads to a run with the server's curves and figures (${language})`, async () => {
        const page = await newPage(browser, server, { locale: language });
        const id = (await runsOf()).at(-1).id;
        const { run, series } = await server.call('GET', `/v1/runs/${id}`);
        await openAt(page, server, '#/runs');
        await page.getByRole('link', { name: id }).click();
        await chart(page, LOSS).waitFor();
        await chart(page, LOSS).locator('canvas').waitFor();
        const loss = series.find(({ tag }) => tag === LOSS);
        const words = await chart(page, LOSS).getAttribute('aria-label');
        assert.ok(words.includes(figure(language, loss.last.value)), words);
        const figures = page.getByRole('table', { name: t('runs.figures') });
        const hits = series.find(({ tag }) => tag === 'ladder/markov/test_hr10');
        const row = figures.getByRole('row', { name: hits.tag });
        assert.ok((await row.textContent()).includes(figure(language, hits.last.value)));
        await page.getByText(t('runs.status.done')).first().waitFor();
        const settings = page.getByRole('table', { name: t('runs.settings') });
        assert.ok((await settings.textContent()).includes(run.system.isa));
        await page.getByRole('link', { name: t('runs.toModel') }).click();
        await page.getByRole('heading', { level: 1, name: t('nav.models') }).waitFor();
        assertClean(page);
        await page.context().close();
    });

    test(`runs chosen with the keyboard are drawn over each other (${language})`, async () => {
        const page = await newPage(browser, server, { locale: language, colorScheme: 'dark' });
        const [second, first] = (await runsOf()).slice(-2);
        await openAt(page, server, '#/runs');
        const compare = page.getByRole('button', { name: t('runs.compare') });
        await compare.waitFor();
        assert.equal(await compare.getAttribute('aria-disabled'), 'true');
        for (const { id } of [first, second]) {
            await page.getByLabel(t('runs.choose', { id })).focus();
            await page.keyboard.press('Space');
        }
        await compare.focus();
        await page.keyboard.press('Enter');
        await chart(page, LOSS).locator('canvas').waitFor();
        assert.equal(await page.locator('.swatch').count(), 2);
        const words = await chart(page, LOSS).getAttribute('aria-label');
        for (const { id } of [first, second]) assert.ok(words.includes(id.slice(-12)), words);
        const differences = page.getByRole('table', { name: t('runs.differences') });
        assert.deepEqual(
            await differences.getByRole('row', { name: 'seed' }).locator('td').allTextContents(),
            ['1', '2'],
        );
        await chart(page, LOSS).focus();
        await page.keyboard.press('Home');
        const { series } = await server.call('GET', `/v1/runs/${first.id}`);
        const [step] = series.find(({ tag }) => tag === LOSS).steps;
        const box = page.locator('figure', { has: chart(page, LOSS) });
        await box.getByText(figure(language, step)).waitFor(); // the first point is read out
        assertClean(page);
        await page.context().close();
    });
}

test('a run that goes on is followed until it ends, without a reload', async () => {
    const t = words('en');
    const page = await newPage(browser, server);
    const before = await runsOf();
    await openAt(page, server, '#/runs');
    await page.getByRole('link', { name: before[0].id }).waitFor();
    await server.call('POST', '/v1/train', { app: 'recommend', seed: 3 });
    let newest = before[0];
    while (newest.id === before[0].id) {
        await sleep(20);
        [newest] = await runsOf();
    }
    await page.getByRole('link', { name: newest.id }).click();
    await page.getByText(t('runs.status.done')).waitFor({ timeout: 90_000 });
    await chart(page, LOSS).locator('canvas').waitFor();
    await page.getByRole('table', { name: t('runs.figures') }).waitFor();
    assertClean(page);
    await page.context().close();
});

test('a curve grows while its run goes on, and a kill is seen', async () => {
    const t = words('en');
    const folder = join(server.data, 'runs', 'by-hand');
    const tell = (step, value) =>
        appendFile(
            join(folder, 'metrics.jsonl'),
            `${JSON.stringify({ step, tag: 'made up', value })}\n`,
        );
    await mkdir(folder);
    await writeFile(join(folder, 'lock'), '');
    const hold = ['--no-fork', join(folder, 'lock'), 'sh', '-c', 'echo held; exec sleep 60'];
    const holder = spawn('flock', hold); // stands for the process that trains
    await once(holder.stdout, 'data');
    await writeFile(join(folder, 'system.json'), '{}');
    await writeFile(join(folder, 'config.json'), '{"app":"test","seed":1}');
    await tell(1, 0.5);
    await tell(2, 0.25);
    const page = await newPage(browser, server);
    await openAt(page, server, '#/runs/by-hand');
    await page.getByText(t('runs.status.running')).waitFor();
    await page.getByRole('img', { name: 'made up: Last: 0.25' }).waitFor();
    await tell(3, 0.125);
    await page.getByRole('img', { name: 'made up: Last: 0.125' }).waitFor();
    holder.kill();
    await page.getByText(t('runs.status.killed')).waitFor();
    assertClean(page);
    await page.context().close();
});

test('curves are saved as CSV and as Vega-Lite', async () => {
    const t = words('en');
    const page = await newPage(browser, server);
    const { id } = (await runsOf()).at(-1);
    const { series } = await server.call('GET', `/v1/runs/${id}`);
    const loss = series.find(({ tag }) => tag === LOSS);
    await openAt(page, server, `#/runs/${id}`);
    const box = page.locator('figure', { has: chart(page, LOSS) });
    const csv = await download(box, page, t('chart.csv'));
    assert.equal(csv.name, 'treadle-network-validation-epoch-loss.csv');
    assert.equal(csv.text.split('\r\n')[0], 'run,step,value');
    assert.equal(csv.text.trim().split('\r\n').length, loss.steps.length + 1);
    const spec = JSON.parse((await download(box, page, t('chart.vegaLite'))).text);
    assert.deepEqual(
        spec.data.values.map((row) => row.value),
        loss.values,
    );
    assertClean(page);
    await page.context().close();
});

test('a run that does not exist is an error with words', async () => {
    const t = words('en');
    const page = await newPage(browser, server);
    await openAt(page, server, '#/runs/no-such-run');
    await page.getByRole('alert').getByText(t('error.missing')).waitFor();
    assert.ok(
        page.faults.every((fault) => fault.includes('404')),
        page.faults.join(),
    );
    await page.context().close();
});

// What the dashboard gives away of each report is a Vega-Lite 5 specification: valid by its published
// schema, drawn by Vega itself without a warning, with a mark for each row. The tables are a real
// server's.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';

import { load } from '../../../web/tests/pure.mjs';
import { Server } from '../browser/server.mjs';

const here = createRequire(import.meta.url);
const found = await Promise.all([import('vega'), import('vega-lite'), import('ajv')]).catch(() => null);
const skip = found ? false : 'vega-lite is not installed: run npm ci in tests/e2e/vega';
if (skip) console.log(`skipped: ${skip}`);
const [vega, vegaLite, ajv] = found ?? [];

const DAY_MS = 86_400_000;
let server;
before(async () => {
    if (skip) return;
    server = await Server.start();
    const events = [];
    for (let user = 0; user < 12; user += 1)
        ['view', 'cart', 'order'].slice(0, 1 + (user % 3)).forEach((kind, i) =>
            events.push({
                user: `u${user}`,
                kind,
                time: new Date(Date.now() - 3 * DAY_MS + user * 3_600_000 + i * 60_000).toISOString(),
                properties: { plan: user % 4 ? 'free "x"' : 'pro' },
            }),
        );
    await server.call('POST', '/v1/events', events);
});
after(() => server?.stop());

let validate;
function assertValid(spec) {
    if (!validate) {
        const schema = JSON.parse(readFileSync(here.resolve('vega-lite/build/vega-lite-schema.json'), 'utf8'));
        // formats are of texts people write; "color-hex" is not among JSON Schema's own
        const checker = new ajv.default({ strict: false, validateFormats: false });
        validate = checker.compile(schema);
    }
    assert.ok(validate(spec), JSON.stringify(validate.errors?.slice(0, 3)));
}

/** SVG of a specification; fails on whatever Vega-Lite warns of. */
async function draw(spec) {
    const warnings = [];
    const logger = { level: () => logger, debug: () => logger, info: () => logger };
    logger.warn = logger.error = (...words) => (warnings.push(words.join(' ')), logger);
    const compiled = vegaLite.compile(spec, { logger }).spec;
    const svg = await new vega.View(vega.parse(compiled), { renderer: 'none' }).toSVG();
    assert.deepEqual(warnings, []);
    return svg;
}

function marks(svg) {
    const group = /<g class="mark-rect role-mark marks"[^>]*>(.*?)<\/g>/s.exec(svg);
    return group ? group[1].split('<path').length - 1 : 0;
}

const { bars, cohorts, objects, overTime } = await load('pages/insight_exports.ts');
const { vegaLite: text } = await load('charts/formats.ts');
const CASES = {
    trend: [{ kinds: ['view'] }, (rows) => overTime('view-events', rows, 'events')],
    users: [{}, (rows) => overTime('persons', rows, 'persons')],
    sessions: [{}, (rows) => overTime('sessions', rows, 'sessions')],
    breakdown: [{ property: 'plan' }, (rows) => bars('breakdown', rows, 'value', 'events')],
    funnel: [{ steps: ['view', 'cart', 'order'] }, (rows) => bars('funnel', rows, 'kind', 'persons')],
    retention: [{}, cohorts],
};

for (const [report, [more, exported]] of Object.entries(CASES))
    test(`${report} is drawn by Vega-Lite`, { skip }, async () => {
        const query = { report, last: '7d', ...more };
        const rows = objects(await server.call('POST', '/v1/insights/query', query));
        assert.ok(rows.length > 1);
        const spec = JSON.parse(text(exported(rows)));
        assertValid(spec);
        assert.deepEqual(spec.data.values, rows);
        assert.equal(marks(await draw(spec)), rows.length);
    });

test('what is no specification is found out', { skip }, async () => {
    const spec = JSON.parse(text(overTime('x', [{ period: '2026-01-01T00:00:00Z', n: 1 }], 'n')));
    assertValid(spec);
    assert.throws(() => assertValid({ ...spec, mark: 'pillar' }));
    assert.throws(() => assertValid({ ...spec, encoding: { x: { field: 1 } } }));
});

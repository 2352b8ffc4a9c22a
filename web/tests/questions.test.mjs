// Questions of the Insights page: out of addresses that anybody typed, to the server, and back.
import assert from 'node:assert/strict';
import test from 'node:test';
import { load } from './pure.mjs';

const { complete, FIRST, fromQuery, read, REPORTS, savedId, toQuery } = await load(
    'pages/insight_question.ts',
);

test('an address is a view, a question, or nothing of sense', () => {
    assert.deepEqual(read(null), FIRST);
    assert.deepEqual(read('funnel'), { ...FIRST, report: 'funnel' });
    assert.deepEqual(read('{"report":"users","days":7,"every":"hour"}'), {
        ...FIRST,
        report: 'users',
        days: 7,
        every: 'hour',
    });
    for (const bad of ['', '{', 'null', '[1]', '7', '{"report":"pie","days":-1,"kinds":4}'])
        assert.deepEqual(read(bad), FIRST, bad);
});

test('the address of a saved report is told from the rest', () => {
    const id = '0192f0c4-0000-7000-8000-000000000000';
    assert.equal(savedId(`r/${id}`), id);
    for (const other of [null, 'funnel', 'r/', `r/${id}/x`, 'r/../../keys']) assert.equal(savedId(other), null);
});

test('each question comes back from the query it was made into', () => {
    for (const report of REPORTS) {
        const asked = {
            report,
            days: 90,
            every: 'week',
            kinds: report === 'sessions' ? '' : 'view, order',
            property: report === 'breakdown' ? 'plan' : '',
            within: report === 'funnel' ? '12h' : FIRST.within,
            gap: report === 'sessions' ? '1h' : FIRST.gap,
        };
        assert.ok(complete(asked));
        assert.deepEqual(fromQuery(toQuery(asked, 480)), asked);
    }
});

test('a query holds what the server needs and no more', () => {
    assert.deepEqual(toQuery({ ...FIRST, report: 'funnel', kinds: 'view，cart、 order,' }, -300), {
        report: 'funnel',
        every: 'day',
        last: '30d',
        zone_minutes: -300,
        steps: ['view', 'cart', 'order'],
        within: '7d',
    });
    assert.deepEqual(toQuery({ ...FIRST, report: 'retention', kinds: 'signup' }, 0), {
        report: 'retention',
        every: 'day',
        last: '30d',
        zone_minutes: 0,
        start: 'signup',
    });
});

test('a funnel of one step and a breakdown by nothing are not asked', () => {
    assert.equal(complete({ ...FIRST, report: 'funnel', kinds: 'view' }), false);
    assert.equal(complete({ ...FIRST, report: 'breakdown' }), false);
    assert.equal(complete({ ...FIRST, report: 'sessions' }), true);
});

// Random PostHog definitions and persons, the same for the same seed.

/** mulberry32 */
export function generator(seed) {
    let state = seed >>> 0;
    const next = () => {
        state = (state + 0x6d2b79f5) >>> 0;
        let t = Math.imul(state ^ (state >>> 15), state | 1);
        t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
    const below = (n) => Math.floor(next() * n);
    const pick = (list) => list[below(list.length)];
    return { next, below, pick, chance: (p) => next() < p, list: (n, make) => Array.from({ length: n }, make) };
}

const words = ['US', 'us', 'GB', 'Straße', 'ÉCOLE', 'école', 'ΣΊΣΥΦΟΣ', 'σίσυφος', 'İstanbul', '用户', '😀 smile', '', ' ', 'true', 'FALSE', 'null', 'a.b', 'a1', 'A1b2', 'user@x.org', '10', '9', '2.5', '1e3', '-3', '0x10', 'Infinity', 'NaN', '.5', '5.', '12abc', '\ufb01n', '\ue000', 'zz top', '[object Object]'];
const dates = ['2024-02-29', '2024-02-30', '2023-05', '2023', '2022-05-01T10:00:00Z', '2022-05-01T10:00:00.123456+02:00', '2022-05-01T24:00:00Z', '2022-13-01', '2022-05-01 10:00:00Z', 'yesterday'];
const agos = ['-7d', '1h', '-3m', '2y', '-1w', '9999d', '-0d', '25m'];
const versions = ['1.2.3', 'v1.2.3', '1.2', '2', '1.10.0', '0.2.9', '0.0.3', '1.2.3-beta.1', '1.2.3+b', '01.2.3', '1.x', ' V2.0.0 ', '1..3', '.1', '1.2.3.4', '0.3.0'];
const wildcards = ['1.2.*', '1.*', 'v0.*', '2.*', '1.2.3.*'];
const patterns = ['', '^a', 'b$', '\\d+', '[A-Z]+', '(?:a|b)\\d', 'a{2,3}', '(', '[', '*a', 'a**', '\\bx\\b', '\\b+', '.', '^$', 'x?', '(*UTF)a', 'user@.*\\.org', '[^a-z]', '\\s', 'é', '(?=a)', 'a+?', '\\.', '^[\\w.-]+@'];
const texts = ['exact', 'is_not', 'icontains', 'not_icontains', 'starts_with', 'not_starts_with', 'ends_with', 'not_ends_with'];
const orders = ['gt', 'gte', 'lt', 'lte'];
const comparisons = ['semver_eq', 'semver_neq', 'semver_gt', 'semver_gte', 'semver_lt', 'semver_lte', 'semver_tilde', 'semver_caret'];

export const keys = ['p0', 'p1', 'p2', 'p3', 'p4', 'p5'];
export const groupTypes = { 0: 'company', 1: 'team' };

function plainValue(r) {
    switch (r.below(10)) {
    case 0: return r.chance(0.5);
    case 1: return r.below(2000) / 100 - 5.003;
    case 2: return r.pick([1e-7, 1.5e-5, 123456.789, 1e21 + 0.5, -0.25, 0.1 + 0.2, 1e300, 5e-324]);
    case 3: return r.pick(versions);
    case 4: return r.pick(dates);
    default: return r.pick(words);
    }
}

function personValue(r) {
    switch (r.below(16)) {
    case 0: return null;
    case 1: return r.list(r.below(3), () => plainValue(r));
    case 2: return { b: plainValue(r), a: 'x' };
    case 3: return r.below(30);
    case 4: return 1.6e12 + r.below(2e9);
    default: return plainValue(r);
    }
}

function plainProperty(r, key) {
    switch (r.below(9)) {
    case 0: return { key, type: 'person', operator: r.pick(orders), value: r.chance(0.3) ? r.below(20) : plainValue(r) };
    case 1: return { key, type: 'person', operator: r.pick(['is_set', 'is_not_set']), value: r.pick(['is_set', null]) };
    case 2: return { key, type: 'person', operator: r.pick(['regex', 'not_regex']), value: r.pick(patterns) };
    case 3: return { key, type: 'person', operator: r.pick(['is_date_before', 'is_date_after']), value: r.chance(0.5) ? r.pick(agos) : r.pick(dates.slice(0, 7)) };
    case 4: return { key, type: 'person', operator: r.pick(comparisons), value: r.pick(versions.slice(0, 9)) };
    case 5: return { key, type: 'person', operator: 'semver_wildcard', value: r.pick(wildcards) };
    case 6: return { key, type: 'person', operator: r.pick(['exact', 'is_not']), value: r.list(r.below(4), () => plainValue(r)) };
    case 7: return { key, type: 'person', ...(r.chance(0.2) ? {} : { operator: r.pick(texts) }), value: r.pick([true, false, 'true', 'False', ['TRUE'], [], ['true', 'false'], null]) };
    default: return { key, type: 'person', operator: r.pick(texts), value: plainValue(r) };
    }
}

const anyKey = (r) => (r.chance(0.05) ? 'distinct_id' : r.pick(keys));

function member(r) {
    return { ...plainProperty(r, anyKey(r)), ...(r.chance(0.3) && { negation: true }) };
}

function cohort(r, id) {
    const flat = () => ({ type: r.pick(['AND', 'OR', 'property']), values: r.list(r.below(3), () => member(r)) });
    if (id && r.chance(0.2))
        return { type: 'AND', values: [{ key: 'id', type: 'cohort', value: id - 1, ...(r.chance(0.3) && { operator: 'not_in' }) }, member(r)] };
    return r.chance(0.5) ? flat() : { type: r.pick(['AND', 'OR']), values: r.list(1 + r.below(3), flat) };
}

/** Cohorts 0 to n-1, which all flags of a round share. */
export function randomCohorts(r, n) {
    return Object.fromEntries(r.list(n, (_, i) => [String(i), cohort(r, i)]));
}

function property(r, index, cohorts) {
    if (r.chance(0.12))
        return { key: 'id', type: 'cohort', value: r.below(Object.keys(cohorts).length), operator: r.pick(['in', 'not_in']) };
    if (index && r.chance(0.08)) {
        const key = `f${r.below(Math.min(index, 10))}`; // the first ten depend on nobody
        return { key, type: 'flag', operator: 'flag_evaluates_to', value: r.pick([true, false, 'control', 'test']), dependency_chain: [key] };
    }
    return plainProperty(r, anyKey(r));
}

function condition(r, index, cohorts) {
    const percent = r.pick([undefined, null, 0, 100, 100, r.below(101), r.next() * 100]);
    return {
        properties: r.list(r.pick([0, 1, 1, 1, 2, 3]), () => property(r, index, cohorts)),
        ...(percent !== undefined && { rollout_percentage: percent }),
        variant: r.chance(0.2) ? r.pick(['control', 'test', 'nobody']) : null,
        ...(r.chance(0.1) && { aggregation_group_type_index: r.pick([0, 1, null]) }),
    };
}

/** Flag number `index` of a round; the first ten depend on no others. */
export function randomDefinition(r, index, cohorts) {
    const split = r.pick([[50, 50], [33.3, 33.3, 33.4], [10, 0, 90], [20, 30], [100]]);
    const names = ['control', 'test', 'third'];
    const definition = {
        active: !r.chance(0.05),
        filters: {
            groups: r.list(1 + r.below(3), () => condition(r, index < 10 ? 0 : index, cohorts)),
            payloads: r.chance(0.3) ? { test: '{"a":1}', control: '"text"', true: '[1,2]' } : {},
            ...(r.chance(0.6) && { multivariate: { variants: split.map((p, i) => ({ key: names[i], rollout_percentage: p })) } }),
            ...(r.chance(0.1) && { holdout: { id: r.below(3), exclusion_percentage: r.below(101) } }),
            ...(r.chance(0.1) && { early_exit: true }),
            ...(r.chance(0.1) && { aggregation_group_type_index: r.below(2) }),
        },
        ...(r.chance(0.08) && { bucketing_identifier: 'device_id' }),
        cohorts,
        group_type_mapping: groupTypes,
    };
    return definition;
}

/** Whom to ask about; of some, a property is not known. */
export function randomPerson(r) {
    const properties = Object.fromEntries(keys.map((key) => [key, personValue(r)]));
    const groups = {};
    const groupProperties = {};
    for (const type of Object.values(groupTypes))
        if (r.chance(0.7)) {
            groups[type] = `${type}-${r.below(1000)}`;
            groupProperties[type] = Object.fromEntries(keys.map((key) => [key, personValue(r)]));
        }
    if (r.chance(0.3)) delete properties[r.pick(keys)];
    if (r.chance(0.7)) properties.$device_id = `device-${r.below(1e6)}`;
    return { id: `${r.pick(['u', '用户', 'é', ''])}${r.below(1e9)}`, properties, groups, groupProperties };
}

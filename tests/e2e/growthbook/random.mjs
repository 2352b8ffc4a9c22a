// Random features and people, from a seed. Small pools, so that conditions are met about as often as not.

/** mulberry32: a number in [0, 1) per call. */
function generator(seed) {
    let state = seed >>> 0;
    return () => {
        state = (state + 0x6d2b79f5) >>> 0;
        let t = Math.imul(state ^ (state >>> 15), state | 1);
        t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
        return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
}

export const FEATURES = ['f0', 'f1', 'f2', 'f3', 'f4', 'f5'];

const IDS = ['u1', 'u2', 'u3', 'a', 'é', '用户1', '😀x', '', 'u1 ', 0, 7, 12.5, -0.5, 1e21, true, false, ['x', 1], null];
const TEXTS = ['US', 'us', 'DE', 'ß', 'É', 'é', 'ÉTÉ', '', '10', '9', '010', '1e1', ' 10 ', 'true', '0x1f', 'null', '😀', '\uff21', 'a@b.com', 'x/y', 'a.b'];
const NUMBERS = [0, 1, -1, 2, 9, 10, 10.5, 0.1, 1e21, 1e-7, 31, 123456789012];
const VERSIONS = ['1.2.3', 'v1.2.3', '1.2.3-rc.1', '1.2.10', '1.10.0+b5', '2', '', '1.2', '1.2.3.4', 'x.y.z', 2, 1.2, '10.0.0', '9.0.0'];
const PATTERNS = ['^u', '\\d+', '^U', 's$', '[a-c]@', '(a|b)\\.', '.', '^.$', '(', '\\bx', 'a{1,2}', 'x/y', '[', '\\w+@\\w+\\.com', '\\s', '[^u]', 'é', '\\u00e9', '(?:a)?b', 'a++', '(?<n>u)', '\\/'];
const TYPES = ['string', 'number', 'boolean', 'object', 'array', 'null', 'undefined', 'text'];
const PATHS = ['id', 'country', 'age', 'version', 'tags', 'flag', 'deep.a', 'deep.b.c', 'list', 'missing', 'tags.0', 'tags.length', 'device', 'null'];
const GROUPS = ['g1', 'g2', 'g3', 'g4', 'g5', 'g6', 'none'];

export class Random {
    constructor(seed) {
        this.next = generator(seed);
    }

    chance(p) {
        return this.next() < p;
    }

    int(n) {
        return Math.floor(this.next() * n);
    }

    pick(list) {
        return list[this.int(list.length)];
    }

    list(most, make) {
        return Array.from({ length: this.int(most + 1) }, make);
    }

    scalar() {
        const kind = this.int(10);
        if (kind < 4) return this.pick(TEXTS);
        if (kind < 7) return this.pick(NUMBERS);
        if (kind < 9) return this.chance(0.5);
        return null;
    }

    value() {
        const kind = this.int(8);
        if (kind === 0) return this.list(3, () => this.scalar());
        if (kind === 1) return { a: this.scalar(), b: { c: this.scalar() } };
        return this.scalar();
    }

    attributes() {
        const attributes = {
            country: this.pick(TEXTS),
            age: this.chance(0.8) ? this.pick(NUMBERS) : this.value(),
            version: this.pick(VERSIONS),
            tags: this.list(3, () => this.scalar()),
            flag: this.chance(0.7) ? this.chance(0.5) : this.value(),
            deep: { a: this.value(), b: { c: this.scalar() } },
            list: this.list(2, () => (this.chance(0.7) ? { a: this.scalar(), b: this.scalar() } : this.value())),
            device: this.pick(IDS),
            null: null,
        };
        if (this.chance(0.95)) attributes.id = this.pick(IDS);
        if (this.chance(0.1)) attributes.country = this.value();
        return attributes;
    }

    operators(depth) {
        const operators = {};
        for (let n = this.chance(0.8) ? 1 : 2; n > 0; n--) Object.assign(operators, this.operator(depth));
        return operators;
    }

    operator(depth) {
        const list = () => this.list(4, () => this.scalar());
        const version = () => this.pick(VERSIONS);
        const choices = {
            $eq: () => this.value(), $ne: () => this.value(),
            $lt: () => this.value(), $lte: () => this.value(), $gt: () => this.value(), $gte: () => this.value(),
            $in: () => (this.chance(0.95) ? list() : 'US'), $nin: list, $ini: list, $nini: list,
            $all: () => this.list(2, () => this.test(depth - 1)), $alli: () => this.list(2, () => this.test(depth - 1)),
            $exists: () => this.scalar(), $size: () => (this.chance(0.5) ? this.int(4) : this.operators(depth - 1)),
            $elemMatch: () => (this.chance(0.5) ? this.operators(depth - 1) : { [this.pick(['a', 'b'])]: this.test(depth - 1) }),
            $regex: () => this.pick(PATTERNS), $regexi: () => this.pick(PATTERNS), $type: () => this.pick(TYPES),
            $veq: version, $vne: version, $vgt: version, $vgte: version, $vlt: version, $vlte: version,
            $inGroup: () => this.pick(GROUPS), $notInGroup: () => this.pick(GROUPS),
            $not: () => this.test(depth - 1), $unheard: () => 1,
        };
        let name = this.pick(Object.keys(choices));
        if (depth <= 0 && ['$size', '$elemMatch', '$not', '$all', '$alli'].includes(name)) name = '$exists';
        return { [name]: choices[name]() };
    }

    /** What one value must be. */
    test(depth) {
        return this.chance(0.65) ? this.operators(depth) : this.value();
    }

    condition(depth = 2) {
        const condition = {};
        for (let n = this.int(3); n >= 0; n--) {
            const kind = depth > 0 ? this.int(12) : 12;
            if (kind === 0) condition.$or = this.list(3, () => this.condition(depth - 1));
            else if (kind === 1) condition.$nor = this.list(2, () => this.condition(depth - 1));
            else if (kind === 2) condition.$and = this.list(2, () => this.condition(depth - 1));
            else if (kind === 3) condition.$not = this.condition(depth - 1);
            else if (kind === 4) condition.$savedGroup = { id: this.pick(GROUPS), ...(this.chance(0.3) ? { attributeKey: this.pick(PATHS) } : {}) };
            else condition[this.pick(PATHS)] = this.test(depth);
        }
        return condition;
    }

    /** Met by nearly everybody now and then, or most rules would never be reached. */
    maybeCondition() {
        return this.chance(0.4) ? { condition: this.chance(0.5) ? this.condition() : { missing: { $exists: false } } } : {};
    }

    weights(n) {
        if (this.chance(0.2)) return this.pick([[], [1], [0.5, 0.5, 0.5, 0.5], [0.3, 0.3]]);
        const parts = Array.from({ length: n }, () => this.int(10));
        const total = parts.reduce((a, b) => a + b, 0) || 1;
        return parts.map((part) => part / total);
    }

    ranges() {
        return this.list(3, () => {
            const from = this.int(11) / 10;
            return [from, Math.min(1, from + this.int(11) / 10)];
        });
    }

    hashing() {
        return {
            ...(this.chance(0.3) ? { hashAttribute: this.pick(['id', 'device', 'country', 'missing', 'age']) } : {}),
            ...(this.chance(0.1) ? { fallbackAttribute: 'device' } : {}),
            ...(this.chance(0.7) ? { hashVersion: this.pick([1, 2, 2, 2, 3, 0]) } : {}),
            ...(this.chance(0.4) ? { seed: this.pick(['s1', 's2', 'é', '']) } : {}),
            ...(this.chance(0.4) ? { coverage: this.pick([0, 0.1, 0.5, 0.9, 1, 1.5, -1]) } : {}),
        };
    }

    rule() {
        const rule = { ...this.maybeCondition() };
        if (this.chance(0.3)) rule.id = `r${this.int(5)}`;
        if (this.chance(0.15))
            rule.parentConditions = this.list(2, () => ({
                id: this.chance(0.9) ? this.pick(FEATURES) : 'unknown',
                condition: { value: this.test(1) },
                ...(this.chance(0.3) ? { gate: true } : {}),
            }));
        if (this.chance(0.15))
            rule.filters = this.list(2, () => ({
                seed: this.pick(['s1', 's2', 'f']),
                ranges: [...this.ranges(), [0, 0.7]],
                ...(this.chance(0.3) ? { attribute: this.pick(['id', 'device']) } : {}),
                ...(this.chance(0.3) ? { hashVersion: this.pick([1, 2, 3]) } : {}),
            }));
        if (this.chance(0.35)) {
            if (this.chance(0.5)) Object.assign(rule, this.hashing());
            if (this.chance(0.15)) rule.range = [this.int(5) / 10, this.int(11) / 10];
            return Object.assign(rule, { force: this.value() });
        }
        return this.chance(0.95) ? this.experiment(rule) : rule;
    }

    experiment(rule) {
        const n = 1 + this.int(4);
        Object.assign(rule, this.hashing());
        if (this.chance(0.5)) rule.key = this.pick(['e1', 'e2', 'e3', 'f1']);
        if (this.chance(0.5)) rule.weights = this.weights(n);
        if (this.chance(0.2)) rule.namespace = [this.pick(['n1', 'n2']), this.int(6) / 10, this.int(11) / 10];
        if (this.chance(0.15)) rule.ranges = this.ranges();
        if (this.chance(0.4))
            rule.meta = Array.from({ length: n }, (_, i) => ({
                ...(this.chance(0.8) ? { key: this.pick([`v${i}`, '', 'same']) } : {}),
                ...(this.chance(0.2) ? { name: `Variation ${i}` } : {}),
                ...(this.chance(0.1) ? { passthrough: true } : {}),
            }));
        const bandit = this.chance(0.2);
        rule[bandit ? 'contextualVariations' : 'variations'] = Array.from({ length: n }, () => this.value());
        if (bandit) rule.contextualBanditRef = this.pick(['cb', 'cb2', 'lost']);
        return rule;
    }

    bandit() {
        return {
            ...(this.chance(0.8) ? { banditVersion: this.int(10) } : {}),
            contexts: this.list(3, (_, i) => ({
                leafId: this.int(9),
                ...(this.chance(0.9) ? { condition: this.condition(1) } : {}),
                weights: this.weights(1 + this.int(4)),
            })),
        };
    }

    /** Definitions by key. The first one also brings the saved groups and bandits of all. */
    features() {
        const features = {};
        for (const key of FEATURES) features[key] = { defaultValue: this.value(), rules: this.list(4, () => this.rule()) };
        if (this.chance(0.1)) delete features.f5.defaultValue;
        if (this.chance(0.1)) delete features.f4.rules;
        features.f0.savedGroups = {
            g1: this.list(5, () => this.scalar()),
            g2: { type: 'list', attributeKey: this.pick(PATHS), values: this.list(4, () => this.scalar()) },
            g3: { type: 'condition', condition: this.condition(1) },
            g4: { type: 'condition', condition: { $savedGroup: { id: this.pick(['g3', 'g5']) } } },
            g5: { type: 'condition', condition: { $not: { $savedGroup: { id: 'g4' } } } },
            g6: this.pick([null, {}, 5, { type: 'later' }, { type: 'list', values: 5 }]),
        };
        features.f0.contextualBandits = { cb: this.bandit(), cb2: this.bandit() };
        return features;
    }

    /** What a page or a tester forces, mostly nothing. */
    forced() {
        const url = this.chance(0.1)
            ? `https://shop.example/?${this.pick(['e1', 'e2', 'f0', 'f3'])}=${this.pick([0, 1, '2x', '', '-1', '0x1', ' 1', 9])}&e3=1#e1=1`
            : 'https://shop.example/cart';
        return {
            url,
            forcedVariations: this.chance(0.1) ? { [this.pick(['e1', 'e3', 'f2'])]: this.int(4) - 1 } : {},
            forcedFeatures: this.chance(0.1) ? [[this.pick(FEATURES), this.value()]] : [],
        };
    }
}

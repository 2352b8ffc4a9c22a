// Colour pairs against WCAG 2.2 AA: 4.5:1 for text (1.4.3), 3:1 for controls and marks (1.4.11).
// The formula is WCAG's own definition of relative luminance and contrast ratio.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

const css = readFileSync(new URL('../src/styles/tokens.css', import.meta.url), 'utf8');

function tokens(theme) {
    const block = new RegExp(`data-theme='${theme}'\\] \\{([^}]*)\\}`).exec(css)[1];
    return Object.fromEntries(
        [...block.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map((m) => [m[1], m[2]]),
    );
}

function luminance(hex) {
    const [r, g, b] = [1, 3, 5].map((at) => {
        const c = parseInt(hex.slice(at, at + 2), 16) / 255;
        return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a, b) {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
}

const TEXT = [
    ['text', 'ground'],
    ['text', 'surface'],
    ['text', 'sunken'],
    ['text', 'accent-soft'],
    ['muted', 'ground'],
    ['muted', 'surface'],
    ['muted', 'sunken'],
    ['muted', 'accent-soft'],
    ['accent', 'ground'],
    ['accent', 'surface'],
    ['accent', 'accent-soft'],
    ['on-accent', 'accent'],
    ['good', 'good-soft'],
    ['bad', 'bad-soft'],
    ['bad', 'surface'],
];
const MARKS = [
    ['edge', 'surface'],
    ['edge', 'ground'],
    ['accent', 'surface'],
    ['good', 'surface'],
    ['bad', 'surface'],
    ...[1, 2, 3, 4, 5, 6].map((n) => [`series-${n}`, 'surface']),
];

for (const theme of ['light', 'dark']) {
    test(`the ${theme} theme meets WCAG AA contrast`, () => {
        const colour = tokens(theme);
        for (const [pairs, least] of [
            [TEXT, 4.5],
            [MARKS, 3],
        ])
            for (const [front, back] of pairs) {
                const ratio = contrast(colour[front], colour[back]);
                assert.ok(ratio >= least, `${front} on ${back}: ${ratio.toFixed(2)} < ${least}`);
            }
    });
}

test('black on white is 21:1, as WCAG states', () => {
    assert.equal(contrast('#000000', '#ffffff').toFixed(3), '21.000');
});

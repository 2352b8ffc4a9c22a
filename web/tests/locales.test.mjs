// Both languages say everything, and every text is one that the code asks for.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

const web = fileURLToPath(new URL('..', import.meta.url));
const read = (name) => JSON.parse(readFileSync(join(web, 'locales', `${name}.json`), 'utf8'));
const locales = { en: read('en'), 'zh-CN': read('zh-CN') };
const placeholders = (text) => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort();

function sources(folder) {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
        const path = join(folder, entry.name);
        if (entry.isDirectory()) return entry.name === 'generated' ? [] : sources(path);
        return /\.tsx?$/.test(entry.name) ? [readFileSync(path, 'utf8')] : [];
    });
}

test('both locales have the same keys in the same order', () => {
    assert.deepEqual(Object.keys(locales['zh-CN']), Object.keys(locales.en));
});

test('no text is empty or equal to its key', () => {
    for (const [name, texts] of Object.entries(locales))
        for (const [key, text] of Object.entries(texts)) {
            assert.notEqual(text.trim(), '', `${name}: ${key} is empty`);
            assert.notEqual(text, key, `${name}: ${key} is not translated`);
        }
});

test('a text and its translation fill in the same values', () => {
    for (const [key, text] of Object.entries(locales.en))
        assert.deepEqual(placeholders(locales['zh-CN'][key]), placeholders(text), key);
});

test('every Chinese text holds Chinese, but for names that are the same everywhere', () => {
    const international = new Set([
        'metric.hr10',
        'metric.ndcg10',
        'metric.mrr',
        'list.separator',
        'lines.value',
    ]);
    for (const [key, text] of Object.entries(locales['zh-CN']))
        if (!international.has(key)) assert.match(text, /\p{Script=Han}/u, key);
});

test('every text is asked for somewhere in the code', () => {
    const code = sources(join(web, 'src')).join('\n');
    // keys made at run time: t(`nav.${page}`), name('model', x), plural('user.up', n)
    const stems = [...code.matchAll(/`([\w.]+\.)\$\{/g)].map((m) => m[1]);
    const groups = [...code.matchAll(/\bname\('(\w+)'/g)].map((m) => `${m[1]}.`);
    for (const key of Object.keys(locales.en)) {
        const stem = key.replace(/\.(one|other)$/, '');
        const used =
            code.includes(`'${key}'`) ||
            code.includes(`'${stem}'`) ||
            [...stems, ...groups].some((start) => key.startsWith(start));
        assert.ok(used, `${key} is never shown`);
    }
});

// tools/embed-assets: what goes in comes out, and nothing depends on the day it was built.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const tool = fileURLToPath(new URL('../../tools/embed-assets', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'treadle-embed-'));
const site = join(folder, 'site');
const PIXEL = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0xff]);

mkdirSync(join(site, 'assets'), { recursive: true });
writeFileSync(join(site, 'index.html'), '<!doctype html><title>织机</title>');
writeFileSync(join(site, 'assets', 'a.css'), 'a{color:red}'.repeat(500));
writeFileSync(join(site, 'assets', 'p.png'), PIXEL);
after(() => rmSync(folder, { recursive: true }));

function embed(from, name) {
    const out = join(folder, name);
    const done = spawnSync(tool, [from, out], { encoding: 'utf8' });
    return { ...done, c: done.status === 0 ? readFileSync(out, 'utf8') : null };
}

function bytes(c, i) {
    const list = new RegExp(`bytes_${i}\\[\\] = \\{([^}]*)\\}`).exec(c)[1];
    return Buffer.from(list.split(',').map(Number).slice(0, -1));
}

test('text comes back from gzip as it was, and a picture is kept as it is', () => {
    const { c } = embed(site, 'one.c');
    const paths = [...c.matchAll(/\.path = "([^"]+)"/g)].map((m) => m[1]);
    assert.deepEqual(paths, ['/', '/assets/a.css', '/assets/p.png']);
    assert.deepEqual(
        [...c.matchAll(/\.gzip = (\w+)/g)].map((m) => m[1]),
        ['true', 'true', 'false'],
    );
    assert.equal(gunzipSync(bytes(c, 0)).toString(), '<!doctype html><title>织机</title>');
    assert.equal(gunzipSync(bytes(c, 1)).toString(), 'a{color:red}'.repeat(500));
    assert.deepEqual(bytes(c, 2), PIXEL);
    assert.match(c, /tdl_assets_n = 3;/);
});

test('the same folder gives the same C file', () => {
    assert.equal(embed(site, 'two.c').c, embed(site, 'three.c').c);
});

test('an entity tag changes with its file and only then', () => {
    const tags = (c) => [...c.matchAll(/\.etag = "(.+?)",\n/g)].map((m) => m[1]);
    const before = tags(embed(site, 'four.c').c);
    writeFileSync(join(site, 'assets', 'a.css'), 'a{color:blue}');
    const then = tags(embed(site, 'five.c').c);
    assert.equal(before[0], then[0]);
    assert.notEqual(before[1], then[1]);
});

test('no folder gives an empty list', () => {
    assert.match(embed('', 'six.c').c, /tdl_assets_n = 0;/);
});

test('a folder without index.html and a file of unknown kind are refused by name', () => {
    const empty = join(folder, 'empty');
    mkdirSync(empty);
    const missing = embed(empty, 'seven.c');
    assert.notEqual(missing.status, 0);
    assert.match(missing.stderr, /no index\.html/);
    writeFileSync(join(empty, 'index.html'), '');
    writeFileSync(join(empty, 'odd.xyz'), '');
    const odd = embed(empty, 'eight.c');
    assert.notEqual(odd.status, 0);
    assert.match(odd.stderr, /odd\.xyz/);
});

// Loads one TypeScript module that touches no browser, for tests under plain Node.
import { readFileSync } from 'node:fs';
import { transformWithEsbuild } from 'vite';

export async function load(path) {
    const source = readFileSync(new URL(`../src/${path}`, import.meta.url), 'utf8');
    const { code } = await transformWithEsbuild(source, path, { sourcemap: false });
    return import(`data:text/javascript;base64,${Buffer.from(code).toString('base64')}`);
}

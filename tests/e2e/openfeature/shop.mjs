// A shop of another origin whose page runs the SDKs, and a browser to visit it. `skip` says what is
// missing for that.
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';

const esbuild = await import('esbuild').catch(() => null);
const sdk = await import('@openfeature/ofrep-web-provider').catch(() => null);
const playwright = await import('../browser/browser.mjs').catch(() => null);
const missing =
    (!esbuild || !sdk) && 'the SDKs are not installed: run npm ci in tests/e2e/openfeature';
export const skip = missing || (!playwright && 'playwright-core is not installed: run npm ci in web');
if (skip) console.log(`skipped: ${skip}`);

export const launch = () => playwright.launch();

export async function serveShop() {
    const { outputFiles } = await esbuild.build({
        entryPoints: [fileURLToPath(new URL('page.mjs', import.meta.url))],
        bundle: true,
        write: false,
        format: 'esm',
        platform: 'browser',
        logLevel: 'error',
    });
    const script = outputFiles[0].contents;
    const front = createServer((request, answer) => {
        const js = request.url === '/page.js';
        answer.writeHead(200, { 'content-type': js ? 'text/javascript' : 'text/html' });
        answer.end(js ? script : '<!doctype html><title>Shop</title><script type=module src=/page.js></script>');
    });
    await new Promise((resolve) => front.listen(0, '127.0.0.1', resolve));
    return front;
}

/** `options`: of Playwright's context. */
export async function openShop(browser, shop, options) {
    const opened = await (await browser.newContext(options)).newPage();
    await opened.goto(`http://127.0.0.1:${shop.address().port}/`);
    await opened.waitForFunction(() => window.start);
    return opened;
}

// Debian's Chromium, and pages that write down everything a clean dashboard never does.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const require = createRequire(new URL('../../../web/package.json', import.meta.url));
const { chromium } = require('playwright-core');

const FLAGS = [
    '--headless=new',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
];

/** A browser with a fresh profile. */
export function launch() {
    return chromium.launch({
        executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
        headless: true,
        args: FLAGS,
    });
}

/**
 * A page in a context of its own. `options` are Playwright's (locale, colorScheme, viewport, ...).
 * page.faults collects console errors and warnings, uncaught errors, content security policy
 * violations and requests to anywhere but `server`.
 */
export async function newPage(browser, server, options = {}) {
    const context = await browser.newContext({ locale: 'en', colorScheme: 'light', ...options });
    const page = await context.newPage();
    page.faults = [];
    page.on('console', (message) => {
        if (['error', 'warning'].includes(message.type())) page.faults.push(message.text());
    });
    page.on('pageerror', (error) => page.faults.push(error.message));
    page.on('request', (request) => {
        const { origin, protocol } = new URL(request.url());
        if (origin !== server.url && protocol !== 'blob:')
            page.faults.push(`asked ${request.url()}`);
    });
    await context.addInitScript(() => {
        document.addEventListener('securitypolicyviolation', (event) => {
            console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`);
        });
    });
    return page;
}

/** Signed in by the address, as `treadle serve` prints it, at `hash`. */
export async function openAt(page, server, hash = '#/overview') {
    await page.goto(`${server.url}/#key=${server.key}`);
    await page.getByRole('navigation').waitFor();
    await page.evaluate((to) => (location.hash = to), hash);
}

export function assertClean(page) {
    assert.deepEqual(page.faults, []);
}

// Pages by hash, so that the server needs no rewriting: #/users/603 is page "users", id "603".
import { observable } from './observable';
import { takeKeyFromAddress } from './session';

export const PAGES = [
    'overview',
    'models',
    'recommend',
    'predict',
    'runs',
    'insights',
    'live',
    'users',
    'decisions',
    'privacy',
] as const;
export type Page = (typeof PAGES)[number];
export interface Route {
    page: Page;
    id: string | null;
}

function parse(hash: string): Route {
    const [name = '', ...rest] = hash.replace(/^#\/?/, '').split('/');
    const page = PAGES.find((candidate) => candidate === name) ?? 'overview';
    let id: string | null = null;

    try {
        id = rest.length ? decodeURIComponent(rest.join('/')) || null : null;
    } catch {
        // a hand-typed address with a stray %: the page without an id
    }
    return { page, id };
}

export function href(page: Page, id?: string): string {
    return `#/${page}${id === undefined ? '' : `/${encodeURIComponent(id)}`}`;
}

export const route = observable<Route>(parse(location.hash));

export function startRouter(): void {
    addEventListener('hashchange', () => {
        void takeKeyFromAddress();
        const next = parse(location.hash);
        const now = route.get();
        if (next.page !== now.page || next.id !== now.id) route.set(next);
    });
}

// Light or dark: the system's wish until the person chooses; the choice is kept in this browser.
import { observable } from './observable';
import { recall, remember } from './remember';

export type Theme = 'light' | 'dark';

const systemDark = matchMedia('(prefers-color-scheme: dark)');

function chosen(): Theme | null {
    const stored = recall('theme');
    return stored === 'light' || stored === 'dark' ? stored : null;
}

export const theme = observable<Theme>(chosen() ?? (systemDark.matches ? 'dark' : 'light'));

/** Keep <html data-theme> in step; call once, before the first render. */
export function startTheme(): void {
    const apply = (value: Theme) => {
        document.documentElement.dataset.theme = value;
    };
    apply(theme.get());
    theme.watch(apply);
    systemDark.addEventListener('change', () => {
        if (!chosen()) theme.set(systemDark.matches ? 'dark' : 'light');
    });
}

export function toggleTheme(): void {
    const next = theme.get() === 'dark' ? 'light' : 'dark';
    remember('theme', next);
    theme.set(next);
}

// The bar on top: where am I, is it live, and the person's own settings.
import { type Key, type Locale, chooseLocale, useI18n } from './i18n';
import { connection } from './live';
import { useValue } from './observable';
import { href, PAGES, route } from './router';
import { session, signOut } from './session';
import { theme, toggleTheme } from './theme';

const LANGUAGES: readonly { locale: Locale; name: string }[] = [
    { locale: 'en', name: 'English' },
    { locale: 'zh-CN', name: '中文' },
];

function Navigation() {
    const { t } = useI18n();
    const { page } = useValue(route);

    return (
        <nav aria-label={t('nav.label')}>
            <ul>
                {PAGES.map((name) => (
                    <li key={name}>
                        <a href={href(name)} aria-current={name === page ? 'page' : undefined}>
                            {t(`nav.${name}`)}
                        </a>
                    </li>
                ))}
            </ul>
        </nav>
    );
}

function Pulse() {
    const { t } = useI18n();
    const state = useValue(connection);

    return (
        <p class="pulse" role="status">
            <span class={`dot ${state}`} aria-hidden="true" />
            {t(`connection.${state}` as Key)}
        </p>
    );
}

function Settings() {
    const { t, locale } = useI18n();
    const look = useValue(theme);
    const signedIn = useValue(session) !== null;

    return (
        <div class="settings">
            <div class="languages" role="group" aria-label={t('settings.language')}>
                {LANGUAGES.map((choice) => (
                    <button
                        key={choice.locale}
                        type="button"
                        class="quiet"
                        lang={choice.locale}
                        aria-pressed={choice.locale === locale}
                        onClick={() => chooseLocale(choice.locale)}
                    >
                        {choice.name}
                    </button>
                ))}
            </div>
            <button type="button" class="quiet" onClick={toggleTheme}>
                {look === 'dark' ? t('settings.light') : t('settings.dark')}
            </button>
            {signedIn && (
                <button type="button" class="quiet" onClick={() => signOut('left')}>
                    {t('settings.signOut')}
                </button>
            )}
        </div>
    );
}

export function Header() {
    const signedIn = useValue(session) !== null;

    return (
        <header>
            <div class="bar">
                <a class="brand" href={href('overview')}>
                    <svg viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">
                        <circle cx="16" cy="12.5" r="7" />
                        <path d="M16 12.5 20 17M20 17 9 26M6 26h20" />
                    </svg>
                    Treadle
                </a>
                {signedIn && <Pulse />}
                <Settings />
            </div>
            {signedIn && <Navigation />}
        </header>
    );
}

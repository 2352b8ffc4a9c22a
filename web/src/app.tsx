// The frame around every page: skip link, header, main, and where the focus goes.
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { Header } from './header';
import { useI18n } from './i18n';
import { useValue } from './observable';
import { Decisions } from './pages/decisions';
import { Insights } from './pages/insights';
import { Live } from './pages/live';
import { Models } from './pages/models';
import { Overview } from './pages/overview';
import { Predict } from './pages/predict';
import { Privacy } from './pages/privacy';
import { Recommend } from './pages/recommend';
import { Runs } from './pages/runs';
import { SignIn } from './pages/signin';
import { Users } from './pages/users';
import { type Route, route } from './router';
import { session } from './session';

function Page({ page, id }: Route) {
    switch (page) {
        case 'overview':
            return <Overview />;
        case 'models':
            return <Models id={id} />;
        case 'recommend':
            return <Recommend id={id} />;
        case 'predict':
            return <Predict id={id} />;
        case 'runs':
            return <Runs id={id} />;
        case 'insights':
            return <Insights id={id} />;
        case 'live':
            return <Live id={id} />;
        case 'users':
            return <Users id={id} />;
        case 'decisions':
            return <Decisions id={id} />;
        case 'privacy':
            return <Privacy />;
    }
}

/** The page's heading takes the focus after a change of page, so that it is read out. */
function Titled({ page, id, takeFocus }: Route & { takeFocus: boolean }) {
    const { t } = useI18n();
    const heading = useRef<HTMLHeadingElement>(null);
    const silent = useRef(!takeFocus); // a page that was just opened is read from its top
    const words = t(`nav.${page}`);

    useEffect(() => {
        document.title = `${words} · Treadle`;
    }, [words]);
    // before the paint: a key pressed right after it must not lose its place
    useLayoutEffect(() => {
        if (silent.current) {
            silent.current = false;
            return;
        }
        heading.current?.focus({ preventScroll: true });
        scrollTo(0, 0);
    }, [page, id]);
    return (
        <>
            <h1 ref={heading} tabIndex={-1}>
                {words}
            </h1>
            <Page page={page} id={id} />
        </>
    );
}

export function App() {
    const { t } = useI18n();
    const signedIn = useValue(session) !== null;
    const where = useValue(route);
    const main = useRef<HTMLElement>(null);
    const cameByForm = useRef(false);

    if (!signedIn) cameByForm.current = true;
    return (
        <>
            <a
                class="skip"
                href="#main"
                onClick={(event) => {
                    event.preventDefault(); // the hash is the route
                    main.current?.focus();
                }}
            >
                {t('nav.skip')}
            </a>
            <Header />
            <main id="main" ref={main} tabIndex={-1}>
                {signedIn ? <Titled {...where} takeFocus={cameByForm.current} /> : <SignIn />}
            </main>
        </>
    );
}

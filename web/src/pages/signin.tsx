// The form for people who came without #key=... in the address.
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { useI18n } from '../i18n';
import { useValue } from '../observable';
import { signedOut, signIn } from '../session';

export function SignIn() {
    const { t } = useI18n();
    const why = useValue(signedOut);
    const [missing, setMissing] = useState(false);
    const [busy, setBusy] = useState(false);
    const field = useRef<HTMLInputElement>(null);

    useLayoutEffect(() => field.current?.focus(), []);
    return (
        <section class="panel signin" aria-labelledby="signin-title">
            <h1 id="signin-title">{t('signin.title')}</h1>
            <p class="muted">{t('signin.intro')}</p>
            <form
                onSubmit={(event) => {
                    event.preventDefault();
                    const value = field.current?.value.trim() ?? '';
                    setMissing(value === '');
                    if (value === '') {
                        field.current?.focus();
                        return;
                    }
                    setBusy(true);
                    void signIn(value).then(() => setBusy(false));
                }}
            >
                <label for="signin-key">{t('signin.key')}</label>
                <input
                    ref={field}
                    id="signin-key"
                    type="password"
                    autocomplete="off"
                    spellcheck={false}
                    aria-invalid={missing || why === 'refused' || why === 'weak'}
                    aria-describedby="signin-message signin-help"
                />
                <p id="signin-message" class={why === 'left' ? 'muted' : 'wrong'} role="alert">
                    {missing ? t('signin.missing') : why === 'new' ? '' : t(`signin.${why}`)}
                </p>
                <button type="submit" class="primary" aria-disabled={busy}>
                    {t('signin.submit')}
                </button>
            </form>
            <p id="signin-help" class="muted small">
                {t('signin.help')}
                <br />
                <code>treadle key create --right admin</code>
            </p>
        </section>
    );
}

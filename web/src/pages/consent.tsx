// What one person allows, purpose by purpose.
import { useState } from 'preact/hooks';
import { call, useLoad } from '../api/client';
import { useI18n } from '../i18n';
import { useAction } from '../ui/action';
import { Failure, Loading } from '../ui/notes';
import { Panel } from '../ui/panel';
import { Head, Table } from '../ui/table';

const PATH = '/v1/privacy/consent';
const PURPOSES = ['analytics', 'personalisation', 'pricing', 'training', 'sharing'] as const;

interface Consents {
    allowed: Record<(typeof PURPOSES)[number], boolean>;
}

function Purposes({ user }: { user: string }) {
    const { t } = useI18n();
    const found = useLoad<Consents>(PATH, { user });
    const action = useAction<unknown>();

    const say = (purpose: string, granted: boolean) =>
        action.run(async () => {
            await call(PATH, { method: 'POST', body: { user, purpose, granted } });
            found.reload();
        });

    if (!found.data)
        return found.error ? (
            <Failure error={found.error} retry={found.reload} />
        ) : (
            <Loading />
        );
    const { allowed } = found.data;
    return (
        <>
            <Table
                caption={t('consent.of', { user })}
                captionShown
                head={
                    <>
                        <Head>{t('consent.purpose')}</Head>
                        <Head>{t('consent.state')}</Head>
                        <Head>{t('consent.change')}</Head>
                    </>
                }
            >
                {PURPOSES.map((purpose) => {
                    const granted = allowed[purpose];
                    const words = t(`purpose.${purpose}`);
                    return (
                        <tr key={purpose}>
                            <th scope="row">{words}</th>
                            <td>
                                <span
                                    class={`dot ${granted ? 'done' : 'failed'}`}
                                    aria-hidden="true"
                                />
                                {granted ? t('consent.granted') : t('consent.withdrawn')}
                            </td>
                            <td>
                                <button
                                    type="button"
                                    class="quiet"
                                    aria-disabled={action.busy}
                                    aria-label={`${granted ? t('consent.withdraw') : t('consent.grant')}: ${words}`}
                                    onClick={() => say(purpose, !granted)}
                                >
                                    {granted ? t('consent.withdraw') : t('consent.grant')}
                                </button>
                            </td>
                        </tr>
                    );
                })}
            </Table>
            {action.error && <Failure error={action.error} />}
        </>
    );
}

export function Consent() {
    const { t } = useI18n();
    const [text, setText] = useState('');
    const [user, setUser] = useState('');

    return (
        <Panel title={t('consent.title')}>
            <p class="muted">{t('consent.explain')}</p>
            <form
                class="picker"
                onSubmit={(event) => {
                    event.preventDefault();
                    setUser(text.trim());
                }}
            >
                <label for="consent-user">{t('person.user')}</label>
                <input
                    id="consent-user"
                    autocomplete="off"
                    spellcheck={false}
                    value={text}
                    onInput={(event) => setText(event.currentTarget.value)}
                />
                <button type="submit">{t('consent.show')}</button>
            </form>
            {user !== '' && <Purposes key={user} user={user} />}
        </Panel>
    );
}

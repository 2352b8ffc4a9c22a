// One person's data: all of it in a file, or gone.
import { useState } from 'preact/hooks';
import { call, callText } from '../api/client';
import type { Receipt } from '../api/types';
import { save } from '../charts/save';
import { useI18n } from '../i18n';
import { useAction } from '../ui/action';
import { Failure } from '../ui/notes';
import { Panel } from '../ui/panel';

export function ExportPerson() {
    const { t } = useI18n();
    const [user, setUser] = useState('');
    const action = useAction<string>();

    return (
        <Panel title={t('person.export')}>
            <p class="muted">{t('person.exportExplain')}</p>
            <form
                class="picker"
                onSubmit={(event) => {
                    event.preventDefault();
                    const who = user.trim();
                    if (!who) return;
                    action.run(async () => {
                        const body = { user: who };
                        const lines = await callText('/v1/privacy/export', { method: 'POST', body });
                        save('person.jsonl', 'application/x-ndjson', lines);
                        return who;
                    });
                }}
            >
                <label for="export-user">{t('person.user')}</label>
                <input
                    id="export-user"
                    autocomplete="off"
                    spellcheck={false}
                    value={user}
                    onInput={(event) => setUser(event.currentTarget.value)}
                />
                <button type="submit" class="primary" aria-disabled={action.busy}>
                    {t('person.download')}
                </button>
            </form>
            <p role="status">
                {action.result !== null && t('person.exported', { user: action.result })}
            </p>
            {action.error && <Failure error={action.error} />}
        </Panel>
    );
}

export function ErasePerson({ erased }: { erased: () => void }) {
    const { t } = useI18n();
    const [user, setUser] = useState('');
    const [again, setAgain] = useState('');
    const action = useAction<Receipt>();
    const ready = user.trim() !== '' && user.trim() === again.trim() && !action.busy;

    return (
        <Panel title={t('person.erase')}>
            <p class="muted">{t('person.eraseExplain')}</p>
            <form
                class="picker"
                onSubmit={(event) => {
                    event.preventDefault();
                    if (!ready) return;
                    const body = { user: user.trim() };
                    setAgain('');
                    action.run(async () => {
                        const receipt = await call<Receipt>('/v1/privacy/erase', {
                            method: 'POST',
                            body,
                        });
                        setUser('');
                        erased();
                        return receipt;
                    });
                }}
            >
                <label for="erase-user">{t('person.user')}</label>
                <input
                    id="erase-user"
                    autocomplete="off"
                    spellcheck={false}
                    value={user}
                    onInput={(event) => setUser(event.currentTarget.value)}
                />
                <label for="erase-again">{t('person.again')}</label>
                <input
                    id="erase-again"
                    autocomplete="off"
                    spellcheck={false}
                    value={again}
                    onInput={(event) => setAgain(event.currentTarget.value)}
                />
                <button type="submit" class="primary" aria-disabled={!ready}>
                    {t('person.eraseNow')}
                </button>
            </form>
            <p role="status">
                {action.result !== null &&
                    t(action.result.receipt.done === null ? 'person.removed' : 'person.erased')}
            </p>
            {action.result !== null && (
                <pre class="receipt" tabIndex={0} lang="en">
                    {JSON.stringify(action.result, null, 2)}
                </pre>
            )}
            {action.error && <Failure error={action.error} />}
        </Panel>
    );
}

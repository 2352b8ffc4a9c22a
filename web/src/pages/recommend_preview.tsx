// What a draft would show, beside what is shown now. Nothing of it is logged.
import { useState } from 'preact/hooks';
import { call } from '../api/client';
import type { Surface, SurfacePolicy, SurfacePreview } from '../api/types';
import { useI18n } from '../i18n';
import { useAction } from '../ui/action';
import { Failure } from '../ui/notes';
import { Panel } from '../ui/panel';
import { Slate } from '../ui/slate';
import { compareAnswers } from './changes';

interface Pair {
    served: SurfacePreview;
    draft: SurfacePreview;
}

function Side({ title, answer }: { title: string; answer: SurfacePreview }) {
    const i18n = useI18n();
    const { t, number } = i18n;
    const removed = answer.removed ?? [];

    return (
        <div>
            <h3>{title}</h3>
            {answer.short && (
                <p class="muted">
                    {t('preview.short', {
                        n: number(answer.short.eligible),
                        items: number(answer.short.items),
                    })}
                </p>
            )}
            {answer.suppressed && <p class="muted">{t('preview.suppressed')}</p>}
            {answer.items.length > 0 && <Slate items={answer.items} label={title} />}
            {removed.length > 0 && (
                <p class="muted small">
                    {t('preview.removed', {
                        items: removed
                            .slice(0, 10)
                            .map(({ id, title: words, reason }) =>
                                t('lines.value', {
                                    run: words || id,
                                    value: i18n.name('kept', reason),
                                }),
                            )
                            .join(t('list.separator')),
                    })}
                </p>
            )}
        </div>
    );
}

export function Preview({
    surface,
    draft,
    changed,
}: {
    surface: Surface;
    draft: SurfacePolicy;
    changed: boolean;
}) {
    const { t, plural } = useI18n();
    const [user, setUser] = useState('');
    const [items, setItems] = useState('');
    const asked = useAction<Pair>();
    const wantsItems = surface.kind === 'similar' || surface.kind === 'cart';
    const difference = asked.result
        ? compareAnswers(asked.result.served.items, asked.result.draft.items)
        : null;

    async function ask(): Promise<Pair> {
        const list = items
            .split(',')
            .map((id) => id.trim())
            .filter(Boolean);
        const question = {
            surface: surface.name,
            ...(user ? { user } : {}),
            ...(wantsItems ? { items: list } : {}),
            k: 10,
        };
        const preview = (body: object) =>
            call<SurfacePreview>('/v1/recommend/preview', { method: 'POST', body });
        const [served, wanted] = await Promise.all([
            preview(question),
            preview({ ...question, policy: draft }),
        ]);
        return { served, draft: wanted };
    }

    return (
        <Panel title={t('preview.title')}>
            <form
                class="picker"
                onSubmit={(event) => {
                    event.preventDefault();
                    asked.run(ask);
                }}
            >
                <p>
                    <label for="preview-user">{t('preview.user')}</label>
                    <input
                        id="preview-user"
                        value={user}
                        onInput={(event) => setUser(event.currentTarget.value)}
                    />
                </p>
                {wantsItems && (
                    <p>
                        <label for="preview-items">{t('preview.items')}</label>
                        <input
                            id="preview-items"
                            value={items}
                            onInput={(event) => setItems(event.currentTarget.value)}
                        />
                    </p>
                )}
                <button type="submit" aria-disabled={asked.busy}>
                    {t('preview.ask')}
                </button>
            </form>
            {asked.error && <Failure error={asked.error} />}
            {difference && (
                <p role="status">
                    {!changed
                        ? t('preview.same')
                        : t('preview.difference', {
                              entered: plural('user.entered', difference.entered),
                              shifted: plural('user.shifted', difference.shifted),
                          })}
                </p>
            )}
            {asked.result && (
                <div class="columns">
                    <Side title={t('preview.served')} answer={asked.result.served} />
                    <Side title={t('preview.draft')} answer={asked.result.draft} />
                </div>
            )}
        </Panel>
    );
}

// What one person would see on a surface, why, and what a click changes. Asked without being logged.
import { useEffect, useState } from 'preact/hooks';
import { type ApiError, asApiError, call, useLoad } from '../api/client';
import type { Stored, SurfaceItem, SurfacePreview, Surfaces } from '../api/types';
import { useI18n } from '../i18n';
import { refreshStats } from '../live';
import { Failure, Loading } from '../ui/notes';
import { Panel } from '../ui/panel';
import { Slate } from '../ui/slate';
import { compareAnswers } from './changes';
import { surfaceName } from './recommend_shown';

interface Clicked {
    before: SurfacePreview;
    item: SurfaceItem;
}

interface Props {
    user: string;
    surface: string;
    /** Changes with the person's history. */
    stamp: string;
    clicked: () => void;
}

function Asked({ user, surface, stamp, clicked }: Props) {
    const { t, plural } = useI18n();
    const [answer, setAnswer] = useState<SurfacePreview | null>(null);
    const [error, setError] = useState<ApiError | null>(null);
    const [last, setLast] = useState<Clicked | null>(null);
    const changes = last && answer ? compareAnswers(last.before.items, answer.items) : null;

    const ask = () =>
        call<SurfacePreview>('/v1/recommend/preview', {
            method: 'POST',
            body: { surface, user, k: 10, explain: 3 },
        });

    useEffect(() => {
        let gone = false;
        setError(null);
        ask().then(
            (found) => !gone && setAnswer(found),
            (problem: unknown) => !gone && setError(asApiError(problem)),
        );
        return () => {
            gone = true;
        };
    }, [user, surface, stamp]);

    async function click(before: SurfacePreview, item: SurfaceItem) {
        setError(null);
        try {
            await call<Stored>('/v1/events', {
                method: 'POST',
                body: { user, kind: 'click', item: item.id },
            });
            setAnswer(await ask());
            setLast({ before, item });
            refreshStats();
            clicked();
        } catch (problem) {
            setError(asApiError(problem));
        }
    }

    return (
        <>
            <p role="status">
                {last &&
                    changes &&
                    t('user.clicked', {
                        title: last.item.title || last.item.id,
                        entered: plural('user.entered', changes.entered),
                        shifted: plural('user.shifted', changes.shifted),
                    })}
            </p>
            {error && <Failure error={error} />}
            {!answer && !error && <Loading />}
            {answer?.items.length === 0 && <p class="muted">{t('user.noItems')}</p>}
            {answer && answer.items.length > 0 && (
                <Slate
                    items={answer.items}
                    label={t('user.surface')}
                    action={(item) => (
                        <button
                            type="button"
                            aria-label={t('user.clickOne', { title: item.title || item.id })}
                            onClick={() => void click(answer, item)}
                        >
                            {t('user.click')}
                        </button>
                    )}
                />
            )}
        </>
    );
}

/** clicked: the person's history has grown. */
export function OnSurface({ user, stamp, clicked }: Omit<Props, 'surface'>) {
    const i18n = useI18n();
    const { t } = i18n;
    const list = useLoad<Surfaces>('/v1/recommend/surfaces');
    const [chosen, setChosen] = useState('home');
    const surfaces = list.data?.surfaces.filter(
        ({ kind }) => kind === 'home' || kind === 'email',
    );

    return (
        <Panel title={t('user.surface')}>
            {list.error && <Failure error={list.error} retry={list.reload} />}
            {surfaces && (
                <>
                    <p class="picker">
                        <label for="user-surface">{t('user.surfaceChoose')}</label>
                        <select
                            id="user-surface"
                            value={chosen}
                            onChange={(event) => setChosen(event.currentTarget.value)}
                        >
                            {surfaces.map(({ name }) => (
                                <option key={name} value={name}>
                                    {surfaceName(i18n, name)}
                                </option>
                            ))}
                        </select>
                    </p>
                    <Asked
                        key={`${user} ${chosen}`}
                        user={user}
                        surface={chosen}
                        stamp={stamp}
                        clicked={clicked}
                    />
                </>
            )}
        </Panel>
    );
}

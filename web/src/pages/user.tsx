// One user: what they did, what Treadle would show them next and why, and what a new event changes.
import { useState } from 'preact/hooks';
import { type ApiError, asApiError, call, useLoad } from '../api/client';
import type { History, Recommendation, RecommendedItem, Stored } from '../api/types';
import { useI18n } from '../i18n';
import { refreshStats } from '../live';
import { href } from '../router';
import { Empty, Failure, Loading } from '../ui/notes';
import { Panel } from '../ui/panel';
import { Causes } from '../ui/slate';
import { type Changes, compareAnswers } from './changes';
import { HistoryList } from './history';
import { type Feedback, FeedbackForm } from './feedback';
import { OnSurface } from './user_surface';

const HISTORY_N = 30;
const ANSWER_N = 10;

/** The answer on screen when an event was recorded, and that event. */
interface Recorded {
    before: Recommendation;
    item: RecommendedItem;
    kind: Feedback['kind'];
}

function title(item: RecommendedItem): string {
    return item.title ?? item.id;
}

function Movement({ step }: { step: number | null | undefined }) {
    const { t, plural } = useI18n();

    if (step === undefined || step === 0) return null;
    if (step === null) return <span class="badge good">{t('user.new')}</span>;
    const words = plural(step > 0 ? 'user.up' : 'user.down', Math.abs(step));
    return (
        <span class="badge" role="img" aria-label={words} title={words}>
            {step > 0 ? '▲' : '▼'}
            {Math.abs(step)}
        </span>
    );
}

function ChangeNote({
    recorded,
    changes,
}: {
    recorded: Recorded;
    changes: Changes<RecommendedItem>;
}) {
    const { t, plural } = useI18n();
    return (
        <div class="changed">
            <p>
                {t('user.recorded', {
                    kind: t(`feedback.${recorded.kind}`),
                    title: title(recorded.item),
                    entered: plural('user.entered', changes.entered),
                    shifted: plural('user.shifted', changes.shifted),
                })}
            </p>
            {changes.gone.length > 0 && (
                <p class="small">
                    {t('user.gone', { titles: changes.gone.map(title).join(t('list.separator')) })}
                </p>
            )}
        </div>
    );
}

function AnswerList({
    answer,
    changes,
    feedback,
    record,
    busy,
}: {
    answer: Recommendation;
    changes: Changes<RecommendedItem> | null;
    feedback: Feedback;
    record: (item: RecommendedItem) => void;
    busy: boolean;
}) {
    const { t, number } = useI18n();

    return (
        <ol class="answer">
            {answer.items.map((item) => (
                <li key={item.id}>
                    <div>
                        <p class="item-title">
                            {title(item)} <Movement step={changes?.moved.get(item.id)} />
                        </p>
                        <Causes causes={item.reasons} />
                        <p class="muted small">
                            {t('user.score', { score: number(item.score, 4) })}
                        </p>
                    </div>
                    <button
                        type="button"
                        aria-disabled={busy}
                        aria-label={t('user.recordOne', {
                            kind: t(`feedback.${feedback.kind}`),
                            title: title(item),
                        })}
                        onClick={() => {
                            if (!busy) record(item);
                        }}
                    >
                        {t(`feedback.record.${feedback.kind}`)}
                    </button>
                </li>
            ))}
        </ol>
    );
}

function AnswerHead({ answer }: { answer: Recommendation }) {
    const i18n = useI18n();
    const { t } = i18n;

    return (
        <p class="muted small">
            {answer.fallback
                ? i18n.name('fallback', answer.fallback)
                : t('user.by', { model: i18n.name('model', answer.rung) })}{' '}
            <a href={href('decisions', answer.decision_id)}>{t('user.toDecision')}</a>
        </p>
    );
}

export function User({ id }: { id: string }) {
    const { t } = useI18n();
    const history = useLoad<History>('/v1/events', { user: id, limit: HISTORY_N });
    const answer = useLoad<Recommendation>('/v1/recommend', { user: id, n: ANSWER_N });
    const [feedback, setFeedback] = useState<Feedback>({ kind: 'view', value: 4 });
    const [recorded, setRecorded] = useState<Recorded | null>(null);
    const [sending, setSending] = useState(false);
    const [error, setError] = useState<ApiError | null>(null);
    const fresh =
        recorded && answer.data && answer.data.decision_id !== recorded.before.decision_id;
    const changes = fresh ? compareAnswers(recorded.before.items, answer.data!.items) : null;

    async function record(before: Recommendation, item: RecommendedItem) {
        setSending(true);
        setError(null);
        try {
            await call<Stored>('/v1/events', {
                method: 'POST',
                body: {
                    user: id,
                    kind: feedback.kind,
                    item: item.id,
                    ...(feedback.kind === 'rating' ? { value: feedback.value } : {}),
                    decision_id: before.decision_id,
                },
            });
            setRecorded({ before, item, kind: feedback.kind });
            history.reload();
            answer.reload();
            refreshStats();
        } catch (problem) {
            setError(asApiError(problem));
        } finally {
            setSending(false);
        }
    }

    return (
        <>
            <div class="columns answer-first">
                <Panel title={t('user.answer')}>
                    <FeedbackForm value={feedback} change={setFeedback} />
                    <div role="status">
                        {recorded && changes && <ChangeNote recorded={recorded} changes={changes} />}
                    </div>
                    {error && <Failure error={error} />}
                    {answer.error && <Failure error={answer.error} retry={answer.reload} />}
                    {!answer.data && answer.busy && <Loading />}
                    {answer.data?.items.length === 0 && (
                        <Empty title={t('user.noItems')}>
                            <p>{t('user.noItemsNext')}</p>
                        </Empty>
                    )}
                    {answer.data && answer.data.items.length > 0 && (
                        <>
                            <AnswerHead answer={answer.data} />
                            <AnswerList
                                answer={answer.data}
                                changes={changes}
                                feedback={feedback}
                                busy={sending || answer.busy}
                                record={(item) => void record(answer.data!, item)}
                            />
                        </>
                    )}
                </Panel>
                <Panel title={t('user.history', { user: id })}>
                    {history.error && <Failure error={history.error} retry={history.reload} />}
                    {!history.data && history.busy && <Loading />}
                    {history.data?.events.length === 0 && (
                        <Empty title={t('user.stranger')}>
                            <p>{t('user.strangerNext')}</p>
                        </Empty>
                    )}
                    {history.data && <HistoryList events={history.data.events} />}
                </Panel>
            </div>
            <OnSurface
                user={id}
                stamp={history.data?.events[0]?.message_id ?? ''}
                clicked={history.reload}
            />
        </>
    );
}

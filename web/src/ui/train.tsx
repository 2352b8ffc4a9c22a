// The state of training and the button that starts it: on the overview and beside the models.
import { useState } from 'preact/hooks';
import { type ApiError, asApiError, call } from '../api/client';
import { useI18n } from '../i18n';
import { refreshStats, stats } from '../live';
import { useValue } from '../observable';
import { Failure } from './notes';

export function TrainButton() {
    const { t } = useI18n();
    const live = useValue(stats);
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<ApiError | null>(null);
    const running = live?.training.state === 'running';

    async function start() {
        setBusy(true);
        setError(null);
        try {
            await call('/v1/train', { method: 'POST', body: { app: 'recommend' } });
            refreshStats();
        } catch (problem) {
            setError(asApiError(problem));
        } finally {
            setBusy(false);
        }
    }

    return (
        <>
            <button
                type="button"
                class="primary"
                aria-disabled={running || busy}
                onClick={() => {
                    if (!running && !busy) void start();
                }}
            >
                {running ? t('train.running') : t('train.now')}
            </button>
            {error && <Failure error={error} />}
        </>
    );
}

export function TrainingState() {
    const { t, time, percent } = useI18n();
    const training = useValue(stats)?.training;

    if (!training) return null;
    return (
        <div class="training">
            {/* the sentence changes with the state only, so that it is read out once */}
            <p role="status">
                <span class={`dot ${training.state}`} aria-hidden="true" />
                {t(`train.state.${training.state}`)}
            </p>
            {training.state === 'running' && (
                <>
                    <progress max={1} value={training.done ?? 0} aria-label={t('train.progress')} />
                    <p class="muted small">
                        {percent(training.done ?? 0)}{' '}
                        <span lang="en">
                            {[training.stage, training.detail].filter(Boolean).join(' · ')}
                        </span>
                    </p>
                </>
            )}
            {training.state === 'done' && training.finished && (
                <p class="muted small">{t('train.finished', { time: time(training.finished) })}</p>
            )}
            {training.state === 'failed' && training.error && (
                <p class="failure" lang="en">
                    {training.error}
                    {training.hint && <> ({training.hint})</>}
                </p>
            )}
        </div>
    );
}

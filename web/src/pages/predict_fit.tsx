// A table is chosen, its target named, the fit started; its progress is that of all training.
import { useEffect, useState } from 'preact/hooks';
import { call } from '../api/client';
import { useI18n } from '../i18n';
import { refreshStats, stats } from '../live';
import { useValue } from '../observable';
import { href } from '../router';
import { useAction } from '../ui/action';
import { Failure } from '../ui/notes';
import { Panel } from '../ui/panel';
import { TrainingState } from '../ui/train';
import { header, nameAfter } from './predict_header';

const HEAD_BYTES = 1 << 18;

interface Draft {
    file: File | null;
    columns: string[];
    target: string;
    name: string;
    fairness: string;
    /** Names of columns with commas between. */
    drop: string;
    allowLeak: string;
}

const EMPTY: Draft = {
    file: null,
    columns: [],
    target: '',
    name: '',
    fairness: '',
    drop: '',
    allowLeak: '',
};

async function choose(file: File | null): Promise<Draft> {
    if (!file) return EMPTY;
    const columns = header(await file.slice(0, HEAD_BYTES).text());
    return { ...EMPTY, file, columns, target: columns.at(-1) ?? '', name: nameAfter(file.name) };
}

/** Goes to the model once the fit that was started here is done. */
function useArrival(): (name: string) => void {
    const training = useValue(stats)?.training;
    const [awaited, setAwaited] = useState<{ name: string; before: string | null } | null>(null);

    useEffect(() => {
        if (!awaited || !training || training.finished === awaited.before) return;
        if (training.state !== 'done' && training.state !== 'failed') return;
        setAwaited(null);
        if (training.state === 'done') location.hash = href('predict', awaited.name);
    }, [awaited, training]);
    return (name) => setAwaited({ name, before: training?.finished ?? null });
}

function Choice({
    id,
    label,
    value,
    options,
    choose: take,
}: {
    id: string;
    label: string;
    value: string;
    options: readonly (readonly [string, string])[];
    choose: (value: string) => void;
}) {
    return (
        <>
            <label for={id}>{label}</label>
            <select id={id} value={value} onChange={(event) => take(event.currentTarget.value)}>
                {options.map(([one, words]) => (
                    <option key={one} value={one}>
                        {words}
                    </option>
                ))}
            </select>
        </>
    );
}

function Columns({
    id,
    label,
    value,
    say,
}: {
    id: string;
    label: string;
    value: string;
    say: (value: string) => void;
}) {
    return (
        <>
            <label for={id}>{label}</label>
            <input
                id={id}
                value={value}
                placeholder="a,b"
                onInput={(event) => say(event.currentTarget.value)}
            />
        </>
    );
}

export function Fit() {
    const { t } = useI18n();
    const [draft, setDraft] = useState<Draft>(EMPTY);
    const action = useAction<unknown>();
    const arrive = useArrival();
    const running = useValue(stats)?.training.state === 'running';
    const ready = draft.file !== null && draft.target !== '' && draft.name !== '';
    const named = draft.columns.map((column) => [column, column] as const);

    function start() {
        const { file, target, name, fairness, drop, allowLeak } = draft;
        if (!file || !ready || running || action.busy) return;
        action.run(async () => {
            arrive(name);
            await call('/v1/predict/fit', {
                method: 'POST',
                query: {
                    name,
                    target,
                    source: file.name,
                    ...(fairness && { fairness }),
                    ...(drop && { drop }),
                    ...(allowLeak && { allow_leak: allowLeak }),
                },
                table: file,
            });
            refreshStats();
        });
    }

    return (
        <Panel title={t('predict.fit')}>
            <p class="muted">{t('predict.fitHow')}</p>
            <form
                class="picker"
                onSubmit={(event) => {
                    event.preventDefault();
                    start();
                }}
            >
                <label for="predict-file">{t('predict.file')}</label>
                <input
                    id="predict-file"
                    type="file"
                    accept=".csv,.tsv,.txt,text/csv"
                    onChange={(event) =>
                        void choose(event.currentTarget.files?.[0] ?? null).then(setDraft)
                    }
                />
                {draft.file && (
                    <>
                        <Choice
                            id="predict-target"
                            label={t('predict.target')}
                            value={draft.target}
                            options={named}
                            choose={(target) => setDraft({ ...draft, target })}
                        />
                        <Choice
                            id="predict-fairness"
                            label={t('predict.fairnessOf')}
                            value={draft.fairness}
                            options={[['', t('predict.nobody')], ...named]}
                            choose={(fairness) => setDraft({ ...draft, fairness })}
                        />
                        <Columns
                            id="predict-drop"
                            label={t('predict.drop')}
                            value={draft.drop}
                            say={(drop) => setDraft({ ...draft, drop })}
                        />
                        <Columns
                            id="predict-allow-leak"
                            label={t('predict.allowLeak')}
                            value={draft.allowLeak}
                            say={(allowLeak) => setDraft({ ...draft, allowLeak })}
                        />
                        <label for="predict-name">{t('predict.name')}</label>
                        <input
                            id="predict-name"
                            value={draft.name}
                            maxLength={48}
                            onInput={(event) =>
                                setDraft({ ...draft, name: event.currentTarget.value })
                            }
                        />
                    </>
                )}
                <button
                    type="submit"
                    class="primary"
                    aria-disabled={!ready || running || action.busy}
                >
                    {running ? t('train.running') : t('predict.start')}
                </button>
            </form>
            {action.error && <Failure error={action.error} />}
            <TrainingState />
        </Panel>
    );
}

// The form that asks a question: each view has the fields its report needs.
import { useState } from 'preact/hooks';
import { useI18n } from '../i18n';
import { href } from '../router';
import { DAYS, EVERY, type Every, type Question } from './insight_question';

interface ChoiceProps<T extends string | number> {
    id: string;
    label: string;
    value: T;
    options: readonly (readonly [T, string])[];
    choose: (value: string) => void;
}

function Choice<T extends string | number>({ id, label, value, options, choose }: ChoiceProps<T>) {
    return (
        <>
            <label for={id}>{label}</label>
            <select id={id} value={value} onChange={(event) => choose(event.currentTarget.value)}>
                {options.map(([one, words]) => (
                    <option key={one} value={one}>
                        {words}
                    </option>
                ))}
            </select>
        </>
    );
}

interface FieldProps {
    id: string;
    label: string;
    value: string;
    hint?: string;
    say: (value: string) => void;
}

function Field({ id, label, value, hint, say }: FieldProps) {
    return (
        <>
            <label for={id}>{label}</label>
            <input
                id={id}
                value={value}
                placeholder={hint}
                onInput={(event) => say(event.currentTarget.value)}
            />
        </>
    );
}

export function InsightForm({ asked, kinds }: { asked: Question; kinds: readonly string[] }) {
    const { t, plural } = useI18n();
    const [draft, setDraft] = useState(asked);
    const set = (change: Partial<Question>) => setDraft((old) => ({ ...old, ...change }));
    const { report } = draft;

    return (
        <form
            class="picker"
            onSubmit={(event) => {
                event.preventDefault();
                location.hash = href('insights', JSON.stringify(draft));
            }}
        >
            <Choice
                id="insight-days"
                label={t('insights.range')}
                value={draft.days}
                options={DAYS.map((days) => [days, plural('insights.days', days)] as const)}
                choose={(value) => set({ days: Number(value) })}
            />
            {report !== 'funnel' && report !== 'breakdown' && (
                <Choice
                    id="insight-every"
                    label={t('insights.every')}
                    value={draft.every}
                    options={EVERY.map((one) => [one, t(`insights.every.${one}`)] as const)}
                    choose={(value) => set({ every: value as Every })}
                />
            )}
            {report !== 'sessions' && (
                <Field
                    id="insight-kinds"
                    label={t(`insights.kinds.${report}`)}
                    value={draft.kinds}
                    hint={kinds.slice(0, 3).join(', ')}
                    say={(value) => set({ kinds: value })}
                />
            )}
            {report === 'breakdown' && (
                <Field
                    id="insight-property"
                    label={t('insights.property')}
                    value={draft.property}
                    say={(property) => set({ property })}
                />
            )}
            {report === 'funnel' && (
                <Field
                    id="insight-within"
                    label={t('insights.within')}
                    value={draft.within}
                    hint="7d"
                    say={(within) => set({ within })}
                />
            )}
            {report === 'sessions' && (
                <Field
                    id="insight-gap"
                    label={t('insights.gap')}
                    value={draft.gap}
                    hint="30m"
                    say={(gap) => set({ gap })}
                />
            )}
            <button type="submit" class="primary">
                {t('insights.show')}
            </button>
            <p class="muted">
                {t('insights.known', { kinds: kinds.join(t('list.separator')) || '–' })}
            </p>
        </form>
    );
}

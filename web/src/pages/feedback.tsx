// Which event the "record" buttons send: a view, or a rating with its value.
import { useI18n } from '../i18n';

export interface Feedback {
    kind: 'view' | 'rating';
    /** Stars; sent with a rating only. */
    value: number;
}

const KINDS = ['view', 'rating'] as const;
const STARS = [5, 4.5, 4, 3.5, 3, 2.5, 2, 1.5, 1, 0.5];

export function FeedbackForm({
    value,
    change,
}: {
    value: Feedback;
    change: (next: Feedback) => void;
}) {
    const { t, number } = useI18n();

    return (
        <fieldset class="feedback">
            <legend>{t('feedback.legend')}</legend>
            {KINDS.map((kind) => (
                <label key={kind}>
                    <input
                        type="radio"
                        name="feedback-kind"
                        checked={value.kind === kind}
                        onChange={() => change({ ...value, kind })}
                    />{' '}
                    {t(`feedback.${kind}`)}
                </label>
            ))}
            {value.kind === 'rating' && (
                <label>
                    {t('feedback.value')}{' '}
                    <select
                        value={String(value.value)}
                        onChange={(event) =>
                            change({ ...value, value: Number(event.currentTarget.value) })
                        }
                    >
                        {STARS.map((stars) => (
                            <option key={stars} value={String(stars)}>
                                {number(stars, 1)}
                            </option>
                        ))}
                    </select>
                </label>
            )}
        </fieldset>
    );
}

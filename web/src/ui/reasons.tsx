// Why an item was recommended: each cause with its share of the score.
import type { Reason } from '../api/types';
import { useI18n } from '../i18n';

export function Reasons({ reasons }: { reasons: readonly Reason[] }) {
    const { t, percent } = useI18n();

    if (!reasons.length) return <p class="muted small">{t('reason.none')}</p>;
    return (
        <ul class="reasons">
            {reasons.map((reason, i) => (
                <li key={i}>
                    <span>
                        {reason.kind !== 'event'
                            ? t(`reason.${reason.kind}`)
                            : t('reason.because', { title: reason.title ?? reason.item ?? '' })}
                    </span>{' '}
                    <span class="share" title={reason.exact ? undefined : t('reason.estimate')}>
                        {!reason.exact && <span aria-label={t('reason.estimate')}>≈ </span>}
                        {percent(reason.share)}
                    </span>
                </li>
            ))}
        </ul>
    );
}

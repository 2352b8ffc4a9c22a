// Why an item was chosen: each cause with its share of the score. Of a prediction: its columns.
import type { Reason } from '../api/types';
import { type I18n, useI18n } from '../i18n';

function words({ t, figure }: I18n, reason: Reason): string {
    switch (reason.kind) {
        case 'event':
            return t('reason.because', { title: reason.title ?? reason.item ?? '' });
        case 'column':
            return t('reason.column', {
                name: reason.name ?? '',
                value: reason.value ?? '–',
                attribution: `${(reason.attribution ?? 0) < 0 ? '−' : '+'}${figure(Math.abs(reason.attribution ?? 0))}`,
            });
        default:
            return t(`reason.${reason.kind}`);
    }
}

export function Reasons({ reasons }: { reasons: readonly Reason[] }) {
    const i18n = useI18n();
    const { t, percent } = i18n;

    if (!reasons.length) return <p class="muted small">{t('reason.none')}</p>;
    return (
        <ul class="reasons">
            {reasons.map((reason, i) => (
                <li key={i}>
                    <span>{words(i18n, reason)}</span>{' '}
                    <span class="share" title={reason.exact ? undefined : t('reason.estimate')}>
                        {!reason.exact && <span aria-label={t('reason.estimate')}>≈ </span>}
                        {percent(reason.share)}
                    </span>
                </li>
            ))}
        </ul>
    );
}

// What a surface shows: the items in order, each with its causes and the rules that moved it.
import type { ComponentChildren } from 'preact';
import type { SurfaceCause, SurfaceItem } from '../api/types';
import { type I18n, useI18n } from '../i18n';
import { href } from '../router';

function cause({ t }: I18n, why: SurfaceCause): string {
    switch (why.kind) {
        case 'event':
            return t('reason.because', { title: why.title || why.item || '' });
        case 'rule':
            return t(why.made_way ? 'slate.madeWay' : 'slate.rule', { rule: why.rule ?? '' });
        case 'explore':
            return t('slate.explore');
        case 'popular':
            return t('reason.popular');
        case 'no_consent':
            return t('reason.no_consent');
        default: // of a newer server
            return why.kind;
    }
}

/** Each with its share of the score, where it has one. */
export function Causes({ causes }: { causes: readonly SurfaceCause[] }) {
    const i18n = useI18n();
    const { t, percent } = i18n;

    return (
        <ul class="reasons">
            {causes.map((why, i) => (
                <li key={i}>
                    <span>{cause(i18n, why)}</span>{' '}
                    {why.share !== undefined && (
                        <span class="share" title={why.exact ? undefined : t('reason.estimate')}>
                            {!why.exact && <span aria-label={t('reason.estimate')}>≈ </span>}
                            {percent(why.share)}
                        </span>
                    )}
                </li>
            ))}
        </ul>
    );
}

export function Slate({
    items,
    label,
    action,
}: {
    items: readonly SurfaceItem[];
    label: string;
    action?: (item: SurfaceItem) => ComponentChildren;
}) {
    const i18n = useI18n();
    const { t, name, number } = i18n;

    return (
        <ol class="slate" aria-label={label}>
            {items.map((item) => (
                <li key={item.id}>
                    <div>
                        <p class="item-title">
                            <a href={href('recommend', `item/${item.id}`)}>
                                {item.title || item.id}
                            </a>
                        </p>
                        <Causes causes={item.why} />
                        <p class="muted small">
                            {t('slate.from', {
                                source: name('model', item.source),
                                score: number(item.score, 3),
                            })}
                        </p>
                    </div>
                    {action?.(item)}
                </li>
            ))}
        </ol>
    );
}

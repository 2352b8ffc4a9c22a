// The recommender: who serves and why, what was shown, the rules, one item.
import { useI18n } from '../i18n';
import { href } from '../router';
import { ItemPage } from './recommend_item';
import { Ladder } from './recommend_ladder';
import { Rules } from './recommend_rules';
import { Shown } from './recommend_shown';

const VIEWS = ['ladder', 'shown', 'rules', 'item'] as const;
type View = (typeof VIEWS)[number];

/** "rules/home" is view "rules" of "home". */
function read(id: string | null): { view: View; of: string | null } {
    const [name = '', ...rest] = (id ?? '').split('/');
    return { view: VIEWS.find((view) => view === name) ?? 'ladder', of: rest.join('/') || null };
}

export function Recommend({ id }: { id: string | null }) {
    const { t } = useI18n();
    const { view, of } = read(id);

    return (
        <>
            <ul class="views" aria-label={t('recommend.views')}>
                {VIEWS.map((name) => (
                    <li key={name}>
                        <a
                            href={href('recommend', name)}
                            aria-current={name === view ? 'page' : undefined}
                        >
                            {t(`recommend.view.${name}`)}
                        </a>
                    </li>
                ))}
            </ul>
            {view === 'ladder' && <Ladder />}
            {view === 'shown' && <Shown surface={of} />}
            {view === 'rules' && <Rules surface={of} />}
            {view === 'item' && <ItemPage id={of} />}
        </>
    );
}

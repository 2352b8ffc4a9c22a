// What is happening now: events per second, totals, training.
import { RateChart } from '../charts/rate';
import { useI18n } from '../i18n';
import { stats } from '../live';
import { useValue } from '../observable';
import { href } from '../router';
import { Empty, Loading } from '../ui/notes';
import { Panel } from '../ui/panel';
import { TrainButton, TrainingState } from '../ui/train';

function FirstEvents() {
    const { t } = useI18n();
    const example = [
        `curl -X POST ${location.origin}/v1/events \\`,
        `  -H 'Authorization: Bearer KEY' \\`,
        `  -d '{"user":"u1","kind":"view","item":"i1"}'`,
    ].join('\n');

    return (
        <Empty title={t('overview.empty')}>
            <p>{t('overview.emptyNext')}</p>
            <pre tabIndex={0}>
                <code>{example}</code>
            </pre>
            <p>
                {t('overview.emptyFile')} <code>treadle import events.jsonl</code>
            </p>
        </Empty>
    );
}

function Totals() {
    const { t, number } = useI18n();
    const live = useValue(stats);

    if (!live) return null;
    const figures = [
        [t('total.events'), live.events.total],
        [t('total.duplicates'), live.events.duplicates],
        [t('total.users'), live.users],
        [t('total.items'), live.items],
        [t('total.decisions'), live.decisions],
        [t('total.rewards'), live.rewards],
    ] as const;
    return (
        <dl class="totals">
            {figures.map(([label, n]) => (
                <div key={label}>
                    <dt>{label}</dt>
                    <dd>{number(n)}</dd>
                </div>
            ))}
        </dl>
    );
}

export function Overview() {
    const { t } = useI18n();
    const live = useValue(stats);

    if (!live) return <Loading />;
    return (
        <>
            <Totals />
            {live.events.total === 0 && <FirstEvents />}
            <div class="columns wide-first">
                <Panel title={t('rate.title')}>
                    <RateChart perSecond={live.events.per_second} />
                </Panel>
                <Panel title={t('train.title')} aside={<TrainButton />}>
                    <TrainingState />
                    {live.training.state === 'idle' && (
                        <p class="muted">
                            {live.events.total === 0 ? t('train.needEvents') : t('train.explain')}
                        </p>
                    )}
                    <p>
                        <a href={href('models')}>{t('train.toModels')}</a>
                    </p>
                </Panel>
            </div>
        </>
    );
}

// What each model alone would have earned, by the log; and what is learnt with every event.
import { IntervalPlot } from '../charts/intervals';
import type { ShownReport, ShownSurface } from '../api/types';
import { useI18n } from '../i18n';
import { Panel } from '../ui/panel';
import { Head, Table } from '../ui/table';

export function Alone({ shown }: { shown: ShownSurface }) {
    const i18n = useI18n();
    const { t, name, number } = i18n;
    const missing = shown.what_if_missing;

    return (
        <Panel title={t('alone.title')}>
            {missing && <p class="muted">{t(`alone.missing.${missing}`)}</p>}
            {!missing && (
                <>
                    <p class="muted">{t('alone.how')}</p>
                    <IntervalPlot
                        title={t('alone.value')}
                        name={`treadle-what-if-${shown.surface ?? 'plain'}`}
                        rows={shown.what_if.map((one) => ({
                            label: name('model', one.model),
                            value: Math.max(one.value, 0),
                            low: Math.max(one.low, 0),
                            high: Math.max(one.high, 0),
                            promoted: false,
                        }))}
                    />
                    <Table
                        caption={t('alone.title')}
                        head={
                            <>
                                <Head>{t('alone.model')}</Head>
                                <Head number>{t('alone.value')}</Head>
                                <Head number>{t('alone.earned')}</Head>
                                <Head number>{t('alone.slots')}</Head>
                                <Head number>{t('alone.effective')}</Head>
                                <Head>{t('alone.verdict')}</Head>
                            </>
                        }
                    >
                        {shown.what_if.map((one) => (
                            <tr key={one.model}>
                                <th scope="row">{name('model', one.model)}</th>
                                <td class="number">
                                    {t('shown.rate', {
                                        rate: number(one.value, 4),
                                        low: number(one.low, 4),
                                        high: number(one.high, 4),
                                    })}
                                </td>
                                <td class="number">{number(one.earned, 4)}</td>
                                <td class="number">{number(one.slots)}</td>
                                <td class="number">{number(one.effective_slots, 0)}</td>
                                <td>{t(`alone.verdict.${one.verdict}`)}</td>
                            </tr>
                        ))}
                    </Table>
                </>
            )}
        </Panel>
    );
}

export function LiveCounts({ report }: { report: ShownReport }) {
    const { t, number, bytes } = useI18n();
    const { live } = report;
    const facts = [
        [t('counts.people'), number(live.people)],
        [t('counts.items'), number(live.items)],
        [t('counts.taken'), number(live.taken)],
        [t('counts.robots'), number(live.robots)],
        [t('counts.future'), number(live.of_the_future)],
        [t('counts.crowded'), number(live.crowded_out)],
        [t('counts.lost'), number(live.lost)],
        [t('counts.rings'), bytes(live.ring_bytes)],
        [t('counts.popular'), bytes(live.popular_bytes)],
        [t('counts.directed'), bytes(live.directed_bytes)],
    ] as const;

    return (
        <Panel title={t('counts.title')}>
            <p class="muted">{t('counts.how')}</p>
            <dl class="facts">
                {facts.map(([label, value]) => (
                    <div key={label}>
                        <dt>{label}</dt>
                        <dd>{value}</dd>
                    </div>
                ))}
            </dl>
        </Panel>
    );
}

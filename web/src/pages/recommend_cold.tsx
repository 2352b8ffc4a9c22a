// How much of the catalogue is shown, and how those fare of whom little is known: items and persons.
import { BarPlot } from '../charts/bars';
import { IntervalPlot } from '../charts/intervals';
import type { ShownReport, ShownSurface } from '../api/types';
import { useI18n } from '../i18n';
import { Panel } from '../ui/panel';
import { Head, Table } from '../ui/table';
import { asInterval, rateWords } from './recommend_shown';

export function CatalogueCoverage({ shown, report }: { shown: ShownSurface; report: ShownReport }) {
    const { t, number, percent } = useI18n();
    const { catalogue } = report;
    const of = (n: number) =>
        catalogue.items ? `${number(n)} (${percent(n / catalogue.items)})` : number(n);
    const facts = [
        [t('cold.items'), number(catalogue.items)],
        [t('cold.available'), of(catalogue.available)],
        [t('cold.described'), of(catalogue.described)],
        [t('cold.price'), of(catalogue.with_price)],
        [t('cold.category'), of(catalogue.with_category)],
        [t('cold.image'), of(catalogue.with_image)],
        [t('cold.deleted'), number(catalogue.deleted)],
    ] as const;

    return (
        <Panel title={t('cold.catalogue')}>
            <dl class="facts">
                {facts.map(([label, value]) => (
                    <div key={label}>
                        <dt>{label}</dt>
                        <dd>{value}</dd>
                    </div>
                ))}
            </dl>
            <BarPlot
                title={t('cold.shareShown')}
                name={`treadle-coverage-${shown.surface ?? 'plain'}`}
                bars={shown.item_classes
                    .filter(({ items }) => items > 0)
                    .map(({ users, items, shown: n }) => ({
                        label: t('cold.users', { n: users }),
                        value: n / items,
                    }))}
            />
        </Panel>
    );
}

export function ColdStart({ shown }: { shown: ShownSurface }) {
    const i18n = useI18n();
    const { t, number, percent } = i18n;

    return (
        <Panel title={t('cold.title')}>
            <p class="muted">{t('cold.how')}</p>
            <div class="columns">
                <IntervalPlot
                    title={t('cold.byItem')}
                    name={`treadle-cold-items-${shown.surface ?? 'plain'}`}
                    field="users"
                    rows={shown.item_classes.flatMap((one) =>
                        asInterval(t('cold.users', { n: one.users }), one),
                    )}
                />
            </div>
            <Table
                caption={t('cold.title')}
                head={
                    <>
                        <Head>{t('cold.class')}</Head>
                        <Head number>{t('cold.items')}</Head>
                        <Head number>{t('cold.shown')}</Head>
                        <Head number>{t('shown.share')}</Head>
                        <Head number>{t('shown.success')}</Head>
                    </>
                }
            >
                {shown.item_classes.map((one) => (
                    <tr key={one.users}>
                        <th scope="row">{t('cold.users', { n: one.users })}</th>
                        <td class="number">{number(one.items)}</td>
                        <td class="number">{number(one.shown)}</td>
                        <td class="number">{one.share === null ? '–' : percent(one.share)}</td>
                        <td class="number">{rateWords(i18n, one)}</td>
                    </tr>
                ))}
            </Table>
        </Panel>
    );
}

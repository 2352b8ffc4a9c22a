// Who gets what of the places there are: people by a trait, items by seller and by category.
import { BarPlot } from '../charts/bars';
import { IntervalPlot } from '../charts/intervals';
import type { ShownOwner, ShownReport, ShownSurface } from '../api/types';
import { type I18n, useI18n } from '../i18n';
import { Panel } from '../ui/panel';
import { Head, Table } from '../ui/table';
import { asInterval, rateWords } from './recommend_shown';

const share = ({ percent }: I18n, x: number | null) => (x === null ? '–' : percent(x));

function Traits({ shown, trait }: { shown: ShownSurface; trait: string }) {
    const i18n = useI18n();
    const { t, number } = i18n;
    const label = (value: string | null) => value ?? t('fair.notSaid');

    if (!shown.traits.length) return <p class="muted">{t('fair.nobodySays', { trait })}</p>;
    return (
        <>
            <p>
                {shown.trait_parity === null
                    ? t('fair.noParity')
                    : t('fair.parity', { trait, parity: number(shown.trait_parity, 2) })}
            </p>
            <IntervalPlot
                title={t('fair.byTrait', { trait })}
                name={`treadle-trait-${shown.surface ?? 'plain'}`}
                field={trait}
                rows={shown.traits.flatMap((one) => asInterval(label(one.value), one))}
            />
            <Table
                caption={t('fair.byTrait', { trait })}
                head={
                    <>
                        <Head>{trait}</Head>
                        <Head number>{t('shown.answers')}</Head>
                        <Head number>{t('shown.success')}</Head>
                        <Head number>{t('shown.slots')}</Head>
                        <Head number>{t('shown.coverage')}</Head>
                    </>
                }
            >
                {shown.traits.map((one) => (
                    <tr key={one.value}>
                        <th scope="row">{label(one.value)}</th>
                        <td class="number">{number(one.n)}</td>
                        <td class="number">{rateWords(i18n, one)}</td>
                        <td class="number">{number(one.slots)}</td>
                        <td class="number">{share(i18n, one.coverage)}</td>
                    </tr>
                ))}
            </Table>
        </>
    );
}

function Owners({ title, name, owners }: { title: string; name: string; owners: readonly ShownOwner[] }) {
    const i18n = useI18n();
    const { t, number } = i18n;
    const label = (value: string | null) => value ?? t('fair.others');

    if (!owners.length) return null;
    return (
        <>
            <BarPlot
                title={title}
                name={name}
                bars={owners.map((one) => ({ label: label(one.value), value: one.share ?? 0 }))}
            />
            <Table
                caption={title}
                head={
                    <>
                        <Head>{t('fair.owner')}</Head>
                        <Head number>{t('cold.items')}</Head>
                        <Head number>{t('fair.ofItems')}</Head>
                        <Head number>{t('shown.slots')}</Head>
                        <Head number>{t('fair.ofSlots')}</Head>
                        <Head number>{t('shown.success')}</Head>
                    </>
                }
            >
                {owners.map((one) => (
                    <tr key={one.value}>
                        <th scope="row">{label(one.value)}</th>
                        <td class="number">{number(one.items)}</td>
                        <td class="number">{share(i18n, one.share_of_items)}</td>
                        <td class="number">{number(one.n)}</td>
                        <td class="number">{share(i18n, one.share)}</td>
                        <td class="number">{rateWords(i18n, one)}</td>
                    </tr>
                ))}
            </Table>
        </>
    );
}

export function Fair({ shown, report }: { shown: ShownSurface; report: ShownReport }) {
    const { t } = useI18n();
    const file = shown.surface ?? 'plain';

    return (
        <Panel title={t('fair.title')}>
            {report.trait === null ? (
                <p class="muted">{t('fair.noTrait')}</p>
            ) : (
                <Traits shown={shown} trait={report.trait} />
            )}
            <Owners
                title={t('fair.bySeller')}
                name={`treadle-sellers-${file}`}
                owners={shown.sellers}
            />
            <Owners
                title={t('fair.byCategory')}
                name={`treadle-categories-${file}`}
                owners={shown.categories}
            />
        </Panel>
    );
}

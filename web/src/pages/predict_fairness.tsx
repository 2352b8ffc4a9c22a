// For whom a model is worse: its rates by group, and whether their differences are evidence.
import type { Card } from '../api/types';
import { useI18n } from '../i18n';
import { Panel } from '../ui/panel';
import { Head, Table } from '../ui/table';

type Figures = Record<string, unknown>;

interface Audit {
    column: string;
    groups: Figures[];
    pairs: Figures[];
}

const objects = (x: unknown): Figures[] =>
    Array.isArray(x) ? x.filter((one): one is Figures => typeof one === 'object' && one !== null) : [];

/** The card keeps an audit for each column; what is no audit is passed over. */
export function auditsOf(card: Card): Audit[] {
    const list = Array.isArray(card.fairness) ? card.fairness : [card.fairness];
    return objects(list).flatMap((entry) => {
        const audit = (entry.audit ?? entry) as Figures;
        const groups = objects(audit.groups);
        if (!groups.length) return [];
        return [{ column: String(entry.column ?? ''), groups, pairs: objects(audit.pairs) }];
    });
}

const isFigure = ([, value]: [string, unknown]) => typeof value === 'number';

function Groups({ audit }: { audit: Audit }) {
    const { t, number, name } = useI18n();
    const figures = [
        ...new Set(
            audit.groups.flatMap((group) =>
                Object.entries(group)
                    .filter(isFigure)
                    .map(([key]) => key),
            ),
        ),
    ].filter((key) => key !== 'n');

    return (
        <Table
            caption={t('predict.groupsOf', { column: audit.column })}
            captionShown
            head={
                <>
                    <Head>{t('predict.group')}</Head>
                    <Head number>{t('predict.rows')}</Head>
                    {figures.map((key) => (
                        <Head key={key} number>
                            {name('measure', key)}
                        </Head>
                    ))}
                </>
            }
        >
            {audit.groups.map((group) => (
                <tr key={String(group.group)}>
                    <th scope="row">{String(group.group)}</th>
                    <td class="number">{typeof group.n === 'number' ? number(group.n) : '–'}</td>
                    {figures.map((key) => {
                        const value = group[key];
                        return (
                            <td key={key} class="number">
                                {typeof value === 'number' ? number(value, 3) : '–'}
                            </td>
                        );
                    })}
                </tr>
            ))}
        </Table>
    );
}

function Differences({ audit }: { audit: Audit }) {
    const { t, number, name } = useI18n();
    const rows = audit.pairs.flatMap((pair) =>
        Object.entries(pair).flatMap(([measure, found]) => {
            if (typeof found !== 'object' || found === null || !('verdict' in found)) return [];
            const { difference, low, high, verdict } = found as Figures;
            const said = (x: unknown) => (typeof x === 'number' ? number(x, 3) : '–');
            return [
                <tr key={`${String(pair.a)} ${String(pair.b)} ${measure}`}>
                    <th scope="row">
                        {String(pair.a)} − {String(pair.b)}
                    </th>
                    <td>{name('measure', measure)}</td>
                    <td class="number">{said(difference)}</td>
                    <td class="number nowrap">
                        {said(low)} … {said(high)}
                    </td>
                    <td>{name('verdict', String(verdict))}</td>
                </tr>,
            ];
        }),
    );

    if (!rows.length) return null;
    return (
        <Table
            caption={t('predict.differencesOf', { column: audit.column })}
            captionShown
            head={
                <>
                    <Head>{t('predict.groups')}</Head>
                    <Head>{t('predict.measure')}</Head>
                    <Head number>{t('predict.difference')}</Head>
                    <Head number>{t('predict.interval')}</Head>
                    <Head>{t('predict.evidence')}</Head>
                </>
            }
        >
            {rows}
        </Table>
    );
}

export function Fairness({ card }: { card: Card }) {
    const { t } = useI18n();
    const audits = auditsOf(card);

    if (!audits.length) return null;
    return (
        <Panel title={t('predict.fairness')}>
            <p class="muted">{t('predict.fairnessHow')}</p>
            {audits.map((audit) => (
                <div key={audit.column}>
                    <Groups audit={audit} />
                    <Differences audit={audit} />
                </div>
            ))}
        </Panel>
    );
}

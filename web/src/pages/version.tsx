// One model version: which model its training promoted and why, its interval plots and its table.
import { IntervalPlot } from '../charts/intervals';
import { type Evaluation, type Model, type Report, reportOf } from '../api/types';
import { type I18n, useI18n } from '../i18n';
import { href } from '../router';
import { Panel } from '../ui/panel';
import { Head, Table } from '../ui/table';

/** The promotion in words, from the run's own validation figures. */
function verdict({ t, name, number }: I18n, report: Report): string {
    const best = report.evaluation.find((row) => row.promoted);
    if (!best) return t('version.noPromotion');
    const others = report.evaluation.filter((row) => row !== best);
    const next = others.reduce<Evaluation | null>(
        (top, row) => (top && top.validation_ndcg10 >= row.validation_ndcg10 ? top : row),
        null,
    );
    const values = {
        model: name('model', best.model),
        value: number(best.validation_ndcg10, 4),
        next: next ? name('model', next.model) : '',
        nextValue: next ? number(next.validation_ndcg10, 4) : '',
    };
    if (!next) return t('version.only', values);
    return next.validation_ndcg10 > best.validation_ndcg10
        ? t('version.notBest', values)
        : t('version.best', values);
}

function EvaluationTable({ report }: { report: Report }) {
    const i18n = useI18n();
    const { t, number, percent } = i18n;
    const span = (row: Evaluation, metric: 'hr10' | 'ndcg10') => (
        <td class="number nowrap">
            {number(row[metric], 4)}
            <span class="range">
                {number(row[`${metric}_low`], 4)}–{number(row[`${metric}_high`], 4)}
            </span>
        </td>
    );

    return (
        <Table
            caption={t('version.tableCaption')}
            head={
                <>
                    <Head>{t('version.model')}</Head>
                    <Head number>{t('metric.hr10')}</Head>
                    <Head number>{t('metric.ndcg10')}</Head>
                    <Head number>{t('metric.mrr')}</Head>
                    <Head number>{t('metric.coverage')}</Head>
                    <Head number>{t('metric.validationHr10')}</Head>
                    <Head number>{t('metric.validationNdcg10')}</Head>
                    <Head number>{t('metric.fit')}</Head>
                    <Head number>{t('models.size')}</Head>
                </>
            }
        >
            {report.evaluation.map((row) => (
                <tr key={row.model} class={row.promoted ? 'current' : undefined}>
                    <th scope="row">
                        <span class="nowrap">
                            {i18n.name('model', row.model)}{' '}
                            {row.promoted && (
                                <span class="badge good">{t('version.promoted')}</span>
                            )}
                        </span>
                        <Gate row={row} />
                    </th>
                    {span(row, 'hr10')}
                    {span(row, 'ndcg10')}
                    <td class="number">{number(row.mrr, 4)}</td>
                    <td class="number">{percent(row.coverage)}</td>
                    <td class="number">{number(row.validation_hr10, 4)}</td>
                    <td class="number">{number(row.validation_ndcg10, 4)}</td>
                    <td class="number nowrap">{i18n.seconds(row.fit_seconds)}</td>
                    <td class="number nowrap">{i18n.bytes(row.bytes)}</td>
                </tr>
            ))}
        </Table>
    );
}

/** Why it serves or not, by its code; of older reports the server's own sentence. */
function Gate({ row }: { row: Evaluation }) {
    const i18n = useI18n();
    const { t, name, number } = i18n;
    const { verdict, against, difference, difference_low: low, difference_high: high } = row;
    const signed = (x: number) => `${x < 0 ? '−' : '+'}${number(Math.abs(x), 4)}`;

    if (!verdict)
        return row.gate ? (
            <span class="range gate" lang="en">
                {row.gate}
            </span>
        ) : null;
    return (
        <span class="range gate">
            {against !== undefined &&
            difference !== undefined &&
            low !== undefined &&
            high !== undefined
                ? t('version.gate', {
                      against: name('model', against),
                      difference: signed(difference),
                      low: signed(low),
                      high: signed(high),
                      verdict: name('verdict', verdict),
                  })
                : name('verdict', verdict)}
        </span>
    );
}

function Facts({ model, report }: { model: Model; report: Report }) {
    const i18n = useI18n();
    const { t, number } = i18n;
    const facts = [
        [t('version.created'), i18n.time(model.created)],
        [t('total.users'), number(report.users)],
        [t('total.items'), number(report.items)],
        [t('version.interactions'), number(report.interactions)],
        [t('version.trained'), i18n.seconds(report.trained_seconds)],
        [t('version.seed'), String(report.seed)],
    ] as const;

    return (
        <dl class="facts">
            {facts.map(([label, value]) => (
                <div key={label}>
                    <dt>{label}</dt>
                    <dd>{value}</dd>
                </div>
            ))}
        </dl>
    );
}

export function Version({ model }: { model: Model }) {
    const i18n = useI18n();
    const { t } = i18n;
    const report = reportOf(model);
    const rows = (metric: 'hr10' | 'ndcg10') =>
        (report?.evaluation ?? []).map((row) => ({
            label: i18n.name('model', row.model),
            value: row[metric],
            low: row[`${metric}_low`],
            high: row[`${metric}_high`],
            promoted: row.promoted,
        }));

    return (
        <Panel
            title={model.active ? t('version.titleServing') : t('version.title')}
            aside={<code class="id">{model.version}</code>}
        >
            {model.stale_since !== null && (
                <p class="failure">
                    {t('version.stale', { time: i18n.time(model.stale_since) })}
                </p>
            )}
            {!report?.evaluation?.length ? (
                <p class="muted">{t('version.noReport')}</p>
            ) : (
                <>
                    <p class="verdict">{verdict(i18n, report)}</p>
                    <Facts model={model} report={report} />
                    <div class="columns">
                        {(['hr10', 'ndcg10'] as const).map((metric) => (
                            <IntervalPlot
                                key={metric}
                                title={t('interval.title', { metric: t(`metric.${metric}`) })}
                                name={`treadle-${metric}`}
                                rows={rows(metric)}
                            />
                        ))}
                    </div>
                    <EvaluationTable report={report} />
                    <p>
                        <a href={href('runs', model.version)}>{t('version.toRun')}</a>
                    </p>
                    <p class="muted small">
                        {t('version.protocol')}{' '}
                        {report.protocol.startsWith('leave-last-out') ? (
                            t('version.protocolLoo')
                        ) : (
                            <span lang="en">{report.protocol}</span>
                        )}
                    </p>
                </>
            )}
        </Panel>
    );
}

// What a report found: columns over time, steps of a funnel, cohorts, values. All from one table.
import type { InsightQuery, InsightTable } from '../api/types';
import { ColumnChart } from '../charts/columns';
import { ExportButtons } from '../charts/export';
import type { Row } from '../charts/formats';
import { useI18n } from '../i18n';
import { Empty } from '../ui/notes';
import { Head, Table } from '../ui/table';
import { bars, cohorts, objects, overTime } from './insight_exports';

type Cell = string | number | null;
type Day = (time: string) => string;

/** The beginning of a period, by the clock that the query named. */
function useDay({ zone_minutes = 0, every }: InsightQuery): Day {
    const { locale } = useI18n();
    const format = new Intl.DateTimeFormat(locale, {
        dateStyle: 'medium',
        ...(every === 'hour' && { timeStyle: 'short' }),
        timeZone: 'UTC',
    });
    return (time) => format.format(new Date(Date.parse(time) + zone_minutes * 60_000));
}

function Trend({ table, day }: { table: InsightTable; day: Day }) {
    const { t, name } = useI18n();
    const rows = objects(table);
    const kinds = [...new Set(rows.map((row) => String(row.kind)))];

    return (
        <div class="charts">
            {kinds.flatMap((kind) =>
                (['events', 'persons'] as const).map((figure) => {
                    const own = rows.filter((row) => row.kind === kind);
                    const title = `${name('kind', kind)} · ${t(`insights.${figure}`)}`;
                    return (
                        <ColumnChart
                            key={title}
                            title={title}
                            day={day}
                            columns={own.map((row) => ({
                                time: String(row.period),
                                value: Number(row[figure]),
                            }))}
                            what={() => overTime(`${kind}-${figure}`, own, figure)}
                        />
                    );
                }),
            )}
        </div>
    );
}

type Figure = 'sessions' | 'median_seconds' | 'events_per_session' | 'persons' | 'new_persons';

function Figures({ table, day, figures }: { table: InsightTable; day: Day; figures: Figure[] }) {
    const { t } = useI18n();
    const rows = objects(table);

    return (
        <div class="charts">
            {figures.map((figure) => (
                <ColumnChart
                    key={figure}
                    title={t(`insights.${figure}`)}
                    day={day}
                    columns={rows.map((row) => ({
                        time: String(row.period),
                        value: Number(row[figure] ?? 0),
                    }))}
                    what={() => overTime(figure, rows, figure)}
                />
            ))}
        </div>
    );
}

function Users({ table, day }: { table: InsightTable; day: Day }) {
    const { plural } = useI18n();
    const all = objects(table).reduce((sum, row) => sum + Number(row.new_persons), 0);

    return (
        <>
            <p>{plural('insights.unique', all)}</p>
            <Figures table={table} day={day} figures={['persons', 'new_persons']} />
        </>
    );
}

/** A share of the whole as a bar behind the figure. */
function Bar({ share }: { share: number }) {
    return (
        <svg class="bar-cell" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
            <rect width={Math.max(0, Math.min(1, share)) * 100} height="10" />
        </svg>
    );
}

function Funnel({ table }: { table: InsightTable }) {
    const { t, name, number, percent, seconds } = useI18n();
    const rows = objects(table);
    const took = rows.at(-1)?.median_seconds;

    return (
        <>
            <Table
                caption={t('insights.report.funnel')}
                head={
                    <>
                        <Head>{t('insights.step')}</Head>
                        <Head number>{t('insights.persons')}</Head>
                        <Head number>{t('insights.ofFirst')}</Head>
                        <Head number>{t('insights.ofFormer')}</Head>
                        <Head>{t('insights.share')}</Head>
                    </>
                }
            >
                {rows.map((row) => (
                    <tr key={String(row.step)}>
                        <th scope="row">
                            {number(Number(row.step))}. {name('kind', String(row.kind))}
                        </th>
                        <td class="number">{number(Number(row.persons))}</td>
                        <td class="number">
                            {row.share_of_first === null ? '–' : percent(Number(row.share_of_first))}
                        </td>
                        <td class="number">
                            {row.share_of_former === null ? '–' : percent(Number(row.share_of_former))}
                        </td>
                        <td class="wide">
                            <Bar share={Number(row.share_of_first ?? 0)} />
                        </td>
                    </tr>
                ))}
            </Table>
            {typeof took === 'number' && (
                <p class="muted">{t('insights.took', { time: seconds(took) })}</p>
            )}
            <ExportButtons
                title={t('insights.report.funnel')}
                what={() => bars('funnel', rows, 'kind', 'persons')}
            />
        </>
    );
}

function Breakdown({ table }: { table: InsightTable }) {
    const { t, number } = useI18n();
    const rows = objects(table);
    const most = Math.max(1, ...rows.map((row) => Number(row.events)));

    return (
        <>
            <Table
                caption={t('insights.report.breakdown')}
                head={
                    <>
                        <Head>{t('insights.value')}</Head>
                        <Head number>{t('insights.events')}</Head>
                        <Head number>{t('insights.persons')}</Head>
                        <Head>{t('insights.share')}</Head>
                    </>
                }
            >
                {rows.map((row) => (
                    <tr key={String(row.value)}>
                        <th scope="row">{row.value ?? <i>{t('insights.none')}</i>}</th>
                        <td class="number">{number(Number(row.events))}</td>
                        <td class="number">{number(Number(row.persons))}</td>
                        <td class="wide">
                            <Bar share={Number(row.events) / most} />
                        </td>
                    </tr>
                ))}
            </Table>
            <ExportButtons
                title={t('insights.report.breakdown')}
                what={() => bars('breakdown', rows, 'value', 'events')}
            />
        </>
    );
}

function Retention({ table, day }: { table: InsightTable; day: Day }) {
    const { t, number, percent } = useI18n();
    const rows = objects(table);
    const beginnings = [...new Set(rows.map((row) => String(row.cohort)))];
    const last = Math.max(0, ...rows.map((row) => Number(row.after)));
    const at = new Map<string, Row>(rows.map((row) => [`${row.cohort} ${row.after}`, row]));
    const afters = Array.from({ length: last + 1 }, (_, i) => i);
    const cell = (cohort: string, after: number): Cell => {
        const row = at.get(`${cohort} ${after}`);
        return row ? percent(Number(row.share)) : null;
    };

    return (
        <>
            <Table
                caption={t('insights.report.retention')}
                head={
                    <>
                        <Head>{t('insights.cohort')}</Head>
                        {afters.map((after) => (
                            <Head key={after} number>
                                {t('insights.after', { n: number(after) })}
                            </Head>
                        ))}
                    </>
                }
            >
                {beginnings.map((cohort) => (
                    <tr key={cohort}>
                        <th scope="row" class="nowrap">
                            {day(cohort)}
                        </th>
                        {afters.map((after) => (
                            <td key={after} class="number">
                                {cell(cohort, after)}
                                {at.has(`${cohort} ${after}`) && (
                                    <Bar share={Number(at.get(`${cohort} ${after}`)!.share)} />
                                )}
                            </td>
                        ))}
                    </tr>
                ))}
            </Table>
            <ExportButtons
                title={t('insights.report.retention')}
                what={() => cohorts(rows)}
            />
        </>
    );
}

export function Found({ query, table }: { query: InsightQuery; table: InsightTable }) {
    const { t } = useI18n();
    const day = useDay(query);

    if (!table.rows.length)
        return (
            <Empty title={t('insights.empty')}>
                <p>{t('insights.emptyNext')}</p>
            </Empty>
        );
    switch (query.report) {
        case 'trend':
            return <Trend table={table} day={day} />;
        case 'users':
            return <Users table={table} day={day} />;
        case 'breakdown':
            return <Breakdown table={table} />;
        case 'funnel':
            return <Funnel table={table} />;
        case 'retention':
            return <Retention table={table} day={day} />;
        case 'sessions':
            return (
                <Figures
                    table={table}
                    day={day}
                    figures={['sessions', 'median_seconds', 'events_per_session']}
                />
            );
    }
}

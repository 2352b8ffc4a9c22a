// What was shown and what came of it: rates with intervals, coverage, chance, new items, persons.
import { useState } from 'preact/hooks';
import { type Interval, IntervalPlot } from '../charts/intervals';
import { useLoad } from '../api/client';
import type { ShownRate, ShownReport, ShownSurface } from '../api/types';
import { type I18n, useI18n } from '../i18n';
import { href } from '../router';
import { Empty, Failure, Loading } from '../ui/notes';
import { Panel } from '../ui/panel';
import { Head, Table } from '../ui/table';
import { Alone, LiveCounts } from './recommend_alone';
import { CatalogueCoverage, ColdStart } from './recommend_cold';
import { Fair } from './recommend_fair';

const DAYS = [1, 7, 30, 90] as const;

/** The start of the stretch, to the minute, so that the same question is asked twice. */
function since(days: number): string {
    const minute = Math.floor(Date.now() / 60_000) * 60_000;
    return new Date(minute - days * 86_400_000).toISOString();
}

export function rateWords({ t, percent }: I18n, rate: ShownRate): string {
    return rate.rate === null || rate.low === null || rate.high === null
        ? '–'
        : t('shown.rate', {
              rate: percent(rate.rate),
              low: percent(rate.low),
              high: percent(rate.high),
          });
}

export function asInterval(label: string, rate: ShownRate): Interval[] {
    return rate.rate === null || rate.low === null || rate.high === null
        ? []
        : [{ label, value: rate.rate, low: rate.low, high: rate.high, promoted: false }];
}

export function surfaceName({ t, name }: I18n, surface: string | null): string {
    return surface === null ? t('shown.plain') : name('surface', surface);
}

function Facts({ shown }: { shown: ShownSurface }) {
    const i18n = useI18n();
    const { t, number, percent } = i18n;
    const share = (x: number | null) => (x === null ? '–' : percent(x));
    const { coverage, exploration } = shown;
    const facts = [
        [t('shown.answers'), number(shown.answers.n)],
        [t('shown.people'), number(shown.people)],
        [t('shown.success'), rateWords(i18n, shown.answers)],
        [t('shown.slots'), number(shown.slots)],
        [t('shown.empty'), number(shown.empty)],
        [
            t('shown.coverage'),
            t('shown.coverageOf', {
                share: share(coverage.share),
                items: number(coverage.items),
                of: number(coverage.of),
            }),
        ],
        [t('shown.gini'), coverage.gini === null ? '–' : number(coverage.gini, 3)],
        [t('shown.new'), number(shown.sources.new)],
        [t('shown.chance'), share(exploration.share)],
        [t('shown.forgone'), number(exploration.forgone, 1)],
        [t('shown.forced'), number(shown.forced.n)],
        [t('shown.parity'), shown.parity === null ? '–' : number(shown.parity, 2)],
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

function Outcomes({ shown }: { shown: ShownSurface }) {
    const i18n = useI18n();
    const { t, number, percent } = i18n;
    const label = (kind: string | null) =>
        kind === null ? t('shown.otherKinds') : i18n.name('kind', kind);

    if (!shown.outcomes.length) return <p class="muted">{t('shown.noOutcomes')}</p>;
    return (
        <Table
            caption={t('shown.outcomes')}
            head={
                <>
                    <Head>{t('decision.kind')}</Head>
                    <Head number>{t('shown.ofAnswers')}</Head>
                    <Head number>{t('shown.ofSlots')}</Head>
                    <Head number>{t('shown.events')}</Head>
                    <Head number>{t('shown.value')}</Head>
                </>
            }
        >
            {shown.outcomes.map((outcome) => (
                <tr key={outcome.kind}>
                    <th scope="row">{label(outcome.kind)}</th>
                    <td class="number">{rateWords(i18n, outcome)}</td>
                    <td class="number">
                        {outcome.slot_rate === null ? '–' : percent(outcome.slot_rate)}
                    </td>
                    <td class="number">{number(outcome.events)}</td>
                    <td class="number">{number(outcome.value, 2)}</td>
                </tr>
            ))}
        </Table>
    );
}

function Top({ shown }: { shown: ShownSurface }) {
    const { t, number, percent } = useI18n();

    return (
        <Table
            caption={t('shown.top')}
            head={
                <>
                    <Head>{t('decision.item')}</Head>
                    <Head number>{t('shown.slots')}</Head>
                    <Head number>{t('shown.share')}</Head>
                    <Head number>{t('shown.taken')}</Head>
                </>
            }
        >
            {shown.top.map((item) => (
                <tr key={item.id}>
                    <th scope="row">
                        <a href={href('recommend', `item/${item.id}`)}>{item.title || item.id}</a>
                    </th>
                    <td class="number">{number(item.slots)}</td>
                    <td class="number">{percent(item.share)}</td>
                    <td class="number">{number(item.taken)}</td>
                </tr>
            ))}
        </Table>
    );
}

function Charts({ shown }: { shown: ShownSurface }) {
    const i18n = useI18n();
    const { t, number } = i18n;
    const file = `treadle-shown-${shown.surface ?? 'plain'}`;
    const day = new Intl.DateTimeFormat(i18n.locale, { dateStyle: 'medium', timeZone: 'UTC' });
    const charts = [
        {
            title: t('shown.byDay'),
            field: 'day',
            rows: shown.days.flatMap((one) => asInterval(day.format(new Date(one.day)), one)),
        },
        {
            title: t('shown.byPosition'),
            field: 'position',
            rows: shown.positions
                .slice(0, 20)
                .flatMap((one) => asInterval(number(one.position), one)),
        },
        {
            title: t('shown.byHistory'),
            field: 'history',
            rows: shown.segments.flatMap((one) =>
                asInterval(i18n.name('history', one.history), one),
            ),
        },
        {
            title: t('shown.byChance'),
            field: 'slots',
            rows: [
                ...asInterval(t('shown.byChance.chance'), shown.exploration.by_chance),
                ...asInterval(t('shown.byChance.others'), shown.exploration.others),
            ],
        },
    ].filter(({ rows }) => rows.length > 0);

    return (
        <div class="columns">
            {charts.map(({ title, field, rows }) => (
                <IntervalPlot
                    key={field}
                    title={title}
                    name={`${file}-${field}`}
                    rows={rows}
                    field={field}
                />
            ))}
        </div>
    );
}

function OneSurface({ shown, report }: { shown: ShownSurface; report: ShownReport }) {
    const i18n = useI18n();
    const { t } = i18n;

    return (
        <>
            <Panel title={surfaceName(i18n, shown.surface)}>
                <Facts shown={shown} />
                <Outcomes shown={shown} />
                <Charts shown={shown} />
                <p class="muted small">
                    {t('shown.how', { hours: i18n.number(shown.window_seconds / 3600) })}{' '}
                    {shown.with_views === 0 && t('shown.noViews')}
                </p>
            </Panel>
            <CatalogueCoverage shown={shown} report={report} />
            <ColdStart shown={shown} />
            <Fair shown={shown} report={report} />
            <Alone shown={shown} />
            <Panel title={t('shown.top')}>
                <Top shown={shown} />
            </Panel>
        </>
    );
}

function Compared({ report }: { report: ShownReport }) {
    const i18n = useI18n();
    const { t } = i18n;

    if (report.surfaces.length < 2) return null;
    return (
        <Panel title={t('shown.compared')}>
            <IntervalPlot
                title={t('shown.success')}
                name="treadle-shown-surfaces"
                field="surface"
                rows={report.surfaces.flatMap((one) =>
                    asInterval(surfaceName(i18n, one.surface), one.answers),
                )}
            />
        </Panel>
    );
}

export function Shown({ surface }: { surface: string | null }) {
    const i18n = useI18n();
    const { t, plural } = i18n;
    const [days, setDays] = useState<number>(7);
    const loaded = useLoad<ShownReport>('/v1/recommend/report', { from: since(days) });
    const report = loaded.data;
    const chosen =
        report?.surfaces.find((one) => (one.surface ?? '') === (surface ?? '\n')) ??
        report?.surfaces[0];

    return (
        <>
            <div class="picker">
                <label for="shown-days">{t('shown.days')}</label>
                <select
                    id="shown-days"
                    value={days}
                    onChange={(event) => setDays(Number(event.currentTarget.value))}
                >
                    {DAYS.map((n) => (
                        <option key={n} value={n}>
                            {plural('shown.lastDays', n)}
                        </option>
                    ))}
                </select>
            </div>
            {loaded.error && <Failure error={loaded.error} retry={loaded.reload} />}
            {!report && loaded.busy && <Loading />}
            {report && !chosen && (
                <Empty title={t('shown.nothing')}>
                    <p>{t('shown.nothingNext')}</p>
                </Empty>
            )}
            {report && !report.complete && <p class="failure">{t('shown.incomplete')}</p>}
            {report && report.surfaces.length > 1 && (
                <ul class="views" aria-label={t('shown.surfaces')}>
                    {report.surfaces.map((one) => (
                        <li key={one.surface}>
                            <a
                                href={href('recommend', `shown/${one.surface ?? ''}`)}
                                aria-current={one === chosen ? 'true' : undefined}
                            >
                                {surfaceName(i18n, one.surface)}
                            </a>
                        </li>
                    ))}
                </ul>
            )}
            {report && <Compared report={report} />}
            {report && chosen && <OneSurface shown={chosen} report={report} />}
            {report && <LiveCounts report={report} />}
        </>
    );
}

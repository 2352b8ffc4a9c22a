// A forecaster: what it said, what really happened, and how far its intervals can be trusted.
import { useState } from 'preact/hooks';
import { asApiError, type ApiError, call, useLoad } from '../api/client';
import type { ForecastCard, ForecastLive, Forecasts, ModelCard } from '../api/types';
import { FanChart } from '../charts/fan';
import { useI18n } from '../i18n';
import { Failure } from '../ui/notes';
import { Panel } from '../ui/panel';
import { Head, Table } from '../ui/table';

const KNOWN_SHOWN = 120;

function Facts({ answer, card }: { answer: ModelCard; card: ForecastCard }) {
    const { t, number, time, name } = useI18n();
    const facts = [
        [t('predict.target'), card.target.column],
        [t('forecast.series'), number(card.series)],
        [t('forecast.step'), card.step],
        [t('forecast.horizon'), number(card.horizon)],
        [t('forecast.period'), card.period ? number(card.period) : '–'],
        [t('predict.rows'), number(card.rows)],
        [t('forecast.members'), card.members.map((one) => name('model', one.name)).join(', ')],
        [t('predict.source'), card.source ?? '–'],
        [t('version.created'), time(card.created)],
    ] as const;

    return (
        <Panel title={card.name} aside={<code class="id">{answer.version}</code>}>
            <dl class="facts">
                {facts.map(([label, value]) => (
                    <div key={label}>
                        <dt>{label}</dt>
                        <dd>{value}</dd>
                    </div>
                ))}
            </dl>
            {card.backtest && <Backtest test={card.backtest} />}
        </Panel>
    );
}

function Backtest({ test }: { test: NonNullable<ForecastCard['backtest']> }) {
    const { t, measure } = useI18n();
    const own = test.leaderboard[0];
    const value = (x: number | null | undefined) => (typeof x === 'number' ? measure(x) : '–');

    return (
        <p class="verdict">
            {t('forecast.backtest', { own: value(own?.mase), naive: value(test.baseline.mase) })}{' '}
            {test.baseline_wins && <span class="badge">{t('forecast.naiveWins')}</span>}
        </p>
    );
}

function Quality({ live }: { live: ForecastLive }) {
    const { t, number, measure } = useI18n();
    const counts = t('forecast.counts', {
        forecasts: number(live.forecasts),
        truths: number(live.truths),
        scored: number(live.scored),
    });

    return (
        <p class="verdict">
            {counts}{' '}
            {live.quality &&
                t('forecast.realised', {
                    mae: measure(live.quality.mae),
                    mase: measure(live.quality.mase),
                    naive:
                        live.quality.baseline_mase === null
                            ? '–'
                            : measure(live.quality.baseline_mase),
                })}{' '}
            {live.quality?.baseline_wins && (
                <span class="badge">{t('forecast.naiveWins')}</span>
            )}
        </p>
    );
}

function Intervals({ live }: { live: ForecastLive }) {
    const { t, number, percent } = useI18n();
    const share = (x: number | null) => (x === null ? '–' : percent(x));

    return (
        <Table
            caption={t('forecast.intervals')}
            captionShown
            head={
                <>
                    <Head number>{t('forecast.level')}</Head>
                    <Head number>{t('forecast.coverage')}</Head>
                    <Head number>{t('forecast.measured')}</Head>
                    <Head number>{t('forecast.working')}</Head>
                </>
            }
        >
            {live.intervals.map((one) => (
                <tr key={one.level}>
                    <th scope="row" class="number">
                        {percent(one.level)}
                    </th>
                    <td class="number">{share(one.coverage)}</td>
                    <td class="number">{number(one.measured)}</td>
                    <td class="number">{share(one.working_level)}</td>
                </tr>
            ))}
        </Table>
    );
}

export function Forecaster({
    answer,
    card,
    stamp,
}: {
    answer: ModelCard;
    card: ForecastCard;
    stamp: unknown;
}) {
    const { t } = useI18n();
    const [series, setSeries] = useState<string | null>(null);
    const [failed, setFailed] = useState<ApiError | null>(null);
    const path = `/v1/forecast/${encodeURIComponent(card.name)}`;
    const live = useLoad<ForecastLive>(`${path}/live`, series === null ? {} : { series }, stamp);
    const shown = live.data?.shown;

    async function ask() {
        setFailed(null);
        try {
            await call<Forecasts>(path, { method: 'POST', body: { series: shown?.series } });
            live.reload();
        } catch (error) {
            setFailed(asApiError(error));
        }
    }

    return (
        <>
            <Facts answer={answer} card={card} />
            <Panel
                title={t('forecast.title')}
                aside={
                    <button type="button" onClick={ask}>
                        {t('forecast.now')}
                    </button>
                }
            >
                <p class="muted">{t('forecast.how')}</p>
                {failed && <Failure error={failed} retry={ask} />}
                {live.error && <Failure error={live.error} retry={live.reload} />}
                {live.data && live.data.series.length > 1 && (
                    <label class="field">
                        {t('forecast.which')}
                        <select
                            value={shown?.series}
                            onChange={(event) => setSeries(event.currentTarget.value)}
                        >
                            {live.data.series.map((one) => (
                                <option key={one} value={one}>
                                    {one}
                                </option>
                            ))}
                        </select>
                    </label>
                )}
                {shown && (
                    <FanChart
                        title={t('forecast.fan', { series: shown.series })}
                        series={shown.series}
                        known={shown.known.slice(-KNOWN_SHOWN)}
                        forecasts={shown.forecasts}
                    />
                )}
            </Panel>
            {live.data && (
                <Panel
                    title={t('predict.live')}
                    aside={
                        <button type="button" onClick={live.reload}>
                            {t('predict.again')}
                        </button>
                    }
                >
                    <Quality live={live.data} />
                    {live.data.intervals.length > 0 && <Intervals live={live.data} />}
                </Panel>
            )}
        </>
    );
}

// From a table to a prediction: fit, see what the contest found, and play with the answer.
import { useLoad } from '../api/client';
import type { Card, ModelCard, PredictLive, Predictors, PredictSchema } from '../api/types';
import { type I18n, useI18n } from '../i18n';
import { stats } from '../live';
import { useValue } from '../observable';
import { href } from '../router';
import { Empty, Failure, Loading } from '../ui/notes';
import { Panel } from '../ui/panel';
import { Head, Table } from '../ui/table';
import { DecisionCost, Importance, Leaderboard, Quality } from './predict_card';
import { Fairness } from './predict_fairness';
import { Fit } from './predict_fit';
import { Forecaster } from './predict_forecast';
import { WhatIf } from './predict_what_if';

const COLUMNS_SHOWN = 20;

type Predictor = Predictors['models'][number];

function PredictorTable({ models, shown }: { models: readonly Predictor[]; shown: string | null }) {
    const { t, time, number, measure, name } = useI18n();

    return (
        <Table
            caption={t('predict.models')}
            head={
                <>
                    <Head>{t('predict.name')}</Head>
                    <Head>{t('predict.target')}</Head>
                    <Head>{t('version.model')}</Head>
                    <Head number>{t('predict.value')}</Head>
                    <Head number>{t('predict.rows')}</Head>
                    <Head>{t('models.created')}</Head>
                </>
            }
        >
            {models.map((model) => (
                <tr key={model.name} class={model.name === shown ? 'current' : undefined}>
                    <th scope="row">
                        <a
                            href={href('predict', model.name)}
                            aria-current={model.name === shown ? 'true' : undefined}
                        >
                            {model.name}
                        </a>
                        {model.error && (
                            <span class="range" lang="en">
                                {model.error}
                            </span>
                        )}
                    </th>
                    <td>{model.target ?? '–'}</td>
                    <td>{model.chosen ? name('model', model.chosen) : '–'}</td>
                    <td class="number nowrap">
                        {model.value === null ? '–' : measure(model.value)}
                        {model.metric && <span class="range">{name('measure', model.metric)}</span>}
                    </td>
                    <td class="number">{model.rows === null ? '–' : number(model.rows)}</td>
                    <td class="nowrap">{time(model.created)}</td>
                </tr>
            ))}
        </Table>
    );
}

function Facts({ answer, card }: { answer: ModelCard; card: Card }) {
    const i18n = useI18n();
    const { t, number } = i18n;
    const facts = [
        [t('predict.target'), card.target.column],
        [t('predict.task'), card.task],
        [t('predict.rows'), number(card.rows)],
        [t('predict.source'), card.source ?? '–'],
        [t('version.created'), i18n.time(card.created)],
        [t('version.seed'), String(card.seed ?? 0)],
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
            {(card.leaks ?? []).map((leak) => (
                <p key={`${leak.kind} ${leak.column}`} class="muted small">
                    {t('predict.leak', { column: leak.column, kind: leak.kind })}
                </p>
            ))}
        </Panel>
    );
}

/** The measure one looks at first, live. */
function liveWords({ t, number, measure, name }: I18n, live: PredictLive, metric: string): string {
    const found = live.quality?.metrics[metric];
    const values = { decisions: number(live.decisions), outcomes: number(live.outcomes) };
    const first = t('predict.liveCounts', values);
    if (!found || typeof found.value !== 'number') return first;
    return `${first} ${t('predict.liveValue', {
        metric: name('measure', metric),
        value: measure(found.value),
        low: typeof found.low === 'number' ? measure(found.low) : '–',
        high: typeof found.high === 'number' ? measure(found.high) : '–',
    })}`;
}

/** The columns whose rows are no longer those of training. */
function ColumnDrift({ live }: { live: PredictLive }) {
    const { t, number } = useI18n();
    const states = {
        calm: t('predict.drift.calm'),
        change: t('predict.drift.change'),
        alarm: t('predict.drift.alarm'),
    };

    if (!live.columns.length) return null;
    return (
        <Table
            caption={t('predict.driftColumns')}
            captionShown
            head={
                <>
                    <Head>{t('predict.driftColumn')}</Head>
                    <Head number>{t('predict.driftIndex')}</Head>
                    <Head number>{t('predict.driftChance')}</Head>
                    <Head>{t('predict.driftState')}</Head>
                </>
            }
        >
            {live.columns.slice(0, COLUMNS_SHOWN).map((one) => (
                <tr key={one.column}>
                    <th scope="row">{one.column}</th>
                    <td class="number">
                        {one.stability_index === null ? '–' : number(one.stability_index, 3)}
                    </td>
                    <td class="number">{number(one.by_chance, 3)}</td>
                    <td>
                        <span class={one.state === 'calm' ? 'badge good' : 'badge'}>
                            {states[one.state]}
                        </span>
                    </td>
                </tr>
            ))}
        </Table>
    );
}

function Live({ model, card, stamp }: { model: string; card: Card; stamp: unknown }) {
    const i18n = useI18n();
    const { t, number } = i18n;
    const live = useLoad<PredictLive>(`/v1/predict/${encodeURIComponent(model)}/live`, {}, stamp);
    const index = live.data?.drift?.stability_index;

    return (
        <Panel
            title={t('predict.live')}
            aside={
                <button type="button" onClick={live.reload}>
                    {t('predict.again')}
                </button>
            }
        >
            {live.error && <Failure error={live.error} retry={live.reload} />}
            {live.data && <p class="verdict">{liveWords(i18n, live.data, card.metric)}</p>}
            {typeof index === 'number' && (
                <p>
                    {t('predict.drift', { index: number(index, 3) })}{' '}
                    <span class={index < 0.1 ? 'badge good' : 'badge'}>
                        {index < 0.1
                            ? t('predict.drift.calm')
                            : index < 0.2
                              ? t('predict.drift.change')
                              : t('predict.drift.alarm')}
                    </span>
                </p>
            )}
            {live.data && <ColumnDrift live={live.data} />}
        </Panel>
    );
}

function Model({ name, stamp }: { name: string; stamp: unknown }) {
    const { t } = useI18n();
    const answer = useLoad<ModelCard>(`/v1/models/${encodeURIComponent(name)}/card`, {}, stamp);
    const card = answer.data?.card;
    const answersRows = card && 'leaderboard' in card;
    const schema = useLoad<PredictSchema>(
        answersRows ? `/v1/predict/${encodeURIComponent(name)}/schema` : null,
        {},
        stamp,
    );

    if (answer.error) return <Failure error={answer.error} retry={answer.reload} />;
    if (!answer.data) return <Loading />;
    if (card && 'reading' in card)
        return <Forecaster answer={answer.data} card={card} stamp={stamp} />;
    if (!card || !('leaderboard' in card)) return <p class="muted">{t('version.noReport')}</p>;
    return (
        <>
            <Facts answer={answer.data} card={card} />
            <Leaderboard card={card} />
            {schema.error && <Failure error={schema.error} retry={schema.reload} />}
            {schema.data && <WhatIf key={schema.data.version} schema={schema.data} />}
            <Quality card={card} />
            <DecisionCost card={card} />
            <Importance card={card} />
            <Fairness card={card} />
            <Live model={name} card={card} stamp={stamp} />
        </>
    );
}

export function Predict({ id }: { id: string | null }) {
    const { t } = useI18n();
    const training = useValue(stats)?.training;
    const stamp = training?.finished ?? null; // what was fitted since is another version
    const list = useLoad<Predictors>('/v1/predict', {}, stamp);
    const models = list.data?.models;
    const shown = id ?? models?.[0]?.name ?? null;

    return (
        <>
            <Fit />
            {list.error && <Failure error={list.error} retry={list.reload} />}
            {!models && list.busy && <Loading />}
            {models && !models.length && (
                <Empty title={t('predict.empty')}>
                    <p>{t('predict.emptyNext')}</p>
                </Empty>
            )}
            {models && models.length > 0 && (
                <Panel title={t('predict.models')}>
                    <PredictorTable models={models} shown={shown} />
                </Panel>
            )}
            {models && shown !== null && <Model key={shown} name={shown} stamp={stamp} />}
        </>
    );
}

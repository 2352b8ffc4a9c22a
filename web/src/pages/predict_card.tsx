// What a fit found: the contest, how good the winner is, what it rests on, for whom it is worse.
import type { Card, PredictQuality } from '../api/types';
import { BarPlot } from '../charts/bars';
import { CalibrationPlot } from '../charts/calibration';
import { IntervalPlot } from '../charts/intervals';
import { type I18n, useI18n } from '../i18n';
import { Panel } from '../ui/panel';
import { Head, Table } from '../ui/table';

const COLUMNS_SHOWN = 15;

const isNumber = (x: unknown): x is number => typeof x === 'number';

/* ---- the contest ---- */

function verdict(i18n: I18n, card: Card): string {
    const { t, name, measure } = i18n;
    const gain = card.gain.find(({ value }) => isNumber(value) && value !== 0);
    const values = {
        model: name('model', card.chosen.model),
        metric: name('measure', card.metric),
        value: isNumber(card.chosen.value) ? measure(card.chosen.value) : '–',
        error: isNumber(card.chosen.standard_error) ? measure(card.chosen.standard_error) : '–',
    };
    const first = t('predict.verdict', values);
    if (!gain || !isNumber(gain.value)) return first;
    return `${first} ${t('predict.gain', {
        over: name('model', gain.over),
        value: measure(gain.value),
        low: isNumber(gain.low) ? measure(gain.low) : '–',
        high: isNumber(gain.high) ? measure(gain.high) : '–',
    })}`;
}

export function Leaderboard({ card }: { card: Card }) {
    const i18n = useI18n();
    const { t, number, measure, name, locale } = i18n;
    const measured = card.leaderboard.filter(({ value }) => isNumber(value));
    const left = card.leaderboard.filter(({ left_out: why }) => why);

    return (
        <Panel title={t('predict.leaderboard')}>
            <p class="verdict">{verdict(i18n, card)}</p>
            {card.interval && card.split && (
                <p class="muted small">
                    {t('predict.statistic', {
                        folds: number(card.split.folds),
                        draws: number(card.interval.resamples),
                    })}
                </p>
            )}
            <IntervalPlot
                title={t('interval.title', { metric: name('measure', card.metric) })}
                name={`treadle-${card.name}-leaderboard`}
                rows={measured.map((entry) => ({
                    label: name('model', entry.model),
                    value: entry.value!,
                    low: entry.low ?? entry.value!,
                    high: entry.high ?? entry.value!,
                    promoted: (entry.weight ?? 0) > 0,
                }))}
            />
            <Table
                caption={t('predict.leaderboard')}
                head={
                    <>
                        <Head>{t('version.model')}</Head>
                        <Head number>{name('measure', card.metric)}</Head>
                        <Head number>{t('predict.weight')}</Head>
                        <Head number>{t('predict.tried')}</Head>
                        <Head number>{t('metric.fit')}</Head>
                    </>
                }
            >
                {measured.map((entry) => (
                    <tr key={entry.model} class={(entry.weight ?? 0) > 0 ? 'current' : undefined}>
                        <th scope="row">
                            {name('model', entry.model)}{' '}
                            {(entry.weight ?? 0) > 0 && (
                                <span class="badge good">{t('models.serving')}</span>
                            )}
                        </th>
                        <td class="number nowrap">
                            {measure(entry.value!)}
                            {isNumber(entry.low) && isNumber(entry.high) && (
                                <span class="range">
                                    {measure(entry.low)}–{measure(entry.high)}
                                </span>
                            )}
                        </td>
                        <td class="number">{number(entry.weight ?? 0, 2)}</td>
                        <td class="number">{number(entry.settings_tried ?? 1)}</td>
                        <td class="number nowrap">{i18n.seconds(entry.seconds ?? 0)}</td>
                    </tr>
                ))}
            </Table>
            {left.map((entry) => (
                <p key={entry.model} class="muted small">
                    {name('model', entry.model)}:{' '}
                    {locale === 'zh-CN' && entry.left_out_zh ? (
                        entry.left_out_zh
                    ) : (
                        <span lang="en">{entry.left_out}</span>
                    )}
                </p>
            ))}
            {card.search && card.search.cut_off.length > 0 && (
                <p class="muted small">
                    {t('predict.cutOff', {
                        budget: i18n.seconds(card.search.budget_seconds),
                        models: card.search.cut_off.map((model) => name('model', model)).join(', '),
                    })}
                </p>
            )}
        </Panel>
    );
}

/* ---- how good it is ---- */

function Metrics({ quality }: { quality: PredictQuality }) {
    const { t, measure, name } = useI18n();

    return (
        <Table
            caption={t('predict.metrics')}
            head={
                <>
                    <Head>{t('predict.measure')}</Head>
                    <Head number>{t('predict.value')}</Head>
                    <Head number>{t('predict.interval')}</Head>
                </>
            }
        >
            {Object.entries(quality.metrics).map(([key, figures]) => (
                <tr key={key}>
                    <th scope="row">{name('measure', key)}</th>
                    <td class="number">
                        {isNumber(figures?.value) ? measure(figures.value) : '–'}
                    </td>
                    <td class="number nowrap">
                        {isNumber(figures?.low) && isNumber(figures.high)
                            ? `${measure(figures.low)}–${measure(figures.high)}`
                            : '–'}
                    </td>
                </tr>
            ))}
        </Table>
    );
}

/** Rows: the truth; columns: what was said. */
function confusionOf(card: Card, quality: PredictQuality): [string[], number[][]] | null {
    const c = quality.confusion as Record<string, unknown> | undefined;
    if (!c) return null;
    if (isNumber(c.true_positive)) {
        const yes = card.target.positive ?? '1';
        const no = Object.keys(card.target.classes ?? {}).find((name) => name !== yes) ?? '0';
        return [
            [no, yes],
            [
                [Number(c.true_negative), Number(c.false_positive)],
                [Number(c.false_negative), Number(c.true_positive)],
            ],
        ];
    }
    return [Object.keys(c), Object.values(c) as number[][]];
}

function Confusion({ card, quality }: { card: Card; quality: PredictQuality }) {
    const { t, number } = useI18n();
    const found = confusionOf(card, quality);

    if (!found) return null;
    const [classes, counts] = found;
    return (
        <>
            <h3>{t('predict.confusion')}</h3>
            <Table
                caption={t('predict.confusion')}
                head={
                    <>
                        <Head>{t('predict.truth')}</Head>
                        {classes.map((name) => (
                            <Head key={name} number>
                                {t('predict.said', { class: name })}
                            </Head>
                        ))}
                    </>
                }
            >
                {classes.map((name, i) => (
                    <tr key={name}>
                        <th scope="row">{name}</th>
                        {counts[i]!.map((n, k) => (
                            <td key={classes[k]} class={i === k ? 'number hit' : 'number'}>
                                {number(n)}
                            </td>
                        ))}
                    </tr>
                ))}
            </Table>
        </>
    );
}

export function Quality({ card }: { card: Card }) {
    const { t, percent, number } = useI18n();
    const quality = card.quality;
    const lift = quality?.lift?.filter(({ lift: x }) => isNumber(x)) ?? [];

    if (!quality) return null;
    return (
        <Panel title={t('predict.quality')}>
            <p class="muted">{t('predict.qualityHow', { rows: number(quality.rows) })}</p>
            {quality.calibration && (
                <div class="columns">
                    <CalibrationPlot title={t('predict.calibration')} bins={quality.calibration} />
                    <BarPlot
                        title={t('predict.lift')}
                        name={`treadle-${card.name}-lift`}
                        bars={lift.map((part, i) => ({
                            label: t('predict.tenth', { from: percent(i / lift.length) }),
                            value: part.lift!,
                        }))}
                    />
                </div>
            )}
            <Confusion card={card} quality={quality} />
            <h3>{t('predict.metrics')}</h3>
            <Metrics quality={quality} />
        </Panel>
    );
}

/* ---- what deciding costs ---- */

const WAYS = ['threshold', 'half', 'no', 'yes'] as const;

export function DecisionCost({ card }: { card: Card }) {
    const { t, measure } = useI18n();
    const decision = card.decision;

    if (!decision) return null;
    return (
        <Panel title={t('predict.decision')}>
            <p>
                {t('predict.decisionHow', {
                    fp: measure(decision.cost_fp),
                    fn: measure(decision.cost_fn),
                    threshold: measure(decision.threshold),
                    saved: measure(decision.saved.value),
                    low: measure(decision.saved.low),
                    high: measure(decision.saved.high),
                })}
            </p>
            <Table
                caption={t('predict.decision')}
                head={
                    <>
                        <Head>{t('predict.decided')}</Head>
                        <Head number>{t('predict.costPerRow')}</Head>
                    </>
                }
            >
                {WAYS.map((way) => (
                    <tr key={way}>
                        <th scope="row">{t(`predict.decided.${way}`)}</th>
                        <td class="number">{measure(decision.cost[way])}</td>
                    </tr>
                ))}
            </Table>
        </Panel>
    );
}

/* ---- what it rests on ---- */

export function Importance({ card }: { card: Card }) {
    const { t } = useI18n();
    const bars = (card.importance ?? [])
        .filter(({ column, share }) => column !== card.target.column && share > 0)
        .slice(0, COLUMNS_SHOWN)
        .map(({ column, share }) => ({ label: column, value: share }));

    if (!bars.length) return null;
    return (
        <Panel title={t('predict.importance')}>
            <BarPlot
                title={t('predict.importanceOf')}
                name={`treadle-${card.name}-importance`}
                bars={bars}
            />
        </Panel>
    );
}

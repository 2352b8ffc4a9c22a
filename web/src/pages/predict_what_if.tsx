// What if: the most important columns as sliders and choices, the answer beside them as they move.
// Nothing of it is logged.
import { useEffect, useState } from 'preact/hooks';
import { type ApiError, asApiError, call } from '../api/client';
import type { PredictColumn, Prediction, Predictions, PredictSchema } from '../api/types';
import { BarPlot } from '../charts/bars';
import { type I18n, useI18n } from '../i18n';
import { Failure } from '../ui/notes';
import { Panel } from '../ui/panel';

const CONTROLS = 8;
const WAIT_MS = 60;
const LEVEL = 0.9;

type Value = string | number;
type Asked = Record<string, Value>;

/** Columns that can be moved, the most important first. */
function movable(schema: PredictSchema): PredictColumn[] {
    const can = (c: PredictColumn) =>
        c.used &&
        (c.levels ? c.levels.length > 1 : typeof c.least === 'number' && c.least !== c.most);
    return schema.columns
        .filter(can)
        .sort((a, b) => (b.importance ?? 0) - (a.importance ?? 0))
        .slice(0, CONTROLS);
}

/** A row in the middle of training. */
function middle(schema: PredictSchema): Asked {
    const row: Asked = {};
    for (const { name, type, levels, middle: value } of schema.columns) {
        if (value === null || value === undefined) continue;
        row[name] = type === 'boolean' && levels ? (levels[Number(value)] ?? value) : value;
    }
    return row;
}

function useAnswer(model: string, version: string, row: Asked): [Predictions | null, ApiError | null] {
    const [answer, setAnswer] = useState<Predictions | null>(null);
    const [error, setError] = useState<ApiError | null>(null);

    useEffect(() => {
        const abort = new AbortController();
        const body = { rows: [row], explain: CONTROLS, interval: LEVEL, log: false };
        const timer = setTimeout(() => {
            call<Predictions>(`/v1/predict/${encodeURIComponent(model)}`, {
                method: 'POST',
                body,
                signal: abort.signal,
            }).then(
                (found) => {
                    setAnswer(found);
                    setError(null);
                },
                (problem: unknown) => {
                    if (!abort.signal.aborted) setError(asApiError(problem));
                },
            );
        }, WAIT_MS);
        return () => {
            clearTimeout(timer);
            abort.abort();
        };
    }, [model, version, JSON.stringify(row)]);
    return [answer, error];
}

/** The answer in one sentence. */
function sentence({ t, percent, figure, number }: I18n, schema: PredictSchema, said: Prediction) {
    const value = said.prediction;
    if (typeof said.probability === 'number')
        return t('predict.answerBinary', {
            class: schema.classes[1] ?? '',
            probability: percent(said.probability),
            prediction: String(value),
        });
    if (said.probabilities)
        return t('predict.answerClass', {
            prediction: String(value),
            probability: percent(said.probabilities[String(value)] ?? 0),
        });
    if (said.quantiles)
        return said.quantiles
            .map((x, i) => `${number(schema.quantiles[i] ?? 0, 2)}: ${figure(x)}`)
            .join(t('list.separator'));
    if (typeof value !== 'number') return '–';
    if (typeof said.low === 'number' && typeof said.high === 'number')
        return t('predict.answerRange', {
            target: schema.target,
            value: figure(value),
            low: figure(said.low),
            high: figure(said.high),
        });
    return t('predict.answerNumber', { target: schema.target, value: figure(value) });
}

function Control({
    column,
    value,
    say,
}: {
    column: PredictColumn;
    value: Value | undefined;
    say: (value: Value) => void;
}) {
    const { figure } = useI18n();
    const id = `what-if-${column.name}`;

    if (column.levels)
        return (
            <div class="control">
                <label for={id}>{column.name}</label>
                <select
                    id={id}
                    value={String(value ?? '')}
                    onChange={(event) => say(event.currentTarget.value)}
                >
                    {column.levels.map((level) => (
                        <option key={level} value={level}>
                            {level}
                        </option>
                    ))}
                </select>
            </div>
        );
    const least = Number(column.least);
    const most = Number(column.most);
    return (
        <div class="control">
            <label for={id}>{column.name}</label>
            <input
                id={id}
                type="range"
                min={least}
                max={most}
                step={column.type === 'integer' ? 1 : (most - least) / 200}
                value={Number(value ?? least)}
                onInput={(event) => say(Number(event.currentTarget.value))}
            />
            <output for={id}>{figure(Number(value ?? least))}</output>
        </div>
    );
}

export function WhatIf({ schema }: { schema: PredictSchema }) {
    const i18n = useI18n();
    const { t } = i18n;
    const [row, setRow] = useState<Asked>(() => middle(schema));
    const [answer, error] = useAnswer(schema.model, schema.version, row);
    const said = answer?.rows[0];
    const columns = movable(schema);

    return (
        <Panel
            title={t('predict.whatIf')}
            aside={
                <button type="button" onClick={() => setRow(middle(schema))}>
                    {t('predict.reset')}
                </button>
            }
        >
            <p class="muted">{t('predict.whatIfHow')}</p>
            {error && <Failure error={error} />}
            <p class="what-if-answer" role="status">
                {said ? (said.error ?? sentence(i18n, schema, said)) : '…'}
            </p>
            {said?.adjustment && (
                <p class="muted">
                    {t('predict.adjusted', {
                        group: said.adjustment.group ?? '–',
                        threshold: i18n.figure(said.adjustment.threshold),
                        other: i18n.figure(said.adjustment.instead_of),
                    })}
                </p>
            )}
            <div class="columns">
                <div class="controls" role="group" aria-label={t('predict.whatIf')}>
                    {columns.map((column) => (
                        <Control
                            key={column.name}
                            column={column}
                            value={row[column.name]}
                            say={(value) => setRow((old) => ({ ...old, [column.name]: value }))}
                        />
                    ))}
                </div>
                {said?.because && (
                    <BarPlot
                        title={t('predict.because')}
                        name={`treadle-${schema.model}-what-if`}
                        bars={said.because.map(({ name, value, attribution }) => ({
                            label: value === null ? name : `${name} = ${value}`,
                            value: attribution,
                        }))}
                    />
                )}
            </div>
        </Panel>
    );
}

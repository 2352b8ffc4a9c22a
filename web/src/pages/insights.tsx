// Reports over events. The question stands in the address, so a report can be kept and shared.
import { useEffect, useState } from 'preact/hooks';
import { type ApiError, asApiError, call, useLoad } from '../api/client';
import type { InsightTable, Kinds } from '../api/types';
import { useI18n } from '../i18n';
import { href } from '../router';
import { Empty, Failure, Loading } from '../ui/notes';
import { Panel } from '../ui/panel';
import { Found, type Report } from './insight_tables';

const REPORTS: readonly Report[] = ['trend', 'funnel', 'retention', 'sessions', 'breakdown'];
const DAYS = [7, 30, 90, 365] as const;
const DAY_MS = 86_400_000;

interface Question {
    report: Report;
    days: number;
    every: 'day' | 'week';
    /** Kinds of events, as typed: "view, cart, order". */
    kinds: string;
    property: string;
}

const FIRST: Question = { report: 'trend', days: 30, every: 'day', kinds: '', property: '' };

/** A question out of an address that anybody may have typed. */
function read(id: string | null): Question {
    try {
        const said = JSON.parse(id ?? '{}') as Partial<Question>;
        return {
            report: REPORTS.find((report) => report === said.report) ?? FIRST.report,
            days: DAYS.find((days) => days === said.days) ?? FIRST.days,
            every: said.every === 'week' ? 'week' : 'day',
            kinds: typeof said.kinds === 'string' ? said.kinds : '',
            property: typeof said.property === 'string' ? said.property : '',
        };
    } catch {
        return FIRST;
    }
}

function list(kinds: string): string[] {
    return kinds
        .split(/[,，、]/)
        .map((kind) => kind.trim())
        .filter((kind) => kind !== '');
}

function body({ report, days, every, kinds, property }: Question): Record<string, unknown> {
    const named = list(kinds);
    const range = {
        report,
        every,
        from: new Date(Date.now() - days * DAY_MS).toISOString(),
        zone_minutes: -new Date().getTimezoneOffset(),
    };
    if (report === 'funnel') return { ...range, steps: named };
    if (report === 'breakdown') return { ...range, property, ...(named.length && { kinds: named }) };
    if (report === 'retention')
        return {
            ...range,
            ...(named[0] !== undefined && { start: named[0] }),
            ...(named[1] !== undefined && { return: named[1] }),
        };
    return { ...range, ...(report === 'trend' && named.length && { kinds: named }) };
}

/** Which fields a report asks for, and whether they are there. */
function complete({ report, kinds, property }: Question): boolean {
    if (report === 'funnel') return list(kinds).length >= 2;
    return report !== 'breakdown' || property !== '';
}

interface AnswerState {
    /** What it answers: a table must never be shown as that of another question. */
    to: Question;
    table: InsightTable | null;
    error: ApiError | null;
}

function Answer({ question }: { question: Question }) {
    const { t } = useI18n();
    const [turn, setTurn] = useState(0);
    const [kept, setState] = useState<AnswerState>({ to: question, table: null, error: null });
    const state = kept.to === question ? kept : { table: null, error: null };

    useEffect(() => {
        const abort = new AbortController();
        setState({ to: question, table: null, error: null });
        call<InsightTable>('/v1/insights/query', {
            method: 'POST',
            body: body(question),
            signal: abort.signal,
        }).then(
            (table) => setState({ to: question, table, error: null }),
            (error: unknown) => {
                if (abort.signal.aborted) return;
                setState({ to: question, table: null, error: asApiError(error) });
            },
        );
        return () => abort.abort();
    }, [question, turn]);

    return (
        <Panel title={t(`insights.report.${question.report}`)}>
            {state.error && <Failure error={state.error} retry={() => setTurn((n) => n + 1)} />}
            {!state.error && !state.table && <Loading />}
            {state.table && <Found report={question.report} table={state.table} />}
        </Panel>
    );
}

interface ChoiceProps<T extends string | number> {
    id: string;
    label: string;
    value: T;
    options: readonly (readonly [T, string])[];
    choose: (value: string) => void;
}

function Choice<T extends string | number>({ id, label, value, options, choose }: ChoiceProps<T>) {
    return (
        <>
            <label for={id}>{label}</label>
            <select id={id} value={value} onChange={(event) => choose(event.currentTarget.value)}>
                {options.map(([one, words]) => (
                    <option key={one} value={one}>
                        {words}
                    </option>
                ))}
            </select>
        </>
    );
}

function Form({ asked, kinds }: { asked: Question; kinds: readonly string[] }) {
    const { t, plural } = useI18n();
    const [draft, setDraft] = useState(asked);
    const set = (change: Partial<Question>) => setDraft((old) => ({ ...old, ...change }));
    const needsKinds = draft.report !== 'sessions';

    return (
        <form
            class="picker"
            onSubmit={(event) => {
                event.preventDefault();
                location.hash = href('insights', JSON.stringify(draft));
            }}
        >
            <Choice
                id="insight-report"
                label={t('insights.report')}
                value={draft.report}
                options={REPORTS.map((one) => [one, t(`insights.report.${one}`)] as const)}
                choose={(value) => set({ report: value as Report })}
            />
            <Choice
                id="insight-days"
                label={t('insights.range')}
                value={draft.days}
                options={DAYS.map((days) => [days, plural('insights.days', days)] as const)}
                choose={(value) => set({ days: Number(value) })}
            />
            <Choice
                id="insight-every"
                label={t('insights.every')}
                value={draft.every}
                options={(['day', 'week'] as const).map(
                    (one) => [one, t(`insights.every.${one}`)] as const,
                )}
                choose={(value) => set({ every: value === 'week' ? 'week' : 'day' })}
            />
            {needsKinds && (
                <>
                    <label for="insight-kinds">{t(`insights.kinds.${draft.report}` as 'insights.kinds.trend')}</label>
                    <input
                        id="insight-kinds"
                        value={draft.kinds}
                        placeholder={kinds.slice(0, 3).join(', ')}
                        onInput={(event) => set({ kinds: event.currentTarget.value })}
                    />
                </>
            )}
            {draft.report === 'breakdown' && (
                <>
                    <label for="insight-property">{t('insights.property')}</label>
                    <input
                        id="insight-property"
                        value={draft.property}
                        onInput={(event) => set({ property: event.currentTarget.value })}
                    />
                </>
            )}
            <button type="submit" class="primary">
                {t('insights.show')}
            </button>
            <p class="muted">{t('insights.known', { kinds: kinds.join(t('list.separator')) || '–' })}</p>
        </form>
    );
}

export function Insights({ id }: { id: string | null }) {
    const { t } = useI18n();
    const kinds = useLoad<Kinds>('/v1/kinds');
    const [asked, setAsked] = useState(() => read(id));

    useEffect(() => setAsked(read(id)), [id]);
    if (kinds.error) return <Failure error={kinds.error} retry={kinds.reload} />;
    if (!kinds.data) return <Loading />;
    return (
        <>
            <Panel title={t('insights.question')}>
                <Form key={id} asked={asked} kinds={kinds.data.kinds} />
            </Panel>
            {complete(asked) ? (
                <Answer question={asked} />
            ) : (
                <Empty title={t('insights.incomplete')}>
                    <p>{t(`insights.incomplete.${asked.report}` as 'insights.incomplete.funnel')}</p>
                </Empty>
            )}
        </>
    );
}

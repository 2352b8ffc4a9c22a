// Reports over events, a view for each. The question stands in the address, so a report can be kept
// and shared; a saved one has an address of its own.
import { useEffect, useState } from 'preact/hooks';
import { type ApiError, asApiError, call, useLoad } from '../api/client';
import type { InsightQuery, InsightTable, Kinds, ReportList, SavedReport } from '../api/types';
import { useI18n } from '../i18n';
import { href } from '../router';
import { Empty, Failure, Loading } from '../ui/notes';
import { Panel } from '../ui/panel';
import { InsightForm } from './insight_form';
import {
    complete,
    fromQuery,
    type Question,
    read,
    type Report,
    REPORTS,
    savedId,
    toQuery,
} from './insight_question';
import { Saved } from './insight_saved';
import { Found } from './insight_tables';

interface AnswerState {
    /** What it answers: a table must never be shown as that of another question. */
    to: string;
    table: InsightTable | null;
    error: ApiError | null;
}

function Answer({ title, query }: { title: string; query: InsightQuery }) {
    const asked = JSON.stringify(query);
    const [turn, setTurn] = useState(0);
    const [kept, setState] = useState<AnswerState>({ to: asked, table: null, error: null });
    const state = kept.to === asked ? kept : { table: null, error: null };

    useEffect(() => {
        const abort = new AbortController();
        setState({ to: asked, table: null, error: null });
        call<InsightTable>('/v1/insights/query', {
            method: 'POST',
            body: query,
            signal: abort.signal,
        }).then(
            (table) => setState({ to: asked, table, error: null }),
            (error: unknown) => {
                if (abort.signal.aborted) return;
                setState({ to: asked, table: null, error: asApiError(error) });
            },
        );
        return () => abort.abort();
    }, [asked, turn]);

    return (
        <Panel title={title}>
            {state.error && <Failure error={state.error} retry={() => setTurn((n) => n + 1)} />}
            {!state.error && !state.table && <Loading />}
            {state.table && <Found query={query} table={state.table} />}
        </Panel>
    );
}

function Views({ now }: { now: Report }) {
    const { t } = useI18n();

    return (
        <ul class="views" aria-label={t('insights.views')}>
            {REPORTS.map((report) => (
                <li key={report}>
                    <a
                        href={href('insights', report)}
                        aria-current={report === now ? 'page' : undefined}
                    >
                        {t(`insights.report.${report}`)}
                    </a>
                </li>
            ))}
        </ul>
    );
}

interface AskedProps {
    question: Question;
    /** Asked as it stands, where the form cannot say all of it. */
    query: InsightQuery | null;
    title: string;
}

function Asked({ question, query, title }: AskedProps) {
    const { t } = useI18n();
    const kinds = useLoad<Kinds>('/v1/kinds');
    const list = useLoad<ReportList>('/v1/reports');

    if (kinds.error) return <Failure error={kinds.error} retry={kinds.reload} />;
    if (!kinds.data) return <Loading />;
    return (
        <>
            <Views now={question.report} />
            <Panel title={t('insights.question')}>
                <InsightForm asked={question} kinds={kinds.data.kinds} />
            </Panel>
            {query ? (
                <Answer title={title} query={query} />
            ) : (
                <Empty title={t('insights.incomplete')}>
                    <p>{t(`insights.incomplete.${question.report}` as 'insights.incomplete.funnel')}</p>
                </Empty>
            )}
            <Saved list={list} query={query} />
        </>
    );
}

function OfSaved({ id }: { id: string }) {
    const report = useLoad<SavedReport>(`/v1/reports/${id}`);

    if (report.error) return <Failure error={report.error} retry={report.reload} />;
    if (!report.data) return <Loading />;
    const { name, query } = report.data;
    return <Asked question={fromQuery(query)} query={query} title={name} />;
}

export function Insights({ id }: { id: string | null }) {
    const { t } = useI18n();
    const saved = savedId(id);

    if (saved !== null) return <OfSaved key={saved} id={saved} />;
    const question = read(id);
    return (
        <Asked
            key={id}
            question={question}
            query={complete(question) ? toQuery(question, -new Date().getTimezoneOffset()) : null}
            title={t(`insights.report.${question.report}`)}
        />
    );
}

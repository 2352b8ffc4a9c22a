// Reports that were saved: opened by a link that others can use, renamed, deleted.
import { useState } from 'preact/hooks';
import { type ApiError, asApiError, call, type Loaded } from '../api/client';
import type { InsightQuery, ReportList, SavedReport } from '../api/types';
import { useI18n } from '../i18n';
import { useValue } from '../observable';
import { href } from '../router';
import { session } from '../session';
import { Failure } from '../ui/notes';
import { Panel } from '../ui/panel';
import { Head, Table } from '../ui/table';
import type { Report } from './insight_question';

const NAME_MAX = 200;

/** Runs `change`; what went wrong stays until the next try. */
function useChange(after: () => void) {
    const [error, setError] = useState<ApiError | null>(null);
    const change = (work: Promise<unknown>) =>
        work.then(
            () => {
                setError(null);
                after();
            },
            (reason: unknown) => setError(asApiError(reason)),
        );

    return { error, change };
}

function Rename({ report, done }: { report: SavedReport; done: () => void }) {
    const { t } = useI18n();
    const [name, setName] = useState(report.name);
    const { error, change } = useChange(done);
    const id = `rename-${report.id}`;

    return (
        <form
            class="picker"
            onSubmit={(event) => {
                event.preventDefault();
                const body = { name: name.trim(), query: report.query };
                void change(call(`/v1/reports/${report.id}`, { method: 'PUT', body }));
            }}
        >
            <label for={id}>{t('saved.name')}</label>
            <input
                id={id}
                required
                maxLength={NAME_MAX}
                value={name}
                ref={(field) => field?.focus()}
                onInput={(event) => setName(event.currentTarget.value)}
            />
            <button type="submit">{t('saved.keep')}</button>
            <button type="button" class="quiet" onClick={done}>
                {t('saved.cancel')}
            </button>
            {error && <Failure error={error} />}
        </form>
    );
}

function Entry({ report, admin, reload }: { report: SavedReport; admin: boolean; reload: () => void }) {
    const { t, time } = useI18n();
    const [doing, setDoing] = useState<'rename' | 'delete' | null>(null);
    const { error, change } = useChange(reload);
    const done = () => {
        setDoing(null);
        reload();
    };

    return (
        <tr>
            <th scope="row" class="wide">
                {doing === 'rename' ? (
                    <Rename report={report} done={done} />
                ) : (
                    <a href={`${href('insights')}/r/${report.id}`}>{report.name}</a>
                )}
            </th>
            <td>{t(`insights.report.${report.query.report as Report}`)}</td>
            <td class="nowrap">{time(report.updated)}</td>
            {admin && (
                <td class="nowrap">
                    {doing === 'delete' ? (
                        <>
                            <button
                                type="button"
                                ref={(button) => button?.focus()}
                                onClick={() =>
                                    void change(
                                        call(`/v1/reports/${report.id}`, { method: 'DELETE' }),
                                    )
                                }
                            >
                                {t('saved.reallyDelete', { name: report.name })}
                            </button>
                            <button type="button" class="quiet" onClick={() => setDoing(null)}>
                                {t('saved.cancel')}
                            </button>
                        </>
                    ) : (
                        <>
                            <button
                                type="button"
                                class="quiet"
                                aria-label={t('saved.renameOne', { name: report.name })}
                                onClick={() => setDoing('rename')}
                            >
                                {t('saved.rename')}
                            </button>
                            <button
                                type="button"
                                class="quiet"
                                aria-label={t('saved.deleteOne', { name: report.name })}
                                onClick={() => setDoing('delete')}
                            >
                                {t('saved.delete')}
                            </button>
                        </>
                    )}
                    {error && <Failure error={error} />}
                </td>
            )}
        </tr>
    );
}

function Save({ query, list, saved }: { query: InsightQuery; list: SavedReport[]; saved: () => void }) {
    const { t } = useI18n();
    const [name, setName] = useState('');
    const same = list.find((report) => report.name === name.trim());
    const { error, change } = useChange(saved);

    return (
        <form
            class="picker"
            onSubmit={(event) => {
                event.preventDefault();
                const path = same ? `/v1/reports/${same.id}` : '/v1/reports';
                const body = { name: name.trim(), query };
                void change(
                    call<SavedReport>(path, { method: same ? 'PUT' : 'POST', body }).then(({ id }) => {
                        location.hash = `${href('insights')}/r/${id}`;
                    }),
                );
            }}
        >
            <label for="save-name">{t('saved.saveAs')}</label>
            <input
                id="save-name"
                required
                maxLength={NAME_MAX}
                value={name}
                onInput={(event) => setName(event.currentTarget.value)}
            />
            <button type="submit">{t('saved.save')}</button>
            <p class="muted" role="status">
                {same ? t('saved.replaces') : ''}
            </p>
            {error && <Failure error={error} />}
        </form>
    );
}

/** `query`: what may be saved now; null while a question lacks something. */
export function Saved({ list, query }: { list: Loaded<ReportList>; query: InsightQuery | null }) {
    const { t } = useI18n();
    const admin = useValue(session)?.right === 'admin';

    if (list.error) return <Failure error={list.error} retry={list.reload} />;
    if (!list.data) return null;
    const { reports } = list.data;
    return (
        <Panel title={t('saved.title')}>
            {reports.length === 0 && <p class="muted">{t('saved.none')}</p>}
            {reports.length > 0 && (
                <Table
                    caption={t('saved.title')}
                    head={
                        <>
                            <Head>{t('saved.name')}</Head>
                            <Head>{t('insights.report')}</Head>
                            <Head>{t('saved.updated')}</Head>
                            {admin && <Head>{t('saved.actions')}</Head>}
                        </>
                    }
                >
                    {reports.map((report) => (
                        <Entry key={report.id} report={report} admin={admin} reload={list.reload} />
                    ))}
                </Table>
            )}
            {admin && query && <Save query={query} list={reports} saved={list.reload} />}
            {!admin && <p class="muted">{t('saved.admins')}</p>}
        </Panel>
    );
}

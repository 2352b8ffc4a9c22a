// One training run, or several over each other: settings, curves, figures.
import type { Run } from '../api/types';
import { flatten } from '../charts/curves';
import { type Line, LineChart, LINES_MAX } from '../charts/lines';
import { useI18n } from '../i18n';
import { href } from '../router';
import { Failure, Loading } from '../ui/notes';
import { Panel } from '../ui/panel';
import { Head, Table } from '../ui/table';
import { type Followed, useRuns } from './follow';

/** Enough of an id to tell runs apart: its end is random. */
function shortId(id: string): string {
    return id.length > 16 ? id.slice(-12) : id;
}

/** The tag that only marks where an epoch begins. */
const MARK = 'epoch';

function Ends({ runs }: { runs: readonly Followed[] }) {
    const { t, name, seconds, time, figure } = useI18n();
    const details = ({ started, finished, best }: Run) =>
        [
            started && t('runs.startedAt', { time: time(started) }),
            started &&
                finished &&
                t('runs.took', {
                    time: seconds((Date.parse(finished) - Date.parse(started)) / 1e3),
                }),
            best && t('runs.bestIs', { tag: best.tag, value: figure(best.value) }),
        ].filter(Boolean);

    return (
        <ul class="ends">
            {runs.map(({ run }, i) => (
                <li key={run.id}>
                    <p role="status">
                        {runs.length > 1 && <span class={`swatch series-${i + 1}`} />}
                        <span class={`dot ${run.status}`} aria-hidden="true" />
                        {runs.length > 1 && (
                            <>
                                <a class="id" href={href('runs', run.id)}>
                                    {shortId(run.id)}
                                </a>{' '}
                            </>
                        )}
                        {t(`runs.status.${run.status}`)}
                        {run.stop_reason !== null && ` (${name('stop', run.stop_reason)})`}
                    </p>
                    <p class="muted small">
                        {details(run).join(t('list.separator'))}
                    </p>
                    {run.message !== null && (
                        <p class="failure" lang="en">
                            {run.message}
                        </p>
                    )}
                </li>
            ))}
        </ul>
    );
}

/** A row a name, a column a run. */
function SideBySide({
    caption,
    first,
    runs,
    rows,
}: {
    caption: string;
    first: string;
    runs: readonly Followed[];
    rows: readonly { name: string; cells: readonly string[] }[];
}) {
    const { t } = useI18n();

    return (
        <Table
            caption={caption}
            head={
                <>
                    <Head>{first}</Head>
                    {runs.map(({ run }) => (
                        <Head key={run.id}>
                            {runs.length > 1 ? shortId(run.id) : t('runs.value')}
                        </Head>
                    ))}
                </>
            }
        >
            {rows.map(({ name, cells }) => (
                <tr key={name}>
                    <th scope="row">{name}</th>
                    {cells.map((cell, i) => (
                        <td key={runs[i]!.run.id}>{cell}</td>
                    ))}
                </tr>
            ))}
        </Table>
    );
}

/** Of one run all settings, of several those that differ. */
function Settings({ runs }: { runs: readonly Followed[] }) {
    const { t } = useI18n();
    const flat = runs.map(({ run: { app, seed, config, system } }) =>
        flatten({ app, seed, config, system }),
    );
    const names = [...new Set(flat.flatMap((settings) => Object.keys(settings)))];
    const rows = names
        .map((name) => ({ name, cells: flat.map((settings) => settings[name] ?? '–') }))
        .filter(({ cells }) => runs.length === 1 || new Set(cells).size > 1);
    const title = runs.length > 1 ? t('runs.differences') : t('runs.settings');

    return (
        <Panel title={title}>
            {rows.length === 0 ? (
                <p class="muted">{t('runs.same')}</p>
            ) : (
                <SideBySide caption={title} first={t('runs.setting')} runs={runs} rows={rows} />
            )}
        </Panel>
    );
}

function Curves({ runs, tags }: { runs: readonly Followed[]; tags: readonly string[] }) {
    const { t } = useI18n();
    const linesOf = (tag: string): Line[] =>
        runs.flatMap(({ run, curves }, place) => {
            const curve = curves.get(tag);
            return curve ? [{ ...curve, label: shortId(run.id), place }] : [];
        });

    return (
        <Panel title={t('runs.curves')}>
            {tags.length === 0 && <p class="muted">{t('runs.noCurves')}</p>}
            <div class="columns">
                {tags.map((tag) => (
                    <LineChart
                        key={tag}
                        title={tag}
                        lines={linesOf(tag)}
                        named={runs.length > 1}
                    />
                ))}
            </div>
        </Panel>
    );
}

function Figures({ runs, tags }: { runs: readonly Followed[]; tags: readonly string[] }) {
    const { t, figure } = useI18n();
    const rows = tags.map((tag) => ({
        name: tag,
        cells: runs.map(({ curves }) => {
            const value = curves.get(tag)?.values.at(-1);
            return value === undefined ? '–' : figure(value);
        }),
    }));

    return (
        <Panel title={t('runs.figures')}>
            <SideBySide
                caption={t('runs.figures')}
                first={t('runs.metric')}
                runs={runs}
                rows={rows}
            />
        </Panel>
    );
}

export function RunPage({ ids }: { ids: readonly string[] }) {
    const { t } = useI18n();
    const { runs, error } = useRuns(ids.slice(0, LINES_MAX));
    const tags = [...new Set((runs ?? []).flatMap(({ curves }) => [...curves.keys()]))].filter(
        (tag) => tag !== MARK,
    );
    const isCurve = (tag: string) =>
        runs?.some(({ curves }) => (curves.get(tag)?.steps.length ?? 0) > 1) ?? false;
    const figures = tags.filter((tag) => !isCurve(tag));
    const made = runs?.length === 1 && runs[0]!.run.status === 'done' ? runs[0]!.run : null;

    return (
        <>
            <p>
                <a href={href('runs')}>{t('runs.back')}</a>
                {made && (
                    <>
                        {' · '}
                        <a href={href('models', made.id)}>{t('runs.toModel')}</a>
                    </>
                )}
            </p>
            {error && <Failure error={error} />}
            {!runs && !error && <Loading />}
            {runs && (
                <>
                    <Panel
                        title={runs.length > 1 ? t('runs.compared') : t('runs.one')}
                        aside={runs.length === 1 && <code class="id">{runs[0]!.run.id}</code>}
                    >
                        <Ends runs={runs} />
                    </Panel>
                    <Curves runs={runs} tags={tags.filter(isCurve)} />
                    {figures.length > 0 && <Figures runs={runs} tags={figures} />}
                    <Settings runs={runs} />
                </>
            )}
        </>
    );
}

// Every training run there is a folder of; some of them can be chosen and compared.
import { useEffect, useState } from 'preact/hooks';
import { useLoad } from '../api/client';
import type { Run, Runs as RunList } from '../api/types';
import { LINES_MAX } from '../charts/lines';
import { useI18n } from '../i18n';
import { stats } from '../live';
import { useValue } from '../observable';
import { href } from '../router';
import { Empty, Failure, Loading } from '../ui/notes';
import { Panel } from '../ui/panel';
import { Head, Table } from '../ui/table';
import { RunPage } from './run';

const LIST_N = 100;
const PERIOD_MS = 2000;

function Row({ run, chosen, choose }: { run: Run; chosen: boolean; choose: () => void }) {
    const { t, time, figure } = useI18n();
    const box = `choose-${run.id}`;

    return (
        <tr>
            <td>
                <input type="checkbox" id={box} checked={chosen} onChange={choose} />
                <label class="sr-only" for={box}>
                    {t('runs.choose', { id: run.id })}
                </label>
            </td>
            <th scope="row">
                <a class="id" href={href('runs', run.id)}>
                    {run.id}
                </a>
            </th>
            <td class="nowrap">
                <span class={`dot ${run.status}`} aria-hidden="true" />
                {t(`runs.status.${run.status}`)}
            </td>
            <td class="nowrap">{run.started ? time(run.started) : '–'}</td>
            <td class="number">{run.seed}</td>
            <td>
                {run.best ? (
                    <>
                        {figure(run.best.value)} <span class="range">{run.best.tag}</span>
                    </>
                ) : (
                    '–'
                )}
            </td>
        </tr>
    );
}

function CompareButton({ chosen }: { chosen: readonly string[] }) {
    const { t } = useI18n();
    const ready = chosen.length >= 2;

    return (
        <button
            type="button"
            class="primary"
            aria-disabled={!ready}
            onClick={() => {
                if (ready) location.hash = href('runs', chosen.join(','));
            }}
        >
            {t('runs.compare')}
        </button>
    );
}

function RunsOf() {
    const { t, plural } = useI18n();
    const training = useValue(stats)?.training;
    const [turn, setTurn] = useState(0);
    const [chosen, setChosen] = useState<readonly string[]>([]);
    // a training that begins or ends changes the list, even when both fall between two looks
    const stamp = `${training?.started} ${training?.finished} ${turn}`;
    const list = useLoad<RunList>('/v1/runs', { limit: LIST_N }, stamp);
    const runs = list.data?.runs;
    const running = runs?.some((run) => run.status === 'running') ?? false;

    useEffect(() => {
        if (!running) return undefined;
        const timer = setInterval(() => setTurn((n) => n + 1), PERIOD_MS);
        return () => clearInterval(timer);
    }, [running]);

    const choose = (id: string) =>
        setChosen((old) =>
            old.includes(id) ? old.filter((one) => one !== id) : [...old, id].slice(-LINES_MAX),
        );

    return (
        <Panel title={t('runs.all')} aside={<CompareButton chosen={chosen} />}>
            <p class="muted">{t('runs.explain', { n: LINES_MAX })}</p>
            {list.error && <Failure error={list.error} retry={list.reload} />}
            {!runs && list.busy && <Loading />}
            {runs?.length === 0 && (
                <Empty title={t('runs.empty')}>
                    <p>{t('runs.emptyNext')}</p>
                </Empty>
            )}
            {runs && runs.length > 0 && (
                <Table
                    caption={t('runs.all')}
                    head={
                        <>
                            <Head>{t('runs.chosen')}</Head>
                            <Head>{t('runs.id')}</Head>
                            <Head>{t('runs.state')}</Head>
                            <Head>{t('runs.started')}</Head>
                            <Head number>{t('runs.seed')}</Head>
                            <Head>{t('runs.best')}</Head>
                        </>
                    }
                >
                    {runs.map((run) => (
                        <Row
                            key={run.id}
                            run={run}
                            chosen={chosen.includes(run.id)}
                            choose={() => choose(run.id)}
                        />
                    ))}
                </Table>
            )}
            {list.data !== null && list.data.skipped > 0 && (
                <p class="muted small">{plural('runs.skipped', list.data.skipped)}</p>
            )}
        </Panel>
    );
}

/** One id shows a run, several with commas between compare them. */
export function Runs({ id }: { id: string | null }) {
    const ids = [...new Set(id?.split(','))].filter((one) => one !== '');
    return ids.length === 0 ? <RunsOf /> : <RunPage key={id} ids={ids} />;
}

// Every model version beside its baselines, and which one serves, and why.
import { useState } from 'preact/hooks';
import { type ApiError, asApiError, call, useLoad } from '../api/client';
import { type Model, type Models as ModelList, reportOf } from '../api/types';
import { useI18n } from '../i18n';
import { refreshStats, stats } from '../live';
import { useValue } from '../observable';
import { href } from '../router';
import { Empty, Failure, Loading } from '../ui/notes';
import { Panel } from '../ui/panel';
import { Head, Table } from '../ui/table';
import { TrainButton, TrainingState } from '../ui/train';
import { Version } from './version';

function Activate({ model, done }: { model: Model; done: () => void }) {
    const { t } = useI18n();
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<ApiError | null>(null);

    async function activate() {
        setBusy(true);
        setError(null);
        try {
            const path = `/v1/models/${encodeURIComponent(model.version)}/activate`;
            await call(path, { method: 'POST' });
            refreshStats();
            done();
        } catch (problem) {
            setError(asApiError(problem));
        } finally {
            setBusy(false);
        }
    }

    if (model.active) return <span class="badge good">{t('models.serving')}</span>;
    return (
        <>
            <button
                type="button"
                aria-disabled={busy}
                aria-label={t('models.activateOne', { version: model.version })}
                onClick={() => {
                    if (!busy) void activate();
                }}
            >
                {t('models.activate')}
            </button>
            {error && <Failure error={error} />}
        </>
    );
}

function Versions({
    models,
    shown,
    done,
}: {
    models: readonly Model[];
    shown: Model;
    done: () => void;
}) {
    const i18n = useI18n();
    const { t } = i18n;

    return (
        <Table
            caption={t('models.versions')}
            head={
                <>
                    <Head>{t('models.version')}</Head>
                    <Head>{t('models.created')}</Head>
                    <Head>{t('models.promoted')}</Head>
                    <Head number>{t('metric.hr10')}</Head>
                    <Head number>{t('metric.ndcg10')}</Head>
                    <Head number>{t('models.size')}</Head>
                    <Head>{t('models.state')}</Head>
                </>
            }
        >
            {models.map((model) => {
                const best = reportOf(model)?.evaluation?.find((row) => row.promoted);
                return (
                    <tr key={model.version} class={model === shown ? 'current' : undefined}>
                        <th scope="row">
                            <a
                                href={href('models', model.version)}
                                aria-current={model === shown ? 'true' : undefined}
                                class="id"
                            >
                                {model.version}
                            </a>
                        </th>
                        <td class="nowrap">
                            {i18n.time(model.created)}
                            {model.stale_since !== null && (
                                <span class="range">
                                    {t('models.staleSince', { time: i18n.time(model.stale_since) })}
                                </span>
                            )}
                        </td>
                        <td>{best ? i18n.name('model', best.model) : '–'}</td>
                        <td class="number">{best ? i18n.number(best.hr10, 4) : '–'}</td>
                        <td class="number">{best ? i18n.number(best.ndcg10, 4) : '–'}</td>
                        <td class="number nowrap">{i18n.bytes(model.bytes)}</td>
                        <td>
                            <Activate model={model} done={done} />
                        </td>
                    </tr>
                );
            })}
        </Table>
    );
}

export function Models({ id }: { id: string | null }) {
    const { t } = useI18n();
    const training = useValue(stats)?.training;
    // a run that has just ended is a new row here
    const list = useLoad<ModelList>('/v1/models', {}, training?.finished ?? null);
    const models = list.data?.models;
    const shown =
        models?.find((model) => model.version === id) ??
        models?.find((m) => m.active && m.app === 'recommend') ??
        models?.find((m) => m.active) ??
        models?.[0];

    return (
        <>
            <Panel title={t('train.title')} aside={<TrainButton />}>
                <TrainingState />
            </Panel>
            {list.error && <Failure error={list.error} retry={list.reload} />}
            {!models && list.busy && <Loading />}
            {models && !shown && (
                <Empty title={t('models.empty')}>
                    <p>{t('models.emptyNext')}</p>
                </Empty>
            )}
            {id !== null && models && shown && shown.version !== id && (
                <p class="failure" role="alert">
                    {t('models.unknown', { version: id })}
                </p>
            )}
            {models && shown && (
                <>
                    <Version model={shown} />
                    <Panel title={t('models.versions')}>
                        <Versions models={models} shown={shown} done={list.reload} />
                    </Panel>
                </>
            )}
        </>
    );
}

// Every rung measured, who serves on which surface, and why: as the model's own report says it.
import { IntervalPlot } from '../charts/intervals';
import { useLoad } from '../api/client';
import { type Model, type Models, reportOf } from '../api/types';
import { type I18n, useI18n } from '../i18n';
import { Empty, Failure, Loading } from '../ui/notes';
import { Panel } from '../ui/panel';
import { Head, Table } from '../ui/table';
import { Version } from './version';

type Figures = Record<string, unknown>;

const objects = (x: unknown): Figures[] =>
    Array.isArray(x)
        ? x.filter((one): one is Figures => typeof one === 'object' && one !== null)
        : [];
const isNumber = (x: unknown): x is number => typeof x === 'number';
const text = (x: unknown) => (typeof x === 'string' && x !== '' ? x : null);

/** Rungs of one task: estimate and interval of NDCG@10 of those that have both. */
function intervals({ name }: I18n, surface: Figures) {
    return objects(surface.rungs).flatMap((rung) => {
        const label = text(rung.rung) ?? text(rung.model) ?? text(rung.name);
        const { ndcg10: value, ndcg10_low: low, ndcg10_high: high } = rung;
        return label && isNumber(value) && isNumber(low) && isNumber(high)
            ? [
                  {
                      label: name('model', label),
                      value,
                      low,
                      high,
                      promoted: label === text(surface.serves),
                  },
              ]
            : [];
    });
}

function Serving({ surfaces }: { surfaces: readonly Figures[] }) {
    const i18n = useI18n();
    const { t, name, figure } = i18n;
    const charts = surfaces
        .map((surface) => ({ surface: text(surface.surface) ?? '', rows: intervals(i18n, surface) }))
        .filter(({ rows }) => rows.length > 0);

    return (
        <Panel title={t('recommend.serving')}>
            <p class="muted">{t('recommend.servingHow')}</p>
            <Table
                caption={t('recommend.serving')}
                head={
                    <>
                        <Head>{t('recommend.surface')}</Head>
                        <Head>{t('recommend.serves')}</Head>
                        <Head>{t('recommend.protocol')}</Head>
                        <Head number>{t('recommend.difference')}</Head>
                        <Head>{t('recommend.gate')}</Head>
                    </>
                }
            >
                {surfaces.map((surface, i) => (
                    <tr key={text(surface.surface) ?? i}>
                        <th scope="row">{name('surface', text(surface.surface) ?? '–')}</th>
                        <td>{name('model', text(surface.serves) ?? '–')}</td>
                        <td lang="en">{text(surface.protocol) ?? text(surface.task) ?? '–'}</td>
                        <td class="number nowrap">
                            {isNumber(surface.low) && isNumber(surface.high)
                                ? `${figure(surface.low)} … ${figure(surface.high)}`
                                : '–'}
                        </td>
                        <td class="gate" lang="en">
                            {text(surface.why) ?? text(surface.gate) ?? '–'}
                        </td>
                    </tr>
                ))}
            </Table>
            {charts.map(({ surface, rows }) => (
                <IntervalPlot
                    key={surface}
                    title={t('recommend.rungsOf', { surface: name('surface', surface) })}
                    name={`treadle-ladder-${surface}`}
                    rows={rows}
                />
            ))}
        </Panel>
    );
}

export function Ladder() {
    const { t } = useI18n();
    const list = useLoad<Models>('/v1/models', {});
    const models = list.data?.models.filter((model) => model.app === 'recommend');
    const serving: Model | undefined = models?.find((model) => model.active) ?? models?.[0];
    const surfaces = objects((serving && (reportOf(serving) as Figures | null))?.surfaces);

    return (
        <>
            {list.error && <Failure error={list.error} retry={list.reload} />}
            {!models && list.busy && <Loading />}
            {models && !serving && (
                <Empty title={t('models.empty')}>
                    <p>{t('recommend.untrained')}</p>
                </Empty>
            )}
            {surfaces.length > 0 && <Serving surfaces={surfaces} />}
            {serving && <Version model={serving} />}
        </>
    );
}

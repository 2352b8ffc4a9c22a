// Every rung measured, who serves on which surface, and why: as the model's own report says it.
import { type Interval, IntervalPlot } from '../charts/intervals';
import { useLoad } from '../api/client';
import { type Model, type Models, type Report, reportOf } from '../api/types';
import { type I18n, useI18n } from '../i18n';
import { Empty, Failure, Loading } from '../ui/notes';
import { Panel } from '../ui/panel';
import { Head, Table } from '../ui/table';
import { Version } from './version';

type Surface = NonNullable<Report['surfaces']>[number];
type Task = NonNullable<Report['tasks']>[number];
type Rung = Task['ladder'][number];

/** The paired difference to what it is compared with. */
function difference({ t, name, number }: I18n, of: Surface | Rung): string {
    const { against, difference: mean, difference_low: low, difference_high: high } = of;

    return against && mean !== undefined && low !== undefined && high !== undefined
        ? t('recommend.against', {
              against: name('model', against),
              difference: `${mean < 0 ? '−' : '+'}${number(Math.abs(mean), 4)}`,
              low: number(low, 4),
              high: number(high, 4),
          })
        : '–';
}

function Serving({ surfaces }: { surfaces: readonly Surface[] }) {
    const i18n = useI18n();
    const { t, name, number, plural } = i18n;

    return (
        <Panel title={t('recommend.serving')}>
            <p class="muted">{t('recommend.servingHow')}</p>
            <Table
                caption={t('recommend.serving')}
                head={
                    <>
                        <Head>{t('recommend.surface')}</Head>
                        <Head>{t('recommend.serves')}</Head>
                        <Head>{t('recommend.why')}</Head>
                        <Head>{t('recommend.difference')}</Head>
                        <Head>{t('recommend.parts')}</Head>
                        <Head>{t('recommend.task')}</Head>
                    </>
                }
            >
                {surfaces.map((one) => (
                    <tr key={one.surface}>
                        <th scope="row">{name('surface', one.surface)}</th>
                        <td>{name('model', one.serves)}</td>
                        <td>{name('because', one.reason)}</td>
                        <td class="nowrap">{difference(i18n, one)}</td>
                        <td>
                            {(one.parts ?? [])
                                .map(({ model, weight }) =>
                                    t('recommend.part', {
                                        model: name('model', model),
                                        weight: number(weight, 3),
                                    }),
                                )
                                .join(t('list.separator')) || '–'}
                        </td>
                        <td>
                            {one.task === null ? '–' : name('task', one.task)}
                            {one.people !== undefined && (
                                <span class="range">{plural('recommend.people', one.people)}</span>
                            )}
                        </td>
                    </tr>
                ))}
            </Table>
        </Panel>
    );
}

/** Estimates of one cut, of rungs that took part. */
function atCut({ name }: I18n, task: Task, cut: number): Interval[] {
    return task.ladder.flatMap(({ model, serves, tests }) => {
        const test = tests?.[cut];
        return test
            ? [
                  {
                      label: name('model', model),
                      value: test.ndcg10,
                      low: test.ndcg10_low,
                      high: test.ndcg10_high,
                      promoted: serves,
                  },
              ]
            : [];
    });
}

function OneTask({ task }: { task: Task }) {
    const i18n = useI18n();
    const { t, name, bytes } = i18n;
    const title = t('recommend.taskTitle', { task: name('task', task.task) });
    const day = new Intl.DateTimeFormat(i18n.locale, { dateStyle: 'medium', timeZone: 'UTC' });

    return (
        <Panel title={title} aside={<span>{i18n.plural('recommend.people', task.people)}</span>}>
            <div class="columns">
                {task.cuts.map(({ cut }, at) => (
                    <IntervalPlot
                        key={cut}
                        title={t('recommend.taskChart', {
                            cut: day.format(new Date(cut)),
                            task: name('task', task.task),
                        })}
                        name={`treadle-${task.task}-${cut.slice(0, 10)}`}
                        rows={atCut(i18n, task, at)}
                    />
                ))}
            </div>
            <Table
                caption={title}
                head={
                    <>
                        <Head>{t('version.model')}</Head>
                        <Head>{t('recommend.verdict')}</Head>
                        <Head>{t('recommend.difference')}</Head>
                        <Head number>{t('models.size')}</Head>
                    </>
                }
            >
                {task.ladder.map((rung) => (
                    <tr key={rung.model} class={rung.serves ? 'current' : undefined}>
                        <th scope="row">
                            {name('model', rung.model)}{' '}
                            {rung.serves && (
                                <span class="badge good">{t('models.serving')}</span>
                            )}
                        </th>
                        <td>
                            {name('verdict', rung.verdict)}
                            {rung.refused && (
                                <span class="range gate" lang="en">
                                    {rung.refused}
                                </span>
                            )}
                        </td>
                        <td class="nowrap">{difference(i18n, rung)}</td>
                        <td class="number nowrap">
                            {rung.bytes === undefined ? '–' : bytes(rung.bytes)}
                        </td>
                    </tr>
                ))}
            </Table>
        </Panel>
    );
}

export function Ladder() {
    const { t } = useI18n();
    const list = useLoad<Models>('/v1/models', {});
    const models = list.data?.models.filter((model) => model.app === 'recommend');
    const serving: Model | undefined = models?.find((model) => model.active) ?? models?.[0];
    const report = serving && reportOf(serving);
    const tasks = (report?.tasks ?? []).filter(({ ladder }) => ladder.length > 0);

    return (
        <>
            {list.error && <Failure error={list.error} retry={list.reload} />}
            {!models && list.busy && <Loading />}
            {models && !serving && (
                <Empty title={t('models.empty')}>
                    <p>{t('recommend.untrained')}</p>
                </Empty>
            )}
            {report?.surfaces && <Serving surfaces={report.surfaces} />}
            {tasks.map((task) => (
                <OneTask key={task.task} task={task} />
            ))}
            {serving && <Version model={serving} />}
        </>
    );
}

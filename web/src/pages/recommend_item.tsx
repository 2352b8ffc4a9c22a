// One item: what is said of it, who has it, where it may be shown, what stands beside it.
import { useState } from 'preact/hooks';
import { useLoad } from '../api/client';
import type { ItemView, ShownReport } from '../api/types';
import { useI18n } from '../i18n';
import { href } from '../router';
import { Empty, Failure, Loading } from '../ui/notes';
import { Panel } from '../ui/panel';
import { Slate } from '../ui/slate';
import { Head, Table } from '../ui/table';
import { rateWords, surfaceName } from './recommend_shown';

const FIELDS = [
    'text',
    'categories',
    'tags',
    'price',
    'currency',
    'stock',
    'available',
    'seller',
    'regions',
    'published_at',
    'expires_at',
    'image',
    'url',
] as const;

function Record({ item }: { item: ItemView }) {
    const { t } = useI18n();
    const said = FIELDS.flatMap((field) => {
        const value = item[field];
        if (value === null || value === undefined) return [];
        return [[field, Array.isArray(value) ? value.join(t('list.separator')) : String(value)]];
    }) as [string, string][];
    const own = Object.entries(item.attributes ?? {}).map(
        ([name, value]): [string, string] => [
            name,
            typeof value === 'string' ? value : JSON.stringify(value),
        ],
    );

    if (!said.length && !own.length) return <p class="muted">{t('item.undescribed')}</p>;
    return (
        <dl class="facts">
            {[...said, ...own].map(([name, value]) => (
                <div key={name}>
                    <dt>
                        <code>{name}</code>
                    </dt>
                    <dd>{value}</dd>
                </div>
            ))}
        </dl>
    );
}

function Known({ item }: { item: ItemView }) {
    const i18n = useI18n();
    const { t, number } = i18n;
    const { recommend } = item;
    const facts = [
        [t('item.users'), number(recommend.users)],
        [t('item.impressions'), number(recommend.impressions)],
        [
            t('item.model'),
            recommend.model === null
                ? t('decision.noModel')
                : recommend.in_model
                  ? t('item.inModel')
                  : t('item.notInModel'),
        ],
    ] as const;

    return (
        <Panel title={t('item.serving')}>
            <dl class="facts">
                {facts.map(([label, value]) => (
                    <div key={label}>
                        <dt>{label}</dt>
                        <dd>{value}</dd>
                    </div>
                ))}
            </dl>
            <Table
                caption={t('item.where')}
                head={
                    <>
                        <Head>{t('recommend.surface')}</Head>
                        <Head>{t('item.mayShow')}</Head>
                    </>
                }
            >
                {recommend.surfaces.map(({ surface, kept_out }) => (
                    <tr key={surface}>
                        <th scope="row">
                            <a href={href('recommend', `rules/${surface}`)}>
                                {surfaceName(i18n, surface)}
                            </a>
                        </th>
                        <td>
                            {kept_out === null ? (
                                <span class="badge good">{t('item.shown')}</span>
                            ) : (
                                i18n.name('kept', kept_out)
                            )}
                        </td>
                    </tr>
                ))}
            </Table>
        </Panel>
    );
}

function Lately({ id }: { id: string }) {
    const i18n = useI18n();
    const { t, number } = i18n;
    const loaded = useLoad<ShownReport>('/v1/recommend/report', { item: id });
    const report = loaded.data;

    return (
        <Panel title={t('item.lately')}>
            {loaded.error && <Failure error={loaded.error} retry={loaded.reload} />}
            {!report && loaded.busy && <Loading />}
            {report?.item && (
                <p>
                    {report.item.events.length
                        ? report.item.events
                              .map(({ kind, n }) =>
                                  t('lines.value', {
                                      run: kind === null ? t('shown.otherKinds') : i18n.name('kind', kind),
                                      value: number(n),
                                  }),
                              )
                              .join(t('list.separator'))
                        : t('item.noEvents')}
                </p>
            )}
            {report && report.surfaces.length > 0 && (
                <Table
                    caption={t('item.lately')}
                    head={
                        <>
                            <Head>{t('recommend.surface')}</Head>
                            <Head number>{t('shown.slots')}</Head>
                            <Head number>{t('shown.success')}</Head>
                        </>
                    }
                >
                    {report.surfaces.map(({ surface, item }) => (
                        <tr key={surface}>
                            <th scope="row">{surfaceName(i18n, surface)}</th>
                            <td class="number">{number(item?.n ?? 0)}</td>
                            <td class="number">{item ? rateWords(i18n, item) : '–'}</td>
                        </tr>
                    ))}
                </Table>
            )}
        </Panel>
    );
}

function Find() {
    const { t } = useI18n();
    const [id, setId] = useState('');

    return (
        <form
            class="picker"
            onSubmit={(event) => {
                event.preventDefault();
                if (id) location.hash = href('recommend', `item/${id}`);
            }}
        >
            <label for="item-id">{t('item.id')}</label>
            <input
                id="item-id"
                value={id}
                onInput={(event) => setId(event.currentTarget.value)}
            />
            <button type="submit">{t('item.show')}</button>
        </form>
    );
}

function One({ id }: { id: string }) {
    const { t } = useI18n();
    const loaded = useLoad<ItemView>(`/v1/items/${encodeURIComponent(id)}`);
    const item = loaded.data;

    return (
        <>
            {loaded.error && <Failure error={loaded.error} retry={loaded.reload} />}
            {!item && loaded.busy && <Loading />}
            {item && (
                <>
                    <Panel title={item.title ?? item.id} aside={<code class="id">{item.id}</code>}>
                        {item.deleted && <p class="failure">{t('item.deleted')}</p>}
                        <Record item={item} />
                    </Panel>
                    <Known item={item} />
                    <Lately id={id} />
                    <Panel title={t('item.similar')}>
                        {item.recommend.similar.items.length ? (
                            <Slate
                                items={item.recommend.similar.items}
                                label={t('item.similar')}
                            />
                        ) : (
                            <p class="muted">{t('item.noSimilar')}</p>
                        )}
                    </Panel>
                </>
            )}
        </>
    );
}

export function ItemPage({ id }: { id: string | null }) {
    const { t } = useI18n();

    return (
        <>
            <Find />
            {id === null ? (
                <Empty title={t('item.none')}>
                    <p>{t('item.noneNext')}</p>
                </Empty>
            ) : (
                <One id={id} />
            )}
        </>
    );
}

// The decision log, newest first.
import { useState } from 'preact/hooks';
import { useLoad } from '../api/client';
import type { DecisionList, DecisionSummary } from '../api/types';
import { useI18n } from '../i18n';
import { href } from '../router';
import { Empty, Failure, Loading } from '../ui/notes';
import { Panel } from '../ui/panel';
import { Head, Table } from '../ui/table';
import { DecisionPage } from './decision';

const LIST_N = 50;

function Rows({ decisions }: { decisions: readonly DecisionSummary[] }) {
    const i18n = useI18n();
    const { t, plural } = i18n;

    return (
        <Table
            caption={t('decisions.caption')}
            head={
                <>
                    <Head>{t('decisions.time')}</Head>
                    <Head>{t('users.user')}</Head>
                    <Head>{t('decisions.shown')}</Head>
                    <Head>{t('decisions.rewards')}</Head>
                </>
            }
        >
            {decisions.map((decision) => {
                const titles = decision.items.map((item) => item.title ?? item.id);
                return (
                    <tr key={decision.id}>
                        <th scope="row" class="nowrap">
                            <a href={href('decisions', decision.id)}>{i18n.time(decision.time)}</a>
                        </th>
                        <td>
                            {decision.user ? (
                                <a href={href('users', decision.user)}>{decision.user}</a>
                            ) : (
                                t('decisions.nobody')
                            )}
                        </td>
                        <td class="titles">
                            {titles.slice(0, 3).join(t('list.separator'))}
                            {titles.length > 3 && (
                                <span class="muted">
                                    {' '}
                                    {plural('decisions.more', titles.length - 3)}
                                </span>
                            )}
                        </td>
                        <td>
                            {decision.rewards.length
                                ? decision.rewards
                                      .map((reward) => i18n.name('kind', reward.kind))
                                      .join(t('list.separator'))
                                : '–'}
                        </td>
                    </tr>
                );
            })}
        </Table>
    );
}

function DecisionsOf() {
    const { t } = useI18n();
    const [user, setUser] = useState('');
    const [text, setText] = useState('');
    const list = useLoad<DecisionList>('/v1/decisions', {
        limit: LIST_N,
        ...(user ? { user } : {}),
    });

    return (
        <>
            <form
                class="picker"
                role="search"
                onSubmit={(event) => {
                    event.preventDefault();
                    setUser(text.trim());
                    list.reload();
                }}
            >
                <label for="decision-user">{t('decisions.filter')}</label>
                <input
                    id="decision-user"
                    autocomplete="off"
                    spellcheck={false}
                    value={text}
                    onInput={(event) => setText(event.currentTarget.value)}
                />
                <button type="submit">{t('decisions.refresh')}</button>
            </form>
            <Panel title={user ? t('decisions.ofUser', { user }) : t('decisions.newest')}>
                {list.error && <Failure error={list.error} retry={list.reload} />}
                {!list.data && list.busy && <Loading />}
                {list.data?.decisions.length === 0 && (
                    <Empty title={t('decisions.empty')}>
                        <p>{t('decisions.emptyNext')}</p>
                        <p>
                            <a href={href('users')}>{t('decisions.toUsers')}</a>
                        </p>
                    </Empty>
                )}
                {list.data && list.data.decisions.length > 0 && (
                    <Rows decisions={list.data.decisions} />
                )}
            </Panel>
        </>
    );
}

export function Decisions({ id }: { id: string | null }) {
    return id === null ? <DecisionsOf /> : <DecisionPage key={id} id={id} />;
}

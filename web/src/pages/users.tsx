// Picking a user: type an id with suggestions, or take one who was active just now.
import { useEffect, useState } from 'preact/hooks';
import { useLoad } from '../api/client';
import type { Users as UserList } from '../api/types';
import { useI18n } from '../i18n';
import { href } from '../router';
import { Empty, Failure, Loading } from '../ui/notes';
import { Panel } from '../ui/panel';
import { Head, Table } from '../ui/table';
import { User } from './user';

const PAUSE_MS = 150; // after the last key press, before suggestions are asked for

function Picker({ id }: { id: string | null }) {
    const { t } = useI18n();
    const [text, setText] = useState(id ?? '');
    const [prefix, setPrefix] = useState(text);
    const found = useLoad<UserList>('/v1/users', { prefix, limit: 20 });

    useEffect(() => {
        const timer = setTimeout(() => setPrefix(text), PAUSE_MS);
        return () => clearTimeout(timer);
    }, [text]);
    return (
        <form
            class="picker"
            role="search"
            onSubmit={(event) => {
                event.preventDefault();
                if (text.trim()) location.hash = href('users', text.trim());
            }}
        >
            <label for="user-id">{t('users.label')}</label>
            <input
                id="user-id"
                list="user-suggestions"
                autocomplete="off"
                spellcheck={false}
                value={text}
                onInput={(event) => setText(event.currentTarget.value)}
            />
            <datalist id="user-suggestions">
                {found.data?.users.map((user) => (
                    <option key={user.id} value={user.id} />
                ))}
            </datalist>
            <button type="submit" class="primary">
                {t('users.show')}
            </button>
        </form>
    );
}

function Recent() {
    const { t, number, time } = useI18n();
    const list = useLoad<UserList>('/v1/users', { limit: 20 });

    if (list.error) return <Failure error={list.error} retry={list.reload} />;
    if (!list.data) return <Loading />;
    if (!list.data.users.length)
        return (
            <Empty title={t('users.empty')}>
                <p>{t('users.emptyNext')}</p>
            </Empty>
        );
    return (
        <Panel title={t('users.recent')}>
            <Table
                caption={t('users.recent')}
                head={
                    <>
                        <Head>{t('users.user')}</Head>
                        <Head number>{t('total.events')}</Head>
                        <Head>{t('users.last')}</Head>
                    </>
                }
            >
                {list.data.users.map((user) => (
                    <tr key={user.id}>
                        <th scope="row">
                            <a href={href('users', user.id)}>{user.id}</a>
                        </th>
                        <td class="number">{number(user.events)}</td>
                        <td class="nowrap">{user.last_event ? time(user.last_event) : '–'}</td>
                    </tr>
                ))}
            </Table>
        </Panel>
    );
}

export function Users({ id }: { id: string | null }) {
    return (
        <>
            <Picker key={id} id={id} />
            {id === null ? <Recent /> : <User key={id} id={id} />}
        </>
    );
}

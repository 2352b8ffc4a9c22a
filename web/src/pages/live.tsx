// Events as they are stored. The filter stands in the address.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { LiveEvent } from '../api/types';
import { RateChart } from '../charts/rate';
import { useI18n } from '../i18n';
import { href } from '../router';
import { Empty } from '../ui/notes';
import { Panel } from '../ui/panel';
import { Head, Table } from '../ui/table';
import { type Filter, type Tail, useTail } from './tail';

const SPEAK_MS = 5000; // screen readers hear of news this often, not of each event
const PROPERTIES_SHOWN = 120;

/** A filter out of an address that anybody may have typed. */
function read(id: string | null): Filter {
    const query = new URLSearchParams(id ?? '');
    return { kind: query.get('kind') ?? '', user: query.get('user') ?? '' };
}

function Form({ asked }: { asked: Filter }) {
    const { t } = useI18n();
    const [draft, setDraft] = useState(asked);

    return (
        <form
            class="picker"
            role="search"
            onSubmit={(event) => {
                event.preventDefault();
                const { kind, user } = draft;
                location.hash = href('live', `${new URLSearchParams({ kind, user })}`);
            }}
        >
            <label for="live-kind">{t('live.kind')}</label>
            <input
                id="live-kind"
                value={draft.kind}
                onInput={(event) => setDraft({ ...draft, kind: event.currentTarget.value.trim() })}
            />
            <label for="live-user">{t('live.user')}</label>
            <input
                id="live-user"
                value={draft.user}
                onInput={(event) => setDraft({ ...draft, user: event.currentTarget.value.trim() })}
            />
            <button type="submit" class="primary">
                {t('live.filter')}
            </button>
        </form>
    );
}

function properties({ properties, cut }: LiveEvent, left: string): string {
    if (cut) return left;
    const text = properties === null ? '' : JSON.stringify(properties);
    return text.length > PROPERTIES_SHOWN ? `${text.slice(0, PROPERTIES_SHOWN)}…` : text;
}

function Rows({ events }: { events: readonly LiveEvent[] }) {
    const { t, name, number, time } = useI18n();

    return (
        <Table
            caption={t('live.events')}
            head={
                <>
                    <Head>{t('live.time')}</Head>
                    <Head>{t('live.kind')}</Head>
                    <Head>{t('live.user')}</Head>
                    <Head>{t('live.item')}</Head>
                    <Head number>{t('live.value')}</Head>
                    <Head>{t('live.properties')}</Head>
                </>
            }
        >
            {events.map((event) => (
                <tr key={event.seq}>
                    <td class="nowrap">{time(event.time)}</td>
                    <td>{name('kind', event.kind)}</td>
                    <td>
                        <a href={href('users', event.user)}>{event.user}</a>
                    </td>
                    <td>{event.item ?? ''}</td>
                    <td class="number">{event.value === null ? '' : number(event.value)}</td>
                    <td class="wide">
                        <code>{properties(event, t('live.cut'))}</code>
                    </td>
                </tr>
            ))}
        </Table>
    );
}

/** Says now and then how much came, and what the newest was. */
function useSpoken({ total, events }: Tail): string {
    const { plural, name } = useI18n();
    const [spoken, setSpoken] = useState('');
    const now = useRef({ total, newest: events[0] });
    const before = useRef(0);
    now.current = { total, newest: events[0] };

    useEffect(() => {
        const timer = setInterval(() => {
            const { total: all, newest } = now.current;
            const n = all - before.current;
            before.current = all;
            if (n > 0 && newest)
                setSpoken(
                    plural('live.spoken', n, {
                        kind: name('kind', newest.kind),
                        user: newest.user,
                    }),
                );
        }, SPEAK_MS);
        return () => clearInterval(timer);
    }, []);
    return spoken;
}

function Stream({ filter }: { filter: Filter }) {
    const { t, plural, number } = useI18n();
    const [turn, setTurn] = useState(0);
    const [held, setHeld] = useState<{ events: readonly LiveEvent[]; total: number } | null>(null);
    const tail = useTail(filter, turn);
    const spoken = useSpoken(tail);
    const events = held ? held.events : tail.events;
    const words =
        held === null
            ? t(`live.state.${tail.state}`)
            : plural('live.held', Math.max(0, tail.total - held.total));

    return (
        <>
            <Panel
                title={t('live.rate')}
                aside={
                    <button
                        type="button"
                        aria-pressed={held !== null}
                        onClick={() =>
                            setHeld(held ? null : { events: tail.events, total: tail.total })
                        }
                    >
                        {t('live.pause')}
                    </button>
                }
            >
                <p class="live-state">
                    {words}
                    {tail.dropped > 0 && ` · ${t('live.dropped', { n: number(tail.dropped) })}`}
                </p>
                {tail.state === 'refused' && (
                    <button type="button" onClick={() => setTurn((n) => n + 1)}>
                        {t('action.retry')}
                    </button>
                )}
                <p class="sr-only" role="status">
                    {spoken}
                </p>
                <RateChart perSecond={tail.perSecond} />
            </Panel>
            <Panel title={t('live.events')}>
                {events.length > 0 ? (
                    <Rows events={events} />
                ) : (
                    <Empty title={t('live.none')}>
                        <p>{t('live.noneNext')}</p>
                    </Empty>
                )}
            </Panel>
        </>
    );
}

export function Live({ id }: { id: string | null }) {
    const { t } = useI18n();
    const filter = read(id);

    return (
        <>
            <Panel title={t('live.what')}>
                <Form key={id} asked={filter} />
            </Panel>
            <Stream key={id} filter={filter} />
        </>
    );
}

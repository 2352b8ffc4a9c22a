// The live tail: a stream of events, kept as far as a page can show them, and counted by the second.
import { useEffect, useState } from 'preact/hooks';
import { call } from '../api/client';
import type { LiveEvent } from '../api/types';

const KEPT = 100;
const SECONDS = 60;
const FLUSH_MS = 250;

export interface Filter {
    kind: string;
    user: string;
}

/** opening: no answer yet; lost: the browser tries again; refused: the server took no more. */
export type TailState = 'opening' | 'open' | 'lost' | 'refused';

export interface Tail {
    state: TailState;
    /** The newest first. */
    events: readonly LiveEvent[];
    /** Events of each of the last 60 seconds, oldest first; those left out are among them. */
    perSecond: readonly number[];
    /** Since the stream was opened. */
    total: number;
    dropped: number;
}

const NOTHING: Tail = {
    state: 'opening',
    events: [],
    perSecond: Array<number>(SECONDS).fill(0),
    total: 0,
    dropped: 0,
};

function address({ kind, user }: Filter): string {
    const query = new URLSearchParams();
    if (kind) query.set('kind', kind);
    if (user) query.set('user', user);
    return `/v1/events/live?${query}`;
}

/** Opens the stream of `filter`, anew with each `turn`. */
export function useTail(filter: Filter, turn: number): Tail {
    const [tail, setTail] = useState(NOTHING);
    const url = address(filter);

    useEffect(() => {
        const stream = new EventSource(url);
        const counts = [...NOTHING.perSecond];
        let state: TailState = 'opening';
        let events: LiveEvent[] = [];
        let second = Math.floor(Date.now() / 1000);
        let total = 0;
        let dropped = 0;

        function count(n: number) {
            counts[SECONDS - 1]! += n;
            total += n;
        }
        function show() {
            for (const now = Math.floor(Date.now() / 1000); second < now; second += 1) {
                counts.shift();
                counts.push(0);
            }
            setTail({ state, events, perSecond: [...counts], total, dropped });
        }
        stream.onopen = () => (state = 'open');
        stream.onmessage = ({ data }: MessageEvent<string>) => {
            events = [JSON.parse(data) as LiveEvent, ...events.slice(0, KEPT - 1)];
            count(1);
        };
        stream.addEventListener('dropped', ({ data }: MessageEvent<string>) => {
            const { dropped: n } = JSON.parse(data) as { dropped: number };
            dropped += n;
            count(n);
        });
        stream.onerror = () => {
            state = stream.readyState === EventSource.CLOSED ? 'refused' : 'lost';
            // a stream says no status: any other question ends a session that is over
            if (state === 'refused') call('/v1/kinds').catch(() => undefined);
        };
        setTail(NOTHING);
        const timer = setInterval(show, FLUSH_MS);
        return () => {
            clearInterval(timer);
            stream.close();
        };
    }, [url, turn]);
    return tail;
}

// The server's pulse: /v1/stats once a second while somebody is signed in and looks at the page.
import { ApiError, call } from './api/client';
import type { Stats } from './api/types';
import { observable } from './observable';
import { session } from './session';

const PERIOD_MS = 1000;
const RETRY_MAX_MS = 8000;

/** lost: retrying; denied: the key may not ask for statistics; paused: the tab is hidden. */
export type Connection = 'connecting' | 'live' | 'lost' | 'denied' | 'paused';

export const connection = observable<Connection>('connecting');
export const stats = observable<Stats | null>(null);

let timer = 0;
let failures = 0;
let round = 0; // answers of an older round are dropped

function schedule(delay_ms: number): void {
    clearTimeout(timer);
    timer = window.setTimeout(() => void ask(), delay_ms);
}

async function ask(): Promise<void> {
    const mine = ++round;

    if (session.get() === null) return;
    if (document.hidden) {
        connection.set('paused');
        return;
    }
    try {
        const answer = await call<Stats>('/v1/stats');
        if (mine !== round) return;
        failures = 0;
        stats.set(answer);
        connection.set('live');
        schedule(PERIOD_MS);
    } catch (error) {
        if (mine !== round || session.get() === null) return;
        const denied = error instanceof ApiError && error.status === 403;
        failures += 1;
        connection.set(denied ? 'denied' : 'lost');
        schedule(Math.min(PERIOD_MS * 2 ** failures, RETRY_MAX_MS));
    }
}

/** Ask now instead of at the next tick: something was just changed. */
export function refreshStats(): void {
    schedule(0);
}

/** Call once. */
export function startLive(): void {
    session.watch((value) => {
        round += 1;
        failures = 0;
        stats.set(null);
        connection.set('connecting');
        clearTimeout(timer);
        if (value !== null) schedule(0);
    });
    document.addEventListener('visibilitychange', () => {
        if (!document.hidden) schedule(0);
    });
    schedule(0);
}

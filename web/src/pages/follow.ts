// Runs and their curves, kept up to date while they run: only what is new is asked for.
import { useEffect, useState } from 'preact/hooks';
import { type ApiError, asApiError, call } from '../api/client';
import type { Run, RunCurves } from '../api/types';
import { type Curve, extend } from '../charts/curves';

const PERIOD_MS = 1000;
const RETRY_MS = 4000;

export interface Followed {
    run: Run;
    /** By tag, in the order they first appeared. */
    curves: ReadonlyMap<string, Curve>;
    /** Cursor of the next question. */
    next: number;
}

function merge(old: Followed | undefined, answer: RunCurves): Followed {
    const curves = new Map(old?.curves);

    for (const series of answer.series)
        curves.set(series.tag, extend(curves.get(series.tag) ?? { steps: [], values: [] }, series));
    return { run: answer.run, curves, next: answer.next };
}

async function ask(id: string, old: Followed | undefined, signal: AbortSignal): Promise<Followed> {
    const path = `/v1/runs/${encodeURIComponent(id)}`;
    return merge(old, await call<RunCurves>(path, { query: { after: old?.next ?? 0 }, signal }));
}

/** All of `ids`, or null until they are loaded. An error stays until the next good answer. */
export function useRuns(ids: readonly string[]): {
    runs: readonly Followed[] | null;
    error: ApiError | null;
} {
    const key = ids.join(',');
    const [state, setState] = useState<{
        key: string;
        runs: readonly Followed[] | null;
        error: ApiError | null;
    }>({ key, runs: null, error: null });

    useEffect(() => {
        const abort = new AbortController();
        let known: readonly Followed[] | null = null;
        let timer = 0;
        const again = (delay_ms: number) => {
            timer = window.setTimeout(() => void turn(), delay_ms);
        };
        async function turn() {
            if (document.hidden && known) return again(PERIOD_MS); // nobody looks
            try {
                const runs: Followed[] = await Promise.all(
                    ids.map((id, i) => {
                        const old = known?.[i];
                        return old && old.run.status !== 'running'
                            ? old
                            : ask(id, old, abort.signal);
                    }),
                );
                known = runs;
                setState({ key, runs, error: null });
                if (runs.some(({ run }) => run.status === 'running')) again(PERIOD_MS);
            } catch (error) {
                if (abort.signal.aborted) return;
                setState({ key, runs: known, error: asApiError(error) });
                if (asApiError(error).status !== 404) again(RETRY_MS);
            }
        }
        void turn();
        return () => {
            abort.abort();
            clearTimeout(timer);
        };
    }, [key]);

    return state.key === key ? state : { runs: null, error: null };
}

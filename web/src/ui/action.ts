// A request that a button starts: whether it is under way, and what became of it.
import { useState } from 'preact/hooks';
import { type ApiError, asApiError } from '../api/client';

export interface Action<T> {
    busy: boolean;
    error: ApiError | null;
    /** What the last one gave; null before, and after a failure. */
    result: T | null;
    run(task: () => Promise<T>): void;
}

export function useAction<T>(): Action<T> {
    const [state, setState] = useState<Omit<Action<T>, 'run'>>({
        busy: false,
        error: null,
        result: null,
    });

    return {
        ...state,
        run(task) {
            if (state.busy) return;
            setState({ busy: true, error: null, result: null });
            task().then(
                (result) => setState({ busy: false, error: null, result }),
                (problem: unknown) =>
                    setState({ busy: false, error: asApiError(problem), result: null }),
            );
        },
    };
}

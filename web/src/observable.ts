// One value that components can watch: all shared state of the dashboard is a handful of these.
import { useEffect, useState } from 'preact/hooks';

export interface Observable<T> {
    get(): T;
    set(next: T): void;
    /** Calls `listener` after each change; returns the function that stops it. */
    watch(listener: (value: T) => void): () => void;
}

export function observable<T>(initial: T): Observable<T> {
    const listeners = new Set<(value: T) => void>();
    let value = initial;

    return {
        get: () => value,
        set(next) {
            if (Object.is(next, value)) return;
            value = next;
            for (const listener of [...listeners]) listener(next);
        },
        watch(listener) {
            listeners.add(listener);
            return () => void listeners.delete(listener);
        },
    };
}

/** The current value; the component renders again whenever it changes. */
export function useValue<T>(source: Observable<T>): T {
    const [value, setValue] = useState<T>(() => source.get());

    useEffect(() => {
        setValue(() => source.get()); // it may have changed between render and effect
        return source.watch((next) => setValue(() => next));
    }, [source]);
    return value;
}

// Talking to the server: one function that adds the CSRF token, one error type, one hook that loads.
import { useCallback, useEffect, useState } from 'preact/hooks';
import { session, signOut } from '../session';

/** What went wrong, in the server's own words where it said any (problem+json). */
export class ApiError extends Error {
    constructor(
        /** HTTP status; 0 when no answer came at all. */
        readonly status: number,
        message: string,
        readonly hint: string | null = null,
    ) {
        super(message);
    }
}

export interface Call {
    method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
    query?: Record<string, string | number>;
    body?: unknown;
    /** A table, sent as it is, instead of a body of JSON. */
    table?: Blob;
    signal?: AbortSignal;
}

async function problem(response: Response): Promise<ApiError> {
    const text = await response.text();
    try {
        const { detail, title, hint } = JSON.parse(text) as Record<string, unknown>;
        const message = [detail, title].find((x) => typeof x === 'string' && x !== '');
        return new ApiError(
            response.status,
            String(message ?? response.statusText),
            typeof hint === 'string' && hint !== '' ? hint : null,
        );
    } catch {
        return new ApiError(response.status, response.statusText || String(response.status));
    }
}

/** One request. A refused one (401) also ends the session. Throws ApiError or AbortError. */
export async function call<T>(path: string, asked: Call = {}): Promise<T> {
    return (await (await ask(path, asked)).json()) as T;
}

/** The same, of an answer that is no JSON. */
export async function callText(path: string, asked: Call): Promise<string> {
    return (await ask(path, asked)).text();
}

async function ask(path: string, { method, query, body, table, signal }: Call): Promise<Response> {
    const search = query
        ? `?${new URLSearchParams(Object.entries(query).map(([k, v]) => [k, String(v)]))}`
        : '';
    const used = session.get();
    const changes = method !== undefined && method !== 'GET';
    let response: Response;

    try {
        response = await fetch(path + search, {
            method: method ?? 'GET',
            headers: {
                Accept: 'application/json',
                ...(used !== null && changes ? { 'X-CSRF-Token': used.csrf } : {}),
                ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
                ...(table === undefined ? {} : { 'Content-Type': 'text/csv' }),
            },
            body: table ?? (body === undefined ? null : JSON.stringify(body)),
            signal: signal ?? null,
            cache: 'no-store',
            credentials: 'same-origin',
        });
    } catch (error) {
        if (error instanceof DOMException && error.name === 'AbortError') throw error;
        throw new ApiError(0, error instanceof Error ? error.message : String(error));
    }
    if (response.ok) return response;
    if (response.status === 401 && session.get() === used) signOut('ended');
    throw await problem(response);
}

export function asApiError(error: unknown): ApiError {
    return error instanceof ApiError ? error : new ApiError(0, String(error));
}

export interface Loaded<T> {
    /** The last good answer; it stays while a newer one is on its way. */
    data: T | null;
    error: ApiError | null;
    busy: boolean;
    reload(): void;
}

/** Loads `path` (nothing while it is null) and again whenever an argument or `stamp` changes. */
export function useLoad<T>(
    path: string | null,
    query: Record<string, string | number> = {},
    stamp: unknown = null,
): Loaded<T> {
    const id = path === null ? null : `${path}?${JSON.stringify(query)}`;
    const [turn, setTurn] = useState(0);
    const [state, setState] = useState<{
        id: string | null;
        data: T | null;
        error: ApiError | null;
        busy: boolean;
    }>({
        id,
        data: null,
        error: null,
        busy: id !== null,
    });

    useEffect(() => {
        if (path === null) return undefined;
        const abort = new AbortController();
        setState((old) => ({ id, data: old.id === id ? old.data : null, error: null, busy: true }));
        call<T>(path, { query, signal: abort.signal }).then(
            (data) => setState({ id, data, error: null, busy: false }),
            (error: unknown) => {
                if (abort.signal.aborted) return;
                setState((old) => ({ ...old, error: asApiError(error), busy: false }));
            },
        );
        return () => abort.abort();
    }, [id, turn, stamp]);

    const reload = useCallback(() => setTurn((n) => n + 1), []);
    const current = state.id === id; // an answer to an older question is never shown
    return {
        data: current ? state.data : null,
        error: current ? state.error : null,
        busy: current ? state.busy : id !== null,
        reload,
    };
}

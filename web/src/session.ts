// Who is asking: a session of this server. The API key is sent once, to sign in, and is kept nowhere.
// What stays is a cookie that no script can read, and the token that requests which change something
// show beside it.
import { observable } from './observable';

export interface Session {
    right: 'decide' | 'admin';
    csrf: string;
}

/** Why the sign-in form is shown: nobody signed in yet, the server refused the key, the key may only
 *  write, no answer came, the session is over, or by wish. */
export type SignedOut = 'new' | 'refused' | 'weak' | 'failed' | 'ended' | 'left';

export const session = observable<Session | null>(null);
export const signedOut = observable<SignedOut>('new');

async function ask(method: 'GET' | 'POST' | 'DELETE', headers: Record<string, string> = {}) {
    const response = await fetch('/v1/session', {
        method,
        headers: { Accept: 'application/json', ...headers },
        cache: 'no-store',
        credentials: 'same-origin',
    });
    const answer = response.ok ? ((await response.json()) as Partial<Session>) : {};
    const { right, csrf } = answer;
    return {
        status: response.status,
        session: right !== undefined && csrf !== undefined ? { right, csrf } : null,
    };
}

function end(why: SignedOut): void {
    signedOut.set(why);
    session.set(null);
}

/** Ends with a session, or with the reason why there is none. */
export async function signIn(key: string): Promise<void> {
    try {
        const answer = await ask('POST', { Authorization: `Bearer ${key}` });
        if (answer.session !== null) session.set(answer.session);
        else if (answer.status === 401) end('refused');
        else end(answer.status === 403 ? 'weak' : 'failed');
    } catch {
        end('failed'); // no answer, or a key that no header can hold
    }
}

/** The session this browser may still have. */
export async function resume(): Promise<void> {
    try {
        session.set((await ask('GET')).session);
    } catch {
        // the form is shown; signing in will say what is wrong
    }
}

/** 'left' also takes the cookie away; 'ended' is what the server said. */
export function signOut(why: 'left' | 'ended'): void {
    const csrf = session.get()?.csrf;

    end(why);
    if (why === 'left' && csrf !== undefined)
        ask('DELETE', { 'X-CSRF-Token': csrf }).catch(() => undefined);
}

/** Signs in with the key of an address that ends in `#key=...`, and cleans the address bar at once.
 *  Null when there is none. */
export function takeKeyFromAddress(): Promise<void> | null {
    const match = /^#key=(.+)$/.exec(location.hash);
    if (!match) return null;
    history.replaceState(null, '', location.pathname + location.search);
    try {
        return signIn(decodeURIComponent(match[1]!));
    } catch {
        end('refused'); // not even percent-encoded text
        return Promise.resolve();
    }
}

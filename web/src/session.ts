// Who is asking: the API key of this browser tab. It is never put into a URL, a cookie or
// localStorage: closing the tab forgets it.
import { observable } from './observable';

const NAME = 'treadle.key';

/** Why the sign-in form is shown: nobody signed in yet, the server refused the key, or by wish. */
export type SignedOut = 'new' | 'refused' | 'left';

function stored(): string | null {
    try {
        return sessionStorage.getItem(NAME);
    } catch {
        return null;
    }
}

export const key = observable<string | null>(stored());
export const signedOut = observable<SignedOut>('new');

export function signIn(value: string): void {
    try {
        sessionStorage.setItem(NAME, value);
    } catch {
        // without sessionStorage the key lives in memory only
    }
    key.set(value);
}

export function signOut(why: SignedOut): void {
    try {
        sessionStorage.removeItem(NAME);
    } catch {
        // nothing was stored
    }
    signedOut.set(why);
    key.set(null);
}

/** Takes the key out of an address that ends in `#key=...` and cleans the address bar. */
export function takeKeyFromAddress(): void {
    const match = /^#key=(.+)$/.exec(location.hash);
    if (!match) return;
    history.replaceState(null, '', location.pathname + location.search);
    try {
        signIn(decodeURIComponent(match[1]!));
    } catch {
        signOut('refused'); // not even percent-encoded text
    }
}

// localStorage that may be switched off: a preference then lasts as long as the page.

export function recall(name: string): string | null {
    try {
        return localStorage.getItem(`treadle.${name}`);
    } catch {
        return null;
    }
}

export function remember(name: string, value: string): void {
    try {
        localStorage.setItem(`treadle.${name}`, value);
    } catch {
        // nothing to do: the choice still holds for this page
    }
}

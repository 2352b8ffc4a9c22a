// What a new answer changed beside the one before it.

export interface Changes<T> {
    /** Places each item of the new answer climbed (negative: fell); null if it is new. */
    moved: Map<string, number | null>;
    /** Items of the old answer that are no longer in the new one. */
    gone: T[];
    entered: number;
    shifted: number;
}

export function compareAnswers<T extends { id: string }>(
    before: readonly T[],
    after: readonly T[],
): Changes<T> {
    const place = new Map(before.map((item, i) => [item.id, i]));
    const kept = new Set(after.map((item) => item.id));
    const moved = new Map<string, number | null>();

    after.forEach((item, i) => {
        const old = place.get(item.id);
        moved.set(item.id, old === undefined ? null : old - i);
    });
    const steps = [...moved.values()];
    return {
        moved,
        gone: before.filter((item) => !kept.has(item.id)),
        entered: steps.filter((step) => step === null).length,
        shifted: steps.filter((step) => step !== null && step !== 0).length,
    };
}

// A question as the form has it, as an address holds it, and as the server is asked it.
import type { InsightQuery } from '../api/types';

/** One view each, in the order they are offered. */
export const REPORTS = ['trend', 'users', 'breakdown', 'funnel', 'retention', 'sessions'] as const;
export type Report = (typeof REPORTS)[number];
export const DAYS = [1, 7, 30, 90, 365] as const;
export const EVERY = ['hour', 'day', 'week'] as const;
export type Every = (typeof EVERY)[number];

export interface Question {
    report: Report;
    days: number;
    every: Every;
    /** Kinds of events, as typed: "view, cart, order". */
    kinds: string;
    property: string;
    /** Spans as the server reads them: 30m, 7d. */
    within: string;
    gap: string;
}

export const FIRST: Question = {
    report: 'trend',
    days: 30,
    every: 'day',
    kinds: '',
    property: '',
    within: '7d',
    gap: '30m',
};

function among<T>(all: readonly T[], said: unknown, fallback: T): T {
    return all.find((one) => one === said) ?? fallback;
}

function text(said: unknown, fallback: string): string {
    return typeof said === 'string' ? said : fallback;
}

/** A question out of an address that anybody may have typed: the name of a view, or JSON. */
export function read(id: string | null): Question {
    const view = REPORTS.find((report) => report === id);
    if (view) return { ...FIRST, report: view };
    try {
        const said = (JSON.parse(id ?? '{}') ?? {}) as Record<string, unknown>;
        return {
            report: among(REPORTS, said.report, FIRST.report),
            days: among<number>(DAYS, said.days, FIRST.days),
            every: among(EVERY, said.every, FIRST.every),
            kinds: text(said.kinds, FIRST.kinds),
            property: text(said.property, FIRST.property),
            within: text(said.within, FIRST.within),
            gap: text(said.gap, FIRST.gap),
        };
    } catch {
        return FIRST;
    }
}

/** Of an address like r/0192…: the id of a saved report. */
export function savedId(id: string | null): string | null {
    return /^r\/([0-9a-f-]{36})$/.exec(id ?? '')?.[1] ?? null;
}

export function listed(kinds: string): string[] {
    return kinds
        .split(/[,，、]/)
        .map((kind) => kind.trim())
        .filter((kind) => kind !== '');
}

/** Are the fields that a report asks for there? */
export function complete({ report, kinds, property }: Question): boolean {
    if (report === 'funnel') return listed(kinds).length >= 2;
    return report !== 'breakdown' || property !== '';
}

export function toQuery(question: Question, zone_minutes: number): InsightQuery {
    const { report, days, every, property, within, gap } = question;
    const named = listed(question.kinds);
    const range = { report, every, last: `${days}d`, zone_minutes };

    switch (report) {
        case 'funnel':
            return { ...range, steps: named, within };
        case 'retention':
            return {
                ...range,
                ...(named[0] !== undefined && { start: named[0] }),
                ...(named[1] !== undefined && { return: named[1] }),
            };
        case 'sessions':
            return { ...range, gap };
        case 'breakdown':
            return { ...range, property, ...(named.length && { kinds: named }) };
        case 'trend':
        case 'users':
            return { ...range, ...(named.length && { kinds: named }) };
    }
}

/** The form for a saved query, as far as the form can say it. */
export function fromQuery(query: InsightQuery): Question {
    const days = /^(\d+)([dw])$/.exec(query.last ?? '');
    const kinds =
        query.report === 'funnel'
            ? query.steps
            : query.report === 'retention'
              ? [query.start, query.return].filter((kind) => kind !== undefined)
              : query.kinds;

    return read(
        JSON.stringify({
            ...query,
            days: days ? Number(days[1]) * (days[2] === 'w' ? 7 : 1) : undefined,
            kinds: kinds?.join(', '),
        }),
    );
}

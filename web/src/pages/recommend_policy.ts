// A policy as the editor changes it: lists of rules by kind, and a few members beside them.
import type { SurfacePolicy } from '../api/types';

export const RULE_KINDS = ['boost', 'bury', 'pin', 'cap', 'slots'] as const;
export type RuleKind = (typeof RULE_KINDS)[number];

export interface Rule {
    name?: string;
    when?: string;
    by?: number;
    slot?: number;
    item?: string;
    attribute?: string;
    most?: number;
    from?: string | null;
    to?: string | null;
}

export function rulesOf(policy: SurfacePolicy, kind: RuleKind): readonly Rule[] {
    return policy[kind] ?? [];
}

/** As the server calls it: its name, else kind and place. */
export function ruleName(kind: RuleKind, rule: Rule, at: number): string {
    return rule.name ?? `${kind}[${at}]`;
}

export function withRule(policy: SurfacePolicy, kind: RuleKind, rule: Rule): SurfacePolicy {
    return { ...policy, [kind]: [...rulesOf(policy, kind), rule] };
}

export function withoutRule(policy: SurfacePolicy, kind: RuleKind, at: number): SurfacePolicy {
    const left = rulesOf(policy, kind).filter((_, i) => i !== at);
    const { [kind]: _gone, ...rest } = policy;
    return left.length ? { ...rest, [kind]: left } : rest;
}

/** Without a value the member is left out: as the surface's kind has it. */
export function withMember(
    policy: SurfacePolicy,
    member: keyof SurfacePolicy,
    value: string | number | readonly string[] | null,
): SurfacePolicy {
    const { [member]: _gone, ...rest } = policy;
    return value === null || value === '' ? rest : { ...rest, [member]: value };
}

/** What was typed: "auto", or names with commas between them. */
export function rungsFrom(typed: string): string | readonly string[] {
    const names = typed.split(/[,，、\s]+/).filter(Boolean);
    return names.length === 0 ? '' : names.length === 1 && names[0] === 'auto' ? 'auto' : names;
}

/** Two policies that say the same, in whatever order. */
export function samePolicy(a: unknown, b: unknown): boolean {
    const sorted = (x: unknown): unknown =>
        typeof x === 'object' && x !== null && !Array.isArray(x)
            ? Object.fromEntries(
                  Object.entries(x)
                      .sort(([p], [q]) => (p < q ? -1 : 1))
                      .map(([key, value]) => [key, sorted(value)]),
              )
            : Array.isArray(x)
              ? x.map(sorted)
              : x;
    return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

/** What the form of one kind asks for, in order. */
export const FIELDS: Record<RuleKind, readonly (keyof Rule)[]> = {
    boost: ['when', 'by', 'name'],
    bury: ['when', 'by', 'name'],
    pin: ['slot', 'item', 'when', 'from', 'to', 'name'],
    cap: ['attribute', 'most', 'name'],
    slots: ['slot', 'when', 'name'],
};
const NUMBERS: readonly (keyof Rule)[] = ['by', 'slot', 'most'];

export const isNumberField = (field: keyof Rule) => NUMBERS.includes(field);

/** What was typed, as a rule. Empty fields are left out. */
export function ruleFrom(kind: RuleKind, typed: Partial<Record<keyof Rule, string>>): Rule {
    return Object.fromEntries(
        FIELDS[kind].flatMap((field) => {
            const value = typed[field]?.trim() ?? '';
            return value ? [[field, isNumberField(field) ? Number(value) : value]] : [];
        }),
    ) as Rule;
}

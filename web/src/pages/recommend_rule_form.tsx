// The rules of a draft: what there are, and one more.
import { useState } from 'preact/hooks';
import type { SurfacePolicy } from '../api/types';
import { useI18n } from '../i18n';
import { Head, Table } from '../ui/table';
import {
    FIELDS,
    isNumberField,
    RULE_KINDS,
    type Rule,
    ruleFrom,
    type RuleKind,
    ruleName,
    rulesOf,
    withoutRule,
    withRule,
} from './recommend_policy';

interface Props {
    policy: SurfacePolicy;
    change: (policy: SurfacePolicy) => void;
}

function says(rule: Rule): string {
    return rule.when ?? rule.item ?? rule.attribute ?? '';
}

export function RuleTable({ policy, change }: Props) {
    const { t, number, time } = useI18n();
    const rows = RULE_KINDS.flatMap((kind) =>
        rulesOf(policy, kind).map((rule, at) => ({ kind, rule, at })),
    );
    const effect = ({ by, slot, most }: Rule) =>
        by !== undefined
            ? t('rules.by', { n: number(by) })
            : most !== undefined
              ? t('rules.most', { n: number(most) })
              : t('rules.slot', { n: number(slot ?? 0) });
    const span = ({ from, to }: Rule) =>
        from || to ? `${from ? time(from) : '…'} – ${to ? time(to) : '…'}` : null;

    if (!rows.length) return <p>{t('rules.none')}</p>;
    return (
        <Table
            caption={t('rules.rules')}
            head={
                <>
                    <Head>{t('rules.name')}</Head>
                    <Head>{t('rules.kind')}</Head>
                    <Head>{t('rules.of')}</Head>
                    <Head>{t('rules.effect')}</Head>
                    <Head>{t('retention.change')}</Head>
                </>
            }
        >
            {rows.map(({ kind, rule, at }) => {
                const name = ruleName(kind, rule, at);
                return (
                    <tr key={`${kind} ${at}`}>
                        <th scope="row">{name}</th>
                        <td>{t(`rules.kind.${kind}`)}</td>
                        <td>
                            <code>{says(rule)}</code>
                        </td>
                        <td>
                            {effect(rule)}
                            {span(rule) && <span class="range">{span(rule)}</span>}
                        </td>
                        <td>
                            <button
                                type="button"
                                class="quiet"
                                aria-label={t('rules.removeOne', { name })}
                                onClick={() => change(withoutRule(policy, kind, at))}
                            >
                                {t('retention.remove')}
                            </button>
                        </td>
                    </tr>
                );
            })}
        </Table>
    );
}

export function RuleForm({ policy, change }: Props) {
    const { t } = useI18n();
    const [kind, setKind] = useState<RuleKind>('boost');
    const [typed, setTyped] = useState<Partial<Record<keyof Rule, string>>>({});

    return (
        <form
            class="rule-form"
            onSubmit={(event) => {
                event.preventDefault();
                change(withRule(policy, kind, ruleFrom(kind, typed)));
                setTyped({});
            }}
        >
            <p>
                <label for="rule-kind">{t('rules.kind')}</label>
                <select
                    id="rule-kind"
                    value={kind}
                    onChange={(event) => setKind(event.currentTarget.value as RuleKind)}
                >
                    {RULE_KINDS.map((one) => (
                        <option key={one} value={one}>
                            {t(`rules.kind.${one}`)}
                        </option>
                    ))}
                </select>
            </p>
            {FIELDS[kind].map((field) => (
                <p key={field}>
                    <label for={`rule-${field}`}>{t(`rules.field.${field}`)}</label>
                    <input
                        id={`rule-${field}`}
                        type={isNumberField(field) ? 'number' : 'text'}
                        list={undefined}
                        step={field === 'by' ? 'any' : 1}
                        spellcheck={false}
                        placeholder={
                            field === 'when'
                                ? 'price < 20 and not tag("old")'
                                : field === 'from' || field === 'to'
                                  ? '2026-12-01'
                                  : undefined
                        }
                        value={typed[field] ?? ''}
                        onInput={(event) =>
                            setTyped({ ...typed, [field]: event.currentTarget.value })
                        }
                    />
                </p>
            ))}
            <button type="submit">{t('rules.add')}</button>
        </form>
    );
}

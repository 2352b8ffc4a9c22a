// The rules of a surface: a draft, what it would show beside what is shown now, and saving it.
import { useEffect, useState } from 'preact/hooks';
import { call, useLoad } from '../api/client';
import type { Surface, SurfacePolicy, Surfaces } from '../api/types';
import { useI18n } from '../i18n';
import { href } from '../router';
import { useAction } from '../ui/action';
import { Failure, Loading } from '../ui/notes';
import { Panel } from '../ui/panel';
import { RuleForm, RuleTable } from './recommend_rule_form';
import { rungsFrom, samePolicy, withMember } from './recommend_policy';
import { Preview } from './recommend_preview';
import { surfaceName } from './recommend_shown';

const TEXTS = ['where', 'seen', 'window'] as const;
const NUMBERS = ['stock_floor', 'margin_floor'] as const;

function Members({
    policy,
    effective,
    change,
}: {
    policy: SurfacePolicy;
    effective: SurfacePolicy;
    change: (policy: SurfacePolicy) => void;
}) {
    const { t } = useI18n();
    const said = (member: keyof SurfacePolicy, from: SurfacePolicy) => {
        const value = from[member];
        return value === null || value === undefined ? '' : String(value);
    };
    const [rungs, setRungs] = useState(said('rungs', policy));

    useEffect(() => {
        // what was changed elsewhere; what is typed here keeps its commas
        if (String(rungsFrom(rungs)) !== said('rungs', policy)) setRungs(said('rungs', policy));
    }, [policy.rungs]);

    return (
        <div class="rule-form">
            {[...TEXTS, ...NUMBERS].map((member) => (
                <p key={member}>
                    <label for={`policy-${member}`}>{t(`rules.member.${member}`)}</label>
                    <input
                        id={`policy-${member}`}
                        type={member.endsWith('_floor') ? 'number' : 'text'}
                        list={undefined}
                        step="any"
                        value={said(member, policy)}
                        placeholder={said(member, effective)}
                        spellcheck={false}
                        onInput={(event) => {
                            const typed = event.currentTarget.value;
                            const number = member.endsWith('_floor');
                            change(
                                withMember(
                                    policy,
                                    member,
                                    number && typed !== '' ? Number(typed) : typed,
                                ),
                            );
                        }}
                    />
                </p>
            ))}
            <p>
                <label for="policy-rungs">{t('rules.member.rungs')}</label>
                <input
                    id="policy-rungs"
                    type="text"
                    value={rungs}
                    placeholder={said('rungs', effective)}
                    spellcheck={false}
                    onInput={(event) => {
                        setRungs(event.currentTarget.value);
                        change(withMember(policy, 'rungs', rungsFrom(event.currentTarget.value)));
                    }}
                />
            </p>
        </div>
    );
}

function AsJson({
    policy,
    change,
}: {
    policy: SurfacePolicy;
    change: (policy: SurfacePolicy) => void;
}) {
    const { t } = useI18n();
    const [typed, setTyped] = useState<string | null>(null);
    const [wrong, setWrong] = useState<string | null>(null);
    const text = typed ?? JSON.stringify(policy, null, 2);

    useEffect(() => setTyped(null), [policy]);
    return (
        <details>
            <summary>{t('rules.json')}</summary>
            <textarea
                aria-label={t('rules.json')}
                rows={Math.min(24, Math.max(6, text.split('\n').length))}
                spellcheck={false}
                value={text}
                onInput={(event) => setTyped(event.currentTarget.value)}
                onBlur={() => {
                    if (typed === null) return;
                    try {
                        const read: unknown = JSON.parse(typed);
                        if (typeof read !== 'object' || read === null || Array.isArray(read))
                            throw new Error(t('rules.notObject'));
                        setWrong(null);
                        change(read as SurfacePolicy);
                    } catch (problem) {
                        setWrong(problem instanceof Error ? problem.message : String(problem));
                    }
                }}
            />
            {wrong !== null && <p class="failure">{t('rules.badJson', { why: wrong })}</p>}
        </details>
    );
}

/** Somebody else saved while this draft was made. */
function Conflict({ takeTheirs, keepMine }: { takeTheirs: () => void; keepMine: () => void }) {
    const { t } = useI18n();

    return (
        <div class="failure" role="alert">
            <p>
                <strong>{t('rules.conflict')}</strong>
            </p>
            <p>{t('rules.conflictNext')}</p>
            <div class="buttons">
                <button type="button" onClick={takeTheirs}>
                    {t('rules.takeTheirs')}
                </button>
                <button type="button" onClick={keepMine}>
                    {t('rules.keepMine')}
                </button>
            </div>
        </div>
    );
}

function Editor({ kept, reload }: { kept: Surface; reload: () => void }) {
    const i18n = useI18n();
    const { t } = i18n;
    const [base, setBase] = useState(kept);
    const [draft, setDraft] = useState<SurfacePolicy>(kept.policy);
    const saving = useAction<Surface>();
    const path = `/v1/recommend/surfaces/${encodeURIComponent(kept.name)}`;
    const changed = !samePolicy(draft, base.policy);

    function begin(surface: Surface, policy: SurfacePolicy) {
        setBase(surface);
        setDraft(policy);
    }

    async function save(version: number): Promise<Surface> {
        const saved = await call<Surface>(path, {
            method: 'PUT',
            body: { version, policy: draft },
        });
        begin(saved, saved.policy);
        reload();
        return saved;
    }

    async function takeTheirs(): Promise<Surface> {
        const theirs = await call<Surface>(path);
        begin(theirs, theirs.policy);
        return theirs;
    }

    async function keepMine(): Promise<Surface> {
        const theirs = await call<Surface>(path);
        return save(theirs.version);
    }

    return (
        <>
            <Panel
                title={t('rules.title', { surface: surfaceName(i18n, kept.name) })}
                aside={
                    <span class="badge">{t('rules.version', { n: i18n.number(base.version) })}</span>
                }
            >
                <p class="muted">{t('rules.how')}</p>
                <RuleTable policy={draft} change={setDraft} />
                <RuleForm policy={draft} change={setDraft} />
                <Members policy={draft} effective={base.effective} change={setDraft} />
                <AsJson policy={draft} change={setDraft} />
                <div class="buttons">
                    <button
                        type="button"
                        class="primary"
                        aria-disabled={!changed || saving.busy}
                        onClick={() => {
                            if (changed) saving.run(() => save(base.version));
                        }}
                    >
                        {t('rules.save')}
                    </button>
                    <button
                        type="button"
                        aria-disabled={!changed}
                        onClick={() => {
                            if (changed) setDraft(base.policy);
                        }}
                    >
                        {t('rules.discard')}
                    </button>
                </div>
                <p role="status">
                    {changed
                        ? t('rules.unsaved')
                        : saving.result &&
                          t('rules.saved', { n: i18n.number(saving.result.version) })}
                </p>
                {saving.error?.status === 409 ? (
                    <Conflict
                        takeTheirs={() => saving.run(takeTheirs)}
                        keepMine={() => saving.run(keepMine)}
                    />
                ) : (
                    saving.error && <Failure error={saving.error} />
                )}
            </Panel>
            <Preview surface={kept} draft={draft} changed={changed} />
        </>
    );
}

export function Rules({ surface }: { surface: string | null }) {
    const i18n = useI18n();
    const { t } = i18n;
    const list = useLoad<Surfaces>('/v1/recommend/surfaces');
    const surfaces = list.data?.surfaces;
    const chosen = surfaces?.find(({ name }) => name === surface) ?? surfaces?.[0];

    return (
        <>
            {list.error && <Failure error={list.error} retry={list.reload} />}
            {!surfaces && list.busy && <Loading />}
            {surfaces && (
                <ul class="views" aria-label={t('shown.surfaces')}>
                    {surfaces.map(({ name }) => (
                        <li key={name}>
                            <a
                                href={href('recommend', `rules/${name}`)}
                                aria-current={name === chosen?.name ? 'true' : undefined}
                            >
                                {surfaceName(i18n, name)}
                            </a>
                        </li>
                    ))}
                </ul>
            )}
            {chosen && <Editor key={chosen.name} kept={chosen} reload={list.reload} />}
        </>
    );
}

// How long events are kept, by kind.
import { useEffect, useState } from 'preact/hooks';
import { call, useLoad } from '../api/client';
import { useI18n } from '../i18n';
import { useAction } from '../ui/action';
import { Failure, Loading } from '../ui/notes';
import { Panel } from '../ui/panel';
import { Head, Table } from '../ui/table';

const PATH = '/v1/privacy/retention';
const DAYS_MAX = 36_500;

interface Rule {
    /** Of events; empty: all without a rule; $decisions: the log of answers. */
    kind: string;
    days: number;
}
interface Rules {
    rules: Rule[];
    last_run: null | {
        started: string;
        finished: string;
        rows: Record<string, number>;
        error: string | null;
    };
}

function Kind({ kind }: { kind: string }) {
    const { t } = useI18n();

    if (kind === '') return <>{t('retention.others')}</>;
    return kind === '$decisions' ? <>{t('retention.decisions')}</> : <code>{kind}</code>;
}

function LastRun({ run }: { run: NonNullable<Rules['last_run']> }) {
    const { t, number, time } = useI18n();
    const rows = Object.values(run.rows).reduce((sum, n) => sum + n, 0);

    return (
        <>
            <p class="muted small">
                {t('retention.lastRun', { time: time(run.finished), n: number(rows) })}
            </p>
            {run.error !== null && (
                <p class="failure">
                    <span lang="en">{run.error}</span>
                </p>
            )}
        </>
    );
}

function Add({ add }: { add: (rule: Rule) => void }) {
    const { t } = useI18n();
    const [kind, setKind] = useState('');
    const [days, setDays] = useState('');
    const ready = Number(days) >= 1;

    return (
        <form
            class="picker"
            onSubmit={(event) => {
                event.preventDefault();
                if (!ready) return;
                add({ kind: kind.trim(), days: Number(days) });
                setKind('');
                setDays('');
            }}
        >
            <label for="retention-kind">{t('retention.kind')}</label>
            <input
                id="retention-kind"
                autocomplete="off"
                spellcheck={false}
                placeholder={t('retention.others')}
                value={kind}
                onInput={(event) => setKind(event.currentTarget.value)}
            />
            <label for="retention-days">{t('retention.days')}</label>
            <input
                id="retention-days"
                type="number"
                min={1}
                max={DAYS_MAX}
                value={days}
                onInput={(event) => setDays(event.currentTarget.value)}
            />
            <button type="submit" aria-disabled={!ready}>
                {t('retention.add')}
            </button>
        </form>
    );
}

function Draft({ kept, saved }: { kept: readonly Rule[]; saved: () => void }) {
    const { t, number } = useI18n();
    const [rules, setRules] = useState(kept);
    const action = useAction<true>();

    useEffect(() => setRules(kept), [kept]);
    const changed = JSON.stringify(rules) !== JSON.stringify(kept);
    return (
        <>
            {rules.length === 0 && <p>{t('retention.forEver')}</p>}
            {rules.length > 0 && (
                <Table
                    caption={t('retention.title')}
                    head={
                        <>
                            <Head>{t('retention.kind')}</Head>
                            <Head number>{t('retention.days')}</Head>
                            <Head>{t('retention.change')}</Head>
                        </>
                    }
                >
                    {rules.map(({ kind, days }) => (
                        <tr key={kind}>
                            <th scope="row">
                                <Kind kind={kind} />
                            </th>
                            <td class="number">{number(days)}</td>
                            <td>
                                <button
                                    type="button"
                                    class="quiet"
                                    aria-label={t('retention.removeOne', { kind })}
                                    onClick={() => setRules(rules.filter((r) => r.kind !== kind))}
                                >
                                    {t('retention.remove')}
                                </button>
                            </td>
                        </tr>
                    ))}
                </Table>
            )}
            <Add
                add={(rule) =>
                    setRules([...rules.filter((r) => r.kind !== rule.kind), rule])
                }
            />
            <div class="buttons">
                <button
                    type="button"
                    class="primary"
                    aria-disabled={!changed || action.busy}
                    onClick={() => {
                        if (!changed) return;
                        action.run(async () => {
                            await call(PATH, { method: 'PUT', body: { rules } });
                            saved();
                            return true;
                        });
                    }}
                >
                    {t('retention.save')}
                </button>
            </div>
            <p role="status">
                {changed ? t('retention.unsaved') : action.result && t('retention.saved')}
            </p>
            {action.error && <Failure error={action.error} />}
        </>
    );
}

export function Retention() {
    const { t } = useI18n();
    const list = useLoad<Rules>(PATH);

    return (
        <Panel title={t('retention.title')}>
            <p class="muted">{t('retention.explain')}</p>
            {list.error && <Failure error={list.error} retry={list.reload} />}
            {!list.data && list.busy && <Loading />}
            {list.data && <Draft kept={list.data.rules} saved={list.reload} />}
            {list.data?.last_run && <LastRun run={list.data.last_run} />}
        </Panel>
    );
}

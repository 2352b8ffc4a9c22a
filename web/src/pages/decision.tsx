// One decision as it was logged: candidates with their propensities, reasons, rewards since.
import { useLoad } from '../api/client';
import type { Decision } from '../api/types';
import { useI18n } from '../i18n';
import { href } from '../router';
import { Empty, Failure, Loading } from '../ui/notes';
import { Panel } from '../ui/panel';
import { Reasons } from '../ui/reasons';
import { Head, Table } from '../ui/table';

function Facts({ decision }: { decision: Decision }) {
    const i18n = useI18n();
    const { t } = i18n;

    return (
        <dl class="facts">
            <div>
                <dt>{t('decisions.time')}</dt>
                <dd>{i18n.time(decision.time)}</dd>
            </div>
            <div>
                <dt>{t('users.user')}</dt>
                <dd>
                    {decision.user ? (
                        <a href={href('users', decision.user)}>{decision.user}</a>
                    ) : (
                        t('decisions.nobody')
                    )}
                </dd>
            </div>
            <div>
                <dt>{t('decision.app')}</dt>
                <dd>{decision.app}</dd>
            </div>
            <div>
                <dt>{t('decision.model')}</dt>
                <dd>
                    {decision.model ? (
                        <a class="id" href={href('models', decision.model)}>
                            {decision.model}
                        </a>
                    ) : (
                        t('decision.noModel')
                    )}
                </dd>
            </div>
            <div>
                <dt>{t('decision.context')}</dt>
                <dd>
                    <code class="id">{decision.context_hash}</code>
                </dd>
            </div>
        </dl>
    );
}

function Candidates({ decision }: { decision: Decision }) {
    const { t, number } = useI18n();
    const why = new Map(decision.why.map((entry) => [entry.item, entry.reasons]));

    return (
        <Table
            caption={t('decision.candidates')}
            head={
                <>
                    <Head number>{t('decision.rank')}</Head>
                    <Head>{t('decision.item')}</Head>
                    <Head number>{t('decision.score')}</Head>
                    <Head number>{t('decision.propensity')}</Head>
                    <Head>{t('decision.chosen')}</Head>
                    <Head>{t('decision.why')}</Head>
                </>
            }
        >
            {decision.candidates.map((candidate, i) => {
                const reasons = why.get(candidate.id);
                return (
                    <tr key={candidate.id} class={candidate.chosen ? undefined : 'muted'}>
                        <td class="number">{number(i + 1)}</td>
                        <th scope="row">{candidate.title ?? candidate.id}</th>
                        <td class="number">{number(candidate.score, 4)}</td>
                        <td class="number">{number(candidate.propensity, 3)}</td>
                        <td>
                            {candidate.chosen ? (
                                <span class="badge good">{t('decision.yes')}</span>
                            ) : (
                                t('decision.no')
                            )}
                        </td>
                        <td class="why">{reasons ? <Reasons reasons={reasons} /> : '–'}</td>
                    </tr>
                );
            })}
        </Table>
    );
}

function Rewards({ decision }: { decision: Decision }) {
    const i18n = useI18n();
    const { t } = i18n;

    if (!decision.rewards.length)
        return (
            <Empty title={t('decision.noRewards')}>
                <p>{t('decision.noRewardsNext')}</p>
                <pre tabIndex={0}>
                    <code>{`"decision_id": "${decision.id}"`}</code>
                </pre>
            </Empty>
        );
    return (
        <Table
            caption={t('decisions.rewards')}
            head={
                <>
                    <Head>{t('decisions.time')}</Head>
                    <Head>{t('decision.kind')}</Head>
                    <Head>{t('decision.item')}</Head>
                    <Head number>{t('decision.value')}</Head>
                </>
            }
        >
            {decision.rewards.map((reward) => (
                <tr key={reward.message_id}>
                    <td class="nowrap">{i18n.time(reward.time)}</td>
                    <td>{i18n.name('kind', reward.kind)}</td>
                    <th scope="row">{reward.title ?? reward.item ?? '–'}</th>
                    <td class="number">
                        {reward.value === null || reward.value === undefined
                            ? '–'
                            : i18n.number(reward.value)}
                    </td>
                </tr>
            ))}
        </Table>
    );
}

export function DecisionPage({ id }: { id: string }) {
    const { t } = useI18n();
    const loaded = useLoad<Decision>(`/v1/decisions/${encodeURIComponent(id)}`);
    const decision = loaded.data;

    return (
        <>
            <p>
                <a href={href('decisions')}>{t('decision.back')}</a>
            </p>
            {loaded.error && <Failure error={loaded.error} retry={loaded.reload} />}
            {!decision && loaded.busy && <Loading />}
            {decision && (
                <>
                    <Panel
                        title={t('decision.title')}
                        aside={<code class="id">{decision.id}</code>}
                    >
                        <Facts decision={decision} />
                    </Panel>
                    <Panel title={t('decision.candidates')}>
                        <Candidates decision={decision} />
                    </Panel>
                    <Panel title={t('decisions.rewards')}>
                        <Rewards decision={decision} />
                    </Panel>
                </>
            )}
        </>
    );
}

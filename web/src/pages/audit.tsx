// The audit log, newest first, and whether it is whole.
import { useState } from 'preact/hooks';
import { useLoad } from '../api/client';
import type { AuditEntry, AuditLog as Log } from '../api/types';
import { useI18n } from '../i18n';
import { Failure, Loading } from '../ui/notes';
import { Panel } from '../ui/panel';
import { Head, Table } from '../ui/table';

const PAGE_N = 50;
const COLUMNS = ['action', 'actor', 'seq', 'subject', 'ts']; // the rest is told as it is

function Chain({ chain }: { chain: Log['chain'] }) {
    const { t, plural } = useI18n();

    return (
        <>
            <p role="status">
                <span class={`dot ${chain.whole ? 'done' : 'failed'}`} aria-hidden="true" />
                {chain.whole
                    ? plural('audit.whole', chain.entries)
                    : t('audit.broken', { n: chain.first_bad ?? 1 })}
            </p>
            {chain.head !== null && (
                <p class="muted small">
                    {t('audit.head')} <code class="id">{chain.head}</code>
                </p>
            )}
            {chain.problem !== null && (
                <p class="failure">
                    <span lang="en">{chain.problem}</span>
                </p>
            )}
        </>
    );
}

function Row({ entry }: { entry: AuditEntry }) {
    const { t, name, time } = useI18n();
    const { seq, record } = entry;
    const rest = Object.entries(record ?? {})
        .filter(([member]) => !COLUMNS.includes(member))
        .map(([member, value]) => `${member}=${value}`)
        .join(' ');

    if (record === null)
        return (
            <tr>
                <td class="number">{seq}</td>
                <td colSpan={4}>{t('audit.unreadable')}</td>
            </tr>
        );
    return (
        <tr>
            <td class="number">{seq}</td>
            <td class="nowrap">{time(new Date(record.ts / 1000).toISOString())}</td>
            <th scope="row" class="nowrap">
                {name('action', record.action)}
            </th>
            <td class="nowrap">
                <code>{record.actor}</code>
            </td>
            <td>
                {record.subject !== undefined && <code class="id">{record.subject} </code>}
                {rest !== '' && <code>{rest}</code>}
            </td>
        </tr>
    );
}

export function AuditLog() {
    const { t } = useI18n();
    const [from, setFrom] = useState(0); // 0 = the newest
    const log = useLoad<Log>('/v1/audit', { from, limit: PAGE_N });
    const oldest = log.data?.entries.at(-1)?.seq ?? 1;

    return (
        <Panel
            title={t('audit.title')}
            aside={
                <button type="button" onClick={log.reload}>
                    {t('audit.check')}
                </button>
            }
        >
            <p class="muted">{t('audit.explain')}</p>
            {log.error && <Failure error={log.error} retry={log.reload} />}
            {!log.data && log.busy && <Loading />}
            {log.data && (
                <>
                    <Chain chain={log.data.chain} />
                    <Table
                        caption={t('audit.title')}
                        head={
                            <>
                                <Head number>{t('audit.number')}</Head>
                                <Head>{t('audit.when')}</Head>
                                <Head>{t('audit.what')}</Head>
                                <Head>{t('audit.who')}</Head>
                                <Head>{t('audit.on')}</Head>
                            </>
                        }
                    >
                        {log.data.entries.map((entry) => (
                            <Row key={entry.seq} entry={entry} />
                        ))}
                    </Table>
                    <div class="buttons">
                        {from !== 0 && (
                            <button type="button" onClick={() => setFrom(0)}>
                                {t('audit.newest')}
                            </button>
                        )}
                        {oldest > 1 && (
                            <button type="button" onClick={() => setFrom(oldest - 1)}>
                                {t('audit.older')}
                            </button>
                        )}
                    </div>
                </>
            )}
        </Panel>
    );
}

// Who was erased, newest first, each with the receipt.
import { useEffect } from 'preact/hooks';
import { useLoad } from '../api/client';
import type { Erasure, Erasures } from '../api/types';
import { save } from '../charts/save';
import { useI18n } from '../i18n';
import { Failure, Loading } from '../ui/notes';
import { Panel } from '../ui/panel';
import { Head, Table } from '../ui/table';

const AGAIN_MS = 2000; // while files are being cleaned

function Row({ one }: { one: Erasure }) {
    const { t, time, number } = useI18n();
    const { rows } = one.receipt.receipt;
    const parts = Object.entries(rows).filter(([, n]) => n > 0);
    const sum = parts.reduce((all, [, n]) => all + n, 0);

    return (
        <tr>
            <td class="nowrap">{time(one.removed)}</td>
            <th scope="row">
                <code class="id">{one.subject}</code>
            </th>
            <td>
                <span
                    class={`dot ${one.state === 'done' ? 'done' : 'running'}`}
                    aria-hidden="true"
                />
                {t(`requests.${one.state}`)}
            </td>
            <td class="number">
                {number(sum)}
                <span class="range" lang="en">
                    {parts.map(([table, n]) => `${table} ${n}`).join(', ')}
                </span>
            </td>
            <td>
                <button
                    type="button"
                    class="quiet"
                    aria-label={t('requests.downloadOne', { subject: one.subject })}
                    onClick={() =>
                        save(
                            `receipt-${one.id}.json`,
                            'application/json',
                            JSON.stringify(one.receipt),
                        )
                    }
                >
                    {t('requests.download')}
                </button>
            </td>
        </tr>
    );
}

/** `turn`: another one loads the list anew. */
export function Requests({ turn }: { turn: number }) {
    const { t } = useI18n();
    const list = useLoad<Erasures>('/v1/privacy/requests', {}, turn);
    const requests = list.data?.requests;

    useEffect(() => {
        if (!requests?.some((one) => one.state !== 'done')) return undefined;
        const timer = setTimeout(list.reload, AGAIN_MS);
        return () => clearTimeout(timer);
    }, [requests, list.reload]);
    return (
        <Panel title={t('requests.title')}>
            <p class="muted">{t('requests.explain')}</p>
            {list.error && <Failure error={list.error} retry={list.reload} />}
            {!list.data && list.busy && <Loading />}
            {requests?.length === 0 && <p>{t('requests.none')}</p>}
            {requests && requests.length > 0 && (
                <Table
                    caption={t('requests.title')}
                    head={
                        <>
                            <Head>{t('requests.time')}</Head>
                            <Head>{t('requests.subject')}</Head>
                            <Head>{t('requests.state')}</Head>
                            <Head number>{t('requests.rows')}</Head>
                            <Head>{t('requests.receipt')}</Head>
                        </>
                    }
                >
                    {requests.map((one) => (
                        <Row key={one.id} one={one} />
                    ))}
                </Table>
            )}
        </Panel>
    );
}

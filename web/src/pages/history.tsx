// A user's events, newest first.
import type { HistoryEvent } from '../api/types';
import { useI18n } from '../i18n';
import { href } from '../router';

export function HistoryList({ events }: { events: readonly HistoryEvent[] }) {
    const i18n = useI18n();
    const { t, number, time } = i18n;

    return (
        <ol class="history">
            {events.map((event) => (
                <li key={`${event.source} ${event.message_id}`}>
                    <span class="item-title">{event.title ?? event.item ?? '–'}</span>
                    <span class="muted small">
                        {i18n.name('kind', event.kind)}
                        {event.value !== null && event.value !== undefined && (
                            <> {number(event.value)}</>
                        )}
                        {' · '}
                        <time dateTime={event.time}>{time(event.time)}</time>
                        {event.decision_id && (
                            <>
                                {' · '}
                                <a href={href('decisions', event.decision_id)}>
                                    {t('user.answered')}
                                </a>
                            </>
                        )}
                    </span>
                </li>
            ))}
        </ol>
    );
}

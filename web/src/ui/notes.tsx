// What stands where data would be: nothing yet, still loading, or an error with its remedy.
import type { ComponentChildren } from 'preact';
import type { ApiError } from '../api/client';
import { useI18n } from '../i18n';

/** Nothing to show, and what to do about it. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
    return (
        <div class="empty">
            <p class="empty-title">{title}</p>
            {children}
        </div>
    );
}

export function Loading() {
    const { t } = useI18n();
    return (
        <p class="loading" role="status">
            {t('state.loading')}
        </p>
    );
}

/** The server's own words are English; the title above them is not. */
export function Failure({ error, retry }: { error: ApiError; retry?: () => void }) {
    const { t } = useI18n();
    const title =
        error.status === 0
            ? t('error.network')
            : error.status === 403
              ? t('error.right')
              : error.status === 404
                ? t('error.missing')
                : error.status === 409
                  ? t('error.busy')
                  : t('error.failed', { status: error.status });

    return (
        <div class="failure" role="alert">
            <p>
                <strong>{title}</strong>
            </p>
            {error.status !== 0 && (
                <p lang="en">
                    {error.message}
                    {error.hint && <> ({error.hint})</>}
                </p>
            )}
            {retry && (
                <button type="button" onClick={retry}>
                    {t('action.retry')}
                </button>
            )}
        </div>
    );
}

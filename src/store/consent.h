/* Consent, for the writer: words that come with events. The contract is in store.h. */
#ifndef TDL_STORE_CONSENT_H
#define TDL_STORE_CONSENT_H

#include "store/backend.h"

static inline bool tdl_consent_is_said(const tdl_event *event)
{
    return event->grants || event->denies;
}

/* Store what the event says on consent; on the writer thread, before the event. */
tdl_status tdl_consent_put_event(const tdl_store_ops *ops, tdl_backend *backend,
                                 const tdl_event *event, tdl_report *why);

/* A word of the user with this number; nothing when it is there. */
tdl_status tdl_consent_put_word(const tdl_store_ops *ops, tdl_backend *backend, int64_t user,
                                const tdl_consent *word, tdl_report *why);
/* Bits of purposes, as a number that SQL reads. */
#define TDL_CONSENT_DEFAULT "consent.default"
tdl_status tdl_consent_put_default(const tdl_store_ops *ops, tdl_backend *backend,
                                   const void *value, tdl_report *why);

#endif

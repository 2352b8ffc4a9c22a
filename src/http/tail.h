/* Tails: events told to whoever watches, as they are stored.
 *
 * Life cycle   tdl_tails_new -> tell / tdl_tail_open ... -> tdl_tails_free, once sse is freed
 * Threads      tell on the store's writer thread; everything else on any
 * Failure      the writer never waits: what a reader does not take in time, or what comes faster
 *              than people read, is left out for that reader, and it is told how many were
 *
 * A tail keeps at most TAIL_BYTES for its reader, and TDL_SSE_SOURCES_MAX of them are open.
 */
#ifndef TDL_HTTP_TAIL_H
#define TDL_HTTP_TAIL_H

#include "http/auth.h"
#include "http/sse.h"

typedef struct tdl_tails tdl_tails;

tdl_status tdl_tails_new(tdl_sse *sse, tdl_tails **ret, tdl_report *why);
void tdl_tails_free(tdl_tails *tails); /* accepts NULL */

/* A tdl_store_observer: `tails` is a tdl_tails. */
void tdl_tails_tell(void *tails, const tdl_event *event, int64_t seq);

typedef struct tdl_tail_filter {
    tdl_str kind, user; /* empty = all */
} tdl_tail_filter;

/* A source of the events that pass `filter`, from now on. It ends once the key may not ask any
 * more. ret: for tdl_sse_take_source. */
tdl_status tdl_tail_open(tdl_tails *tails, const tdl_tail_filter *filter, tdl_auth *auth,
                         const char *key_id, tdl_sse_source **ret, tdl_report *why);

#endif

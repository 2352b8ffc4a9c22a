/* The behaviour model on sessions: what follows what has happened in a session, and how long each
 * step took.
 *
 * A session is a row of its own behind a symbol of its beginning; an event is a token with the gap
 * before it. Where counts look back on the last few events, this looks on all of them.
 *
 * Life cycle   tdl_session_net_fit -> tdl_session_net_after, from any thread -> _free
 */
#ifndef TDL_APPS_RECOMMEND_SESSION_NET_H
#define TDL_APPS_RECOMMEND_SESSION_NET_H

#include "apps/recommend/rung.h"

typedef struct tdl_session_net tdl_session_net;

typedef struct tdl_sessions {
    const int32_t *symbol;  /* [offsets[n]] each below classes_n */
    const int64_t *time_us; /* [offsets[n]] never falling within a session */
    const size_t *offsets;  /* [n + 1] */
    size_t n, classes_n;
} tdl_sessions;

/* Passes over the sessions are as many as some hundred thousand symbols allow; nothing is held out.
 * TDL_E_NO_MEMORY | TDL_E_STOPPED. */
tdl_status tdl_session_net_fit(const tdl_sessions *sessions, uint64_t seed, tdl_pool *pool,
                               tdl_session_net **ret, tdl_report *why);
void tdl_session_net_free(tdl_session_net *model); /* accepts NULL */

/* Probabilities of every class after the first n events of a session, n = 0 at its beginning. They
 * sum to 1, and none is below a thousandth of even: what was never met happens too.
 *   ret  [classes_n]      TDL_E_NO_MEMORY */
tdl_status tdl_session_net_after(const tdl_session_net *model, const int32_t *symbol,
                                 const int64_t *time_us, size_t n, double *ret);

#endif

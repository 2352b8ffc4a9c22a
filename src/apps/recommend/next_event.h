/* Inside of the protocol "next-event": what its models were worth, and the report of it. */
#ifndef TDL_APPS_RECOMMEND_NEXT_EVENT_H
#define TDL_APPS_RECOMMEND_NEXT_EVENT_H

#include "apps/recommend/ngram.h"
#include "apps/recommend/offline.h"

enum {
    TDL_NEXT_FIXED = 3, /* Witten-Bell of order 0, 1, 2 */
    TDL_NEXT_COUNTS = TDL_NEXT_FIXED,
    TDL_NEXT_NET,
    TDL_NEXT_BLEND, /* the last two, share by share */
    TDL_NEXT_MODELS,
    TDL_NEXT_KS = 3 /* HR@1, 3, 10 */
};

static const int64_t TDL_SESSION_GAP_US = INT64_C(1800000000);

/* What a model was worth in one session. */
typedef struct tdl_next_worth {
    double loss; /* -sum ln p */
    double hits[TDL_NEXT_KS];
} tdl_next_worth;

/* Of all tested sessions. */
typedef struct tdl_next_tests {
    tdl_next_worth *worth[TDL_NEXT_MODELS]; /* [n] each */
    double *tokens;                         /* [n] */
    int32_t *user;                          /* [n] the report sorts them */
    size_t n;
    size_t models_n; /* without a net: no NET, no BLEND */
    size_t classes_n;
    tdl_ngram_form chosen; /* of the counts */
    double net_share;      /* of the blend */
} tdl_next_tests;

/* Witten-Bell of its order, or what was chosen. */
static inline tdl_ngram_form tdl_next_form(const tdl_next_tests *tests, size_t model)
{
    return model < TDL_NEXT_FIXED ? (tdl_ngram_form){model, 0} : tests->chosen;
}

/* next_event_report.c: who serves, and all figures, as an object of JSON. TDL_E_NO_MEMORY. */
tdl_status tdl_next_event_report(const tdl_next_tests *tests, const tdl_cut *window,
                                 size_t windows_n, uint64_t seed, tdl_jw *w, tdl_report *why);

#endif

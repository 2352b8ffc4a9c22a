/* Who may be shown at all: asked before anything is ranked, so that a narrow filter still finds the
 * best of those that pass it.
 *
 * An item that says nothing of itself passes all but expressions. One that says it may be shown in
 * regions is shown to those who say that theirs is among them (ctx.region), and to whom says none.
 */
#ifndef TDL_APPS_RECOMMEND_ELIGIBLE_H
#define TDL_APPS_RECOMMEND_ELIGIBLE_H

#include <pthread.h>

#include "apps/recommend/policy.h"

typedef struct tdl_eligible_ask {
    const tdl_policy *policy;
    const tdl_bound *where, *filter; /* NULL: none */
    tdl_str region;                  /* empty: not said */
    int64_t now_us;
} tdl_eligible_ask;

/* Why an item may not be shown: NULL if it may, else "deleted", "unavailable", "stock", "date",
 * "margin", "region", "where", "filter". Under the catalogue's lock. */
const char *tdl_eligible_not(const tdl_eligible_ask *ask, const tdl_catalogue *catalogue,
                             int32_t item);

/* What a policy says of items whoever asks, kept from one question to the next: availability,
 * stock, dates, margin, and `where` unless it speaks of the request. Brought up to date by the
 * items that were described since, and worked out anew when a date passes. */
typedef struct tdl_eligible_kept {
    pthread_mutex_t lock;      /* of all below */
    uint64_t *blocked;         /* [tdl_bits_words(items_n)] */
    size_t items_n, cap;       /* items looked at; words there is room for */
    uint64_t described;        /* of the catalogue then */
    int64_t from_us, until_us; /* holds in [from, until) */
    bool regions;              /* some item is for some regions alone */
} tdl_eligible_kept;

void tdl_eligible_kept_init(tdl_eligible_kept *kept);
void tdl_eligible_kept_release(tdl_eligible_kept *kept);
/* Was it worked out already? If not, the next question looks at every item. */
bool tdl_eligible_kept_ready(tdl_eligible_kept *kept);

/* Sets the bit of every item that may not be shown. Under the catalogue's lock.
 *   kept     of this policy and no other
 *   blocked  [tdl_bits_words(items_n)], zero
 * False: no memory. */
bool tdl_eligible_block(const tdl_eligible_ask *ask, const tdl_catalogue *catalogue, size_t items_n,
                        tdl_eligible_kept *kept, uint64_t *blocked);

#endif

/* Who may be shown at all: asked before anything is ranked, so that a narrow filter still finds the
 * best of those that pass it.
 *
 * An item that says nothing of itself passes all but expressions. One that says it may be shown in
 * regions is shown to those who say that theirs is among them (ctx.region), and to whom says none.
 */
#ifndef TDL_APPS_RECOMMEND_ELIGIBLE_H
#define TDL_APPS_RECOMMEND_ELIGIBLE_H

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

/* Sets the bit of every item that may not be shown; blocked [tdl_bits_words(items_n)]. */
void tdl_eligible_block(const tdl_eligible_ask *ask, const tdl_catalogue *catalogue, size_t items_n,
                        uint64_t *blocked);

#endif

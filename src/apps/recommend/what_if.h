/* What each part of a mix would have earned by itself, from answers that were really given.
 *
 * An answer's row keeps, of every slot, the chance that the item had to stand there and which parts
 * alone would have put this very item there, of those that were left in the pool. With what came of
 * it this is one logged decision a slot (stats/off_policy.h): the policy in question fills one slot
 * by the part, those above stand as they stood.
 *
 * Only slots that chance had a part in count: of a slot that could not have been another, nobody
 * knows what another would have earned. Forced slots and estimated chances stay outside.
 *
 * Life cycle   tdl_what_if_new -> read or add -> estimate -> tdl_what_if_free
 */
#ifndef TDL_APPS_RECOMMEND_WHAT_IF_H
#define TDL_APPS_RECOMMEND_WHAT_IF_H

#include "apps/recommend/effects.h"
#include "apps/recommend/names.h"
#include "stats/off_policy.h"
#include "store/store.h"

enum { TDL_WHAT_IF_SLOTS_MAX = 2000000, TDL_WHAT_IF_PARTS_MAX = TDL_CONTENDERS_MAX };

typedef struct tdl_what_if tdl_what_if;

/* slots_max: of a part; further ones are left out. NULL: no memory */
tdl_what_if *tdl_what_if_new(size_t slots_max);
void tdl_what_if_free(tdl_what_if *what_if); /* accepts NULL */

/* One answer.
 *   chance    [effects->slots_n] propensity of each slot, given those above
 *   rewarded  [effects->slots_n] something came of it
 *   unit      whose answer it was
 * TDL_E_NO_MEMORY */
tdl_status tdl_what_if_add(tdl_what_if *what_if, const tdl_effects *effects, const double *chance,
                           const bool *rewarded, uint32_t unit, tdl_report *why);

/* The same of a row of the log, whose effects were unpacked. An event is a reward if it names the
 * decision and an item of it and is no "impression". */
tdl_status tdl_what_if_add_row(tdl_what_if *what_if, const tdl_decision_row *row,
                               const tdl_effects *effects, tdl_report *why);

/* Each answer of this surface from `from_us` on, as the store has it, at most
 * TDL_SHOWN_DECISIONS_MAX. An event is a reward if it names the decision and an item of it and is
 * no "impression". What the store, or `each`, says. */
typedef struct tdl_logged_answer {
    const tdl_decision *decision;
    const tdl_effects *effects;
    const double *chance; /* [effects->slots_n] */
    const bool *rewarded; /* [effects->slots_n] */
    uint32_t unit;        /* whose it is, as `users` numbers them */
} tdl_logged_answer;
typedef tdl_status tdl_logged_answer_fn(void *context, const tdl_logged_answer *answer,
                                        tdl_report *why);
tdl_status tdl_logged_each(tdl_store *store, tdl_str surface, int64_t from_us, tdl_names *users,
                           tdl_logged_answer_fn *each, void *context, tdl_report *why);

/* All of them. */
tdl_status tdl_what_if_read(tdl_what_if *what_if, tdl_store *store, tdl_str surface,
                            int64_t from_us, tdl_report *why);

/* Parts that took part in an answer, by the order of their first. */
size_t tdl_what_if_count(const tdl_what_if *what_if);
tdl_str tdl_what_if_part(const tdl_what_if *what_if, size_t at);

/* TDL_E_NOT_FOUND: no slot of this part. Else as tdl_off_policy_estimate. */
tdl_status tdl_what_if_estimate(const tdl_what_if *what_if, tdl_str part, tdl_off_policy *ret,
                                tdl_report *why);

#endif

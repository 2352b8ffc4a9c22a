/* The candidates of a decision as text: [["item", score, propensity], ...], chosen ones first.
 *
 * A propensity of 1 of a chosen one, and of 0 of another, is left out: that is a choice without
 * chance. Compact and fast on purpose: it is written for every answer. Numbers keep nine
 * significant digits, which say a float exactly.
 */
#ifndef TDL_STORE_CANDIDATES_H
#define TDL_STORE_CANDIDATES_H

#include "base/arena.h"
#include "base/str.h"
#include "treadle/event.h"

/* Append them to `out`, and count the chosen ones, which stand first. */
void tdl_candidates_write(tdl_buf *out, const tdl_candidate *candidates, size_t candidates_n,
                          int64_t *ret_chosen_n);

/* The other way, without titles. ret [*ret_n] in `arena`. TDL_E_CORRUPT: `text` is damaged. */
tdl_status tdl_candidates_read(tdl_str text, int64_t chosen_n, tdl_arena *arena,
                               tdl_candidate **ret, size_t *ret_n, tdl_report *why);

#endif

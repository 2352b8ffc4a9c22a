/* What follows what: counts of symbols after their 0 to 5 predecessors, smoothed down to none.
 *
 *     p_k(x | last k) = (c(last k, x) + w p_{k-1}(x | last k - 1)) / (c(last k) + w)
 *
 * p_{-1} is even over the classes. w is how many different symbols followed (Witten and Bell,
 * 1991), or the strength of a prior, a number of events. What a context never had is left to the
 * shorter ones. Sequences are padded in front, so "nothing before" is a context as well.
 *
 * Life cycle   tdl_ngram_fit -> tdl_ngram_after, from any thread -> tdl_ngram_free
 */
#ifndef TDL_APPS_RECOMMEND_NGRAM_H
#define TDL_APPS_RECOMMEND_NGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/report.h"

enum { TDL_NGRAM_ORDER_MAX = 5 };

typedef struct tdl_ngram tdl_ngram;

typedef struct tdl_ngram_form {
    size_t order; /* predecessors looked at, <= TDL_NGRAM_ORDER_MAX */
    double prior; /* events; 0 = Witten-Bell */
} tdl_ngram_form;

/* Count every order at once.
 *   symbol   [offsets[sequences_n]] each below classes_n
 *   offsets  [sequences_n + 1]
 *   returns  TDL_OK | TDL_E_TOO_LARGE (more than 2^31 contexts) | TDL_E_NO_MEMORY */
tdl_status tdl_ngram_fit(const int32_t *symbol, const size_t *offsets, size_t sequences_n,
                         size_t classes_n, tdl_ngram **ret, tdl_report *why);
void tdl_ngram_free(tdl_ngram *model); /* accepts NULL */

/* Probabilities of every class after `before`, newest last; they sum to 1.   ret [classes_n] */
void tdl_ngram_after(const tdl_ngram *model, tdl_ngram_form form, const int32_t *before, size_t n,
                     double *ret);
/* Of one class. */
double tdl_ngram_of(const tdl_ngram *model, tdl_ngram_form form, const int32_t *before, size_t n,
                    int32_t next);

size_t tdl_ngram_bytes(const tdl_ngram *model);

#endif

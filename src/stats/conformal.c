#include "stats/conformal.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/sorted.h"
#include "stats/numbers.h"

enum { SCORES_MAX = 1 << 24 };

tdl_status tdl_conformal_init(tdl_conformal *c, const double *score, size_t n, tdl_report *why)
{
    *c = (tdl_conformal){0};
    if (n > SCORES_MAX)
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "%zu scores are too many to calibrate with", n);
    for (size_t i = 0; i < n; i++)
        if (!isfinite(score[i]))
            return TDL_FAIL(why, TDL_E_INVALID, "score %zu is not a finite number", i);
    if (!(c->score = calloc(n + 1, sizeof *c->score)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu scores", n);
    if (n)
        memcpy(c->score, score, n * sizeof *score);
    tdl_sort_numbers(c->score, n);
    c->n = n;
    return TDL_OK;
}

void tdl_conformal_release(tdl_conformal *c)
{
    free(c->score);
    *c = (tdl_conformal){0};
}

size_t tdl_conformal_rank(size_t n, double miss)
{
    double rank = ceil((double)(n + 1) * (1 - miss) - 1e-9); /* 10 * (1 - .1) is no more than 9 */

    return rank < 1 ? 1 : (size_t)rank;
}

double tdl_conformal_quantile(const tdl_conformal *c, double miss)
{
    size_t rank = tdl_conformal_rank(c->n, miss);

    return rank > c->n ? (double)INFINITY : c->score[rank - 1];
}

json_t *tdl_conformal_save(const tdl_conformal *c)
{
    return tdl_numbers_save(c->score, c->n);
}

tdl_status tdl_conformal_load(const json_t *saved, tdl_conformal *ret, tdl_report *why)
{
    tdl_conformal c = {.n = json_array_size(saved)};
    bool rises;

    if (c.n > SCORES_MAX)
        return TDL_FAIL(why, TDL_E_CORRUPT, "conformal scores: more than %d", SCORES_MAX);
    if (!(c.score = calloc(c.n + 1, sizeof *c.score)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu scores", c.n);
    rises = tdl_numbers_load(saved, c.score, c.n);
    for (size_t i = 1; rises && i < c.n; i++)
        rises = c.score[i] >= c.score[i - 1];
    if (!rises) {
        tdl_conformal_release(&c);
        return TDL_FAIL(why, TDL_E_CORRUPT, "conformal scores: they are not numbers that rise");
    }
    *ret = c;
    return TDL_OK;
}

/* ---- quantiles ---- */

double tdl_cqr_score(double y, double low, double high)
{
    return fmax(low - y, y - high);
}

void tdl_cqr_interval(double low, double high, double q, double *ret_low, double *ret_high)
{
    *ret_low = low - q;
    *ret_high = high + q;
    if (*ret_low > *ret_high)
        *ret_low = *ret_high = low + (high - low) / 2;
}

/* ---- sets ---- */

static bool is_before(const double *p, size_t a, size_t b)
{
    return p[a] > p[b] || (p[a] == p[b] && a < b);
}

double tdl_aps_score(const double *p, size_t k, size_t y, double u)
{
    double sum = 0;

    assert(y < k);
    for (size_t c = 0; c < k; c++)
        sum += is_before(p, c, y) ? p[c] : 0;
    return sum + (1 - u) * p[y];
}

size_t tdl_aps_set(const double *p, size_t k, double q, double u, size_t *ret)
{
    size_t n = 0;

    for (size_t c = 0; c < k; c++) {
        bool first = true;

        for (size_t d = 0; d < k && first; d++)
            first = d == c || !is_before(p, d, c);
        if (first || tdl_aps_score(p, k, c, u) <= q) { /* by insertion: sets are small */
            size_t at = n++;

            for (; at > 0 && is_before(p, c, ret[at - 1]); at--)
                ret[at] = ret[at - 1];
            ret[at] = c;
        }
    }
    return n;
}

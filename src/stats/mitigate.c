#include "stats/mitigate.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "stats/classify.h"
#include "stats/numbers.h"
#include "stats/weight.h"

enum { GROUPS_MAX = 1 << 16, CLASSES_MAX = 1 << 16 };

static tdl_status check(const double *values, const double *weight, const int32_t *group,
                        size_t groups_n, size_t n, tdl_report *why)
{
    if (!n || !groups_n || groups_n > GROUPS_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "%zu rows in %zu groups leave nothing to do", n,
                        groups_n);
    for (size_t i = 0; i < n; i++) {
        double own = tdl_weight_of(weight, i);

        if (group[i] < -1 || (group[i] >= 0 && (size_t)group[i] >= groups_n))
            return TDL_FAIL(why, TDL_E_INVALID, "row %zu: group %d is none of %zu", i,
                            (int)group[i], groups_n);
        if (!isfinite(values[i]) || !(own >= 0 && isfinite(own)))
            return TDL_FAIL(why, TDL_E_INVALID, "row %zu: %g or its weight %g is no good", i,
                            values[i], own);
    }
    return TDL_OK;
}

/* ---- reweighing ---- */

tdl_status tdl_reweigh(const double *y, size_t classes_n, const int32_t *group, size_t groups_n,
                       const double *weight, size_t n, double *ret, tdl_report *why)
{
    double *both = NULL, *of_group, *of_class, all = 0; /* [groups_n][classes_n], ... */
    tdl_status st;

    if ((st = check(y, weight, group, groups_n, n, why)))
        return st;
    if (!classes_n || classes_n > CLASSES_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "%zu classes cannot be reweighed", classes_n);
    for (size_t i = 0; i < n; i++)
        if (!(y[i] >= 0 && y[i] < (double)classes_n && y[i] == floor(y[i])))
            return TDL_FAIL(why, TDL_E_INVALID, "row %zu: class %g is none of %zu", i, y[i],
                            classes_n);
    if (!(both = calloc((groups_n + 1) * (classes_n + 1), sizeof *both)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to reweigh %zu groups", groups_n);
    of_group = both + groups_n * classes_n;
    of_class = of_group + groups_n;
    for (size_t i = 0; i < n; i++) {
        double own = tdl_weight_of(weight, i);
        size_t class_of = (size_t)y[i];

        if (group[i] < 0)
            continue;
        both[(size_t)group[i] * classes_n + class_of] += own;
        of_group[group[i]] += own;
        of_class[class_of] += own;
        all += own;
    }
    for (size_t i = 0; i < n; i++) {
        double together = group[i] < 0 ? 0 : both[(size_t)group[i] * classes_n + (size_t)y[i]];

        ret[i] = together > 0 ? of_group[group[i]] * of_class[(size_t)y[i]] / (all * together) : 1;
    }
    free(both);
    return TDL_OK;
}

/* ---- thresholds ---- */

/* Of the rows of one group that count, best first. */
static double nearest_threshold(const double *score, const double *weight, const uint32_t *row,
                                size_t n, double target)
{
    double all = 0, chosen = 0, best = target, at = nextafter(score[row[n - 1]], INFINITY);

    for (size_t i = 0; i < n; i++)
        all += tdl_weight_of(weight, row[i]);
    for (size_t left = n; left;) {
        double own = score[row[left - 1]], gap;

        while (left && score[row[left - 1]] == own) {
            left--;
            chosen += tdl_weight_of(weight, row[left]);
        }
        gap = fabs(chosen / all - target);
        if (!(gap < best - 1e-12))
            continue;
        best = gap;
        at = left ? (score[row[left - 1]] + own) / 2 : own;
        if (left && !(at > score[row[left - 1]]))
            at = own;
    }
    return at;
}

tdl_status tdl_group_thresholds(tdl_equal kind, const double *y, const double *score,
                                const double *weight, const int32_t *group, size_t groups_n,
                                size_t n, double target, double fallback, double *ret,
                                tdl_report *why)
{
    uint32_t *order = NULL, *row;
    tdl_status st;

    if ((st = check(score, weight, group, groups_n, n, why)))
        return st;
    if (!(target >= 0 && target <= 1))
        return TDL_FAIL(why, TDL_E_INVALID, "a rate of %g is not in [0, 1]", target);
    if (!(order = calloc(2 * n, sizeof *order)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to sort %zu rows", n);
    row = order + n;
    if ((st = tdl_order_rows(score, 1, n, order, why)))
        goto out;
    for (size_t g = 0; g < groups_n; g++) {
        size_t rows = 0;

        for (size_t i = 0; i < n; i++) {
            uint32_t at = order[i];

            if (group[at] >= 0 && (size_t)group[at] == g && tdl_weight_of(weight, at) > 0 &&
                (kind == TDL_EQUAL_SELECTION || y[at] != 0))
                row[rows++] = at;
        }
        ret[g] = rows ? nearest_threshold(score, weight, row, rows, target) : fallback;
    }
out:
    free(order);
    return st;
}

tdl_status tdl_equal_tpr_target(const double *y, const double *score, const double *weight,
                                const int32_t *group, size_t groups_n, size_t n, double selection,
                                double *ret, tdl_report *why)
{
    double low = 0, high = 1, *threshold;
    tdl_status st = TDL_OK;

    if (!groups_n || groups_n > GROUPS_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "%zu groups cannot be treated alike", groups_n);
    if (!(threshold = calloc(groups_n, sizeof *threshold)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu groups", groups_n);
    for (int halved = 0; halved < 14; halved++) { /* selection rises with the target */
        double target = (low + high) / 2, chosen = 0, all = 0;

        if ((st = tdl_group_thresholds(TDL_EQUAL_TPR, y, score, weight, group, groups_n, n, target,
                                       INFINITY, threshold, why)))
            goto out;
        for (size_t i = 0; i < n; i++)
            if (group[i] >= 0) {
                double own = tdl_weight_of(weight, i);

                all += own;
                chosen += score[i] >= threshold[group[i]] ? own : 0;
            }
        *(chosen > selection * all ? &high : &low) = target;
    }
    *ret = (low + high) / 2;
out:
    free(threshold);
    return st;
}

/* ---- repair ---- */

void tdl_repair_release(tdl_repair *r)
{
    free(r->quantile);
    free(r->common);
    *r = (tdl_repair){0};
}

static tdl_status make_room(tdl_repair *r, tdl_report *why)
{
    r->quantile = calloc(r->groups_n, TDL_REPAIR_KNOTS * sizeof *r->quantile);
    r->common = calloc(TDL_REPAIR_KNOTS, sizeof *r->common);
    if (!r->quantile || !r->common)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to repair %zu groups", r->groups_n);
    return TDL_OK;
}

/* Quantiles of rows ascending, each standing for the middle of its weight. */
static void quantiles(const double *score, const double *weight, const uint32_t *row, size_t n,
                      double *ret)
{
    double all = 0, before = 0, last = 0;
    size_t k = 0;

    for (size_t i = 0; i < n; i++)
        all += tdl_weight_of(weight, row[i]);
    for (size_t i = 0; i < n; i++) {
        double own = tdl_weight_of(weight, row[i]), middle = (before + own / 2) / all;

        for (; k < TDL_REPAIR_KNOTS; k++) {
            double at = (double)k / (TDL_REPAIR_KNOTS - 1);

            if (at > middle)
                break;
            ret[k] = !i ? score[row[0]]
                        : score[row[i - 1]] +
                              (score[row[i]] - score[row[i - 1]]) * ((at - last) / (middle - last));
        }
        last = middle;
        before += own;
    }
    for (; k < TDL_REPAIR_KNOTS; k++)
        ret[k] = score[row[n - 1]];
    for (k = 1; k < TDL_REPAIR_KNOTS; k++) // rounding
        ret[k] = fmax(ret[k], ret[k - 1]);
}

tdl_status tdl_repair_fit(const double *score, const double *weight, const int32_t *group,
                          size_t groups_n, size_t n, double strength, tdl_repair *ret,
                          tdl_report *why)
{
    tdl_repair r = {.groups_n = groups_n, .strength = strength};
    uint32_t *order = NULL, *row;
    double *of_group = NULL, all = 0;
    tdl_status st;

    if ((st = check(score, weight, group, groups_n, n, why)))
        return st;
    if (!(strength >= 0 && strength <= 1))
        return TDL_FAIL(why, TDL_E_INVALID, "a strength of %g is not in [0, 1]", strength);
    order = calloc(2 * n, sizeof *order);
    of_group = calloc(groups_n, sizeof *of_group);
    if (!order || !of_group) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to repair %zu rows", n);
        goto out;
    }
    row = order + n;
    if ((st = make_room(&r, why)) || (st = tdl_order_rows(score, 1, n, order, why)))
        goto out;
    for (size_t g = 0; g < groups_n; g++) {
        double *own = r.quantile + g * TDL_REPAIR_KNOTS;
        size_t rows = 0;

        for (size_t i = 0; i < n; i++)
            if (group[order[i]] >= 0 && (size_t)group[order[i]] == g &&
                tdl_weight_of(weight, order[i]) > 0) {
                row[rows++] = order[i];
                of_group[g] += tdl_weight_of(weight, order[i]);
            }
        if (!rows)
            continue;
        quantiles(score, weight, row, rows, own);
        all += of_group[g];
        for (size_t k = 0; k < TDL_REPAIR_KNOTS; k++)
            r.common[k] += of_group[g] * own[k];
    }
    for (size_t k = 0; k < TDL_REPAIR_KNOTS && all > 0; k++)
        r.common[k] /= all;
    for (size_t g = 0; g < groups_n; g++)
        for (size_t k = 0; k < TDL_REPAIR_KNOTS && of_group[g] == 0; k++)
            r.quantile[g * TDL_REPAIR_KNOTS + k] = r.common[k];
    *ret = r;
    r = (tdl_repair){0};
out:
    tdl_repair_release(&r);
    free(order);
    free(of_group);
    return st;
}

double tdl_repair_apply(const tdl_repair *r, double score, int32_t group)
{
    const double *own;
    double at, share = 0, repaired;
    size_t low = 0, high = 0, knot;

    if (group < 0 || (size_t)group >= r->groups_n)
        return score;
    own = r->quantile + (size_t)group * TDL_REPAIR_KNOTS;
    while (low < TDL_REPAIR_KNOTS && own[low] < score)
        low++;
    while (high < TDL_REPAIR_KNOTS && own[high] <= score)
        high++;
    if (high > low) /* on knots: in the middle of them */
        at = (double)(low + high - 1) / 2;
    else if (low == 0 || low == TDL_REPAIR_KNOTS) { /* beyond them: by as much beyond */
        knot = low ? TDL_REPAIR_KNOTS - 1 : 0;
        repaired = r->common[knot] + (score - own[knot]);
        return (1 - r->strength) * score + r->strength * repaired;
    } else
        at = (double)(low - 1) + (score - own[low - 1]) / (own[low] - own[low - 1]);
    knot = at >= TDL_REPAIR_KNOTS - 1 ? TDL_REPAIR_KNOTS - 2 : (size_t)at;
    share = at - (double)knot;
    repaired = r->common[knot] + share * (r->common[knot + 1] - r->common[knot]);
    return (1 - r->strength) * score + r->strength * repaired;
}

/* ---- as JSON ---- */

json_t *tdl_repair_save(const tdl_repair *r)
{
    json_t *ret =
        json_pack("{s:f, s:I}", "strength", r->strength, "groups", (json_int_t)r->groups_n);

    if (ret &&
        (json_object_set_new(ret, "common", tdl_numbers_save(r->common, TDL_REPAIR_KNOTS)) ||
         json_object_set_new(ret, "quantile",
                             tdl_numbers_save(r->quantile, r->groups_n * TDL_REPAIR_KNOTS)))) {
        json_decref(ret);
        return NULL;
    }
    return ret;
}

/* Rows of KNOTS numbers that do not fall. */
static bool read_knots(const json_t *array, size_t rows, double *ret)
{
    if (!tdl_numbers_load(array, ret, rows * TDL_REPAIR_KNOTS))
        return false;
    for (size_t i = 0; i < rows * TDL_REPAIR_KNOTS; i++)
        if (!(fabs(ret[i]) <= 1e150) || (i % TDL_REPAIR_KNOTS && ret[i] < ret[i - 1]))
            return false;
    return true;
}

tdl_status tdl_repair_load(const json_t *saved, tdl_repair *ret, tdl_report *why)
{
    tdl_repair r = {0};
    int64_t groups;
    tdl_status st;

    if (!tdl_json_get_int(saved, "groups", &groups) || groups < 1 || groups > GROUPS_MAX ||
        !tdl_json_get_number(saved, "strength", &r.strength) ||
        !(r.strength >= 0 && r.strength <= 1))
        return TDL_FAIL(why, TDL_E_CORRUPT, "repair: groups or strength is missing or wrong");
    r.groups_n = (size_t)groups;
    if (json_array_size(json_object_get(saved, "quantile")) != r.groups_n * TDL_REPAIR_KNOTS)
        return TDL_FAIL(why, TDL_E_CORRUPT, "repair: there are not %d quantiles for each group",
                        TDL_REPAIR_KNOTS);
    if ((st = make_room(&r, why)))
        goto fail;
    if (read_knots(json_object_get(saved, "common"), 1, r.common) &&
        read_knots(json_object_get(saved, "quantile"), r.groups_n, r.quantile)) {
        *ret = r;
        return TDL_OK;
    }
    st = TDL_FAIL(why, TDL_E_CORRUPT, "repair: its quantiles are not numbers that rise");
fail:
    tdl_repair_release(&r);
    return st;
}

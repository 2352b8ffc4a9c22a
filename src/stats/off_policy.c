#include "stats/off_policy.h"

#include <math.h>
#include <stdlib.h>

const char *const tdl_off_policy_name[TDL_OFF_POLICY_KINDS] = {
    "on_policy", "ips", "snips", "dm", "dr", "sndr", "switch_dr", "dros", "clipped"};

static const double Z95 = 1.959963984540054, ESS_SHARE_MIN = .15, WEIGHT_SHARE_MAX = .05,
                    SUPPORT_TOLERANCE = 1e-9, USUAL_BOUND = 10;

typedef struct estimating {
    const tdl_logged_row *row;
    size_t n;
    tdl_off_policy_options options;
    size_t *order; /* [n] rows by unit */
    double *part;  /* [n] of the estimate under way */
    tdl_off_policy *ret;
} estimating;

/* ---- checks ---- */

static const char *wrong_field(const tdl_logged_row *r)
{
    if (!isfinite(r->reward))
        return "reward";
    if (!(r->propensity > 0 && r->propensity <= 1))
        return "propensity";
    if (!(r->target >= 0 && r->target <= 1))
        return "target";
    if (!isfinite(r->q) || !isfinite(r->v))
        return "reward model";
    return r->unsupported >= 0 && r->unsupported <= 1 ? NULL : "unsupported";
}

static tdl_status check(const tdl_logged_row *row, size_t n, tdl_report *why)
{
    if (!n)
        return TDL_FAIL(why, TDL_E_INVALID, "no logged decisions to estimate from");
    for (size_t i = 0; i < n; i++)
        if (wrong_field(&row[i]))
            return TDL_FAIL_HINT(
                why, TDL_E_INVALID,
                "propensities lie in (0, 1], targets in [0, 1]; all else is finite",
                "logged decision %zu: bad %s", i + 1, wrong_field(&row[i]));
    return TDL_OK;
}

/* ---- errors ---- */

typedef struct unit_row {
    uint32_t unit;
    size_t at;
} unit_row;

static int by_unit(const void *left, const void *right)
{
    const unit_row *a = left, *b = right;

    if (a->unit != b->unit)
        return a->unit < b->unit ? -1 : 1;
    return a->at < b->at ? -1 : a->at > b->at;
}

static tdl_status order_by_unit(estimating *e, tdl_report *why)
{
    unit_row *rows = NULL;

    e->order = calloc(e->n, sizeof *e->order);
    e->part = calloc(e->n, sizeof *e->part);
    rows = calloc(e->n, sizeof *rows);
    if (!rows || !e->order || !e->part) {
        free(rows);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu logged decisions", e->n);
    }
    for (size_t i = 0; i < e->n; i++)
        rows[i] = (unit_row){e->row[i].unit, i};
    qsort(rows, e->n, sizeof *rows, by_unit);
    for (size_t i = 0; i < e->n; i++) {
        e->order[i] = rows[i].at;
        e->ret->units_n += !i || rows[i].unit != rows[i - 1].unit;
    }
    free(rows);
    return TDL_OK;
}

/* Root of the sum of squares of units' sums, of parts whose mean is 0, over n. */
static double clustered_error(const estimating *e)
{
    double sum = 0, all = 0;

    for (size_t i = 0; i < e->n; i++) {
        if (i && e->row[e->order[i]].unit != e->row[e->order[i - 1]].unit) {
            all += sum * sum;
            sum = 0;
        }
        sum += e->part[e->order[i]];
    }
    return e->ret->units_n > 1 ? sqrt(all + sum * sum) / (double)e->n : 0;
}

static tdl_estimate with_error(double value, double error)
{
    return (tdl_estimate){value, error, value - Z95 * error, value + Z95 * error};
}

/* Of the mean of e->part, which is used up. */
static tdl_estimate mean_of(estimating *e)
{
    double mean = 0, units = (double)e->ret->units_n;

    for (size_t i = 0; i < e->n; i++)
        mean += e->part[i];
    mean /= (double)e->n;
    for (size_t i = 0; i < e->n; i++)
        e->part[i] -= mean;
    return with_error(mean, clustered_error(e) * sqrt(units / fmax(units - 1, 1)));
}

/* ---- estimates ---- */

static double weight_of(const tdl_logged_row *r)
{
    return r->target / r->propensity;
}

/* What one row adds to an estimate that is a mean. */
static double part_of(const estimating *e, tdl_off_policy_kind kind, const tdl_logged_row *r)
{
    double w = weight_of(r), lambda = e->options.lambda;

    switch (kind) {
    case TDL_IPS:
        return w * r->reward;
    case TDL_CLIPPED:
        return fmin(w, e->options.clip) * r->reward;
    case TDL_DM:
        return r->v;
    case TDL_DR:
        return r->v + w * (r->reward - r->q);
    case TDL_SWITCH_DR:
        return r->v + (w <= e->options.tau ? w * (r->reward - r->q) : 0);
    case TDL_DROS:
        return r->v + lambda * w / (w * w + lambda) * (r->reward - r->q);
    default:
        return r->reward;
    }
}

static tdl_estimate estimate_mean(estimating *e, tdl_off_policy_kind kind)
{
    for (size_t i = 0; i < e->n; i++)
        e->part[i] = part_of(e, kind, &e->row[i]);
    return mean_of(e);
}

/* mean(v) + sum(w (r - q)) / sum(w), q and v 0 for snips; its error by the first order. */
static tdl_estimate estimate_ratio(estimating *e, bool modelled)
{
    double base = 0, residual = 0, n = (double)e->n, weights = e->ret->weight_sum;

    if (!(weights > 0))
        return (tdl_estimate){0};
    for (size_t i = 0; i < e->n; i++) {
        const tdl_logged_row *r = &e->row[i];
        base += modelled ? r->v / n : 0;
        residual += weight_of(r) * (r->reward - (modelled ? r->q : 0)) / weights;
    }
    for (size_t i = 0; i < e->n; i++) {
        const tdl_logged_row *r = &e->row[i];
        double off = r->reward - (modelled ? r->q : 0) - residual;
        e->part[i] = (modelled ? r->v - base : 0) + n * weight_of(r) * off / weights;
    }
    return with_error(base + residual, clustered_error(e));
}

static void weigh(tdl_off_policy *ret, const tdl_logged_row *row, size_t n)
{
    double squares = 0;

    for (size_t i = 0; i < n; i++) {
        double w = weight_of(&row[i]);
        ret->weight_sum += w;
        squares += w * w;
        ret->weight_max = fmax(ret->weight_max, w);
        ret->unsupported += row[i].unsupported / (double)n;
    }
    ret->ess = squares > 0 ? ret->weight_sum * ret->weight_sum / squares : 0;
}

static unsigned labels_of(const tdl_off_policy *o)
{
    bool reliable = o->ess >= ESS_SHARE_MIN * (double)o->rows_n &&
                    o->weight_max <= WEIGHT_SHARE_MAX * o->weight_sum && o->weight_sum > 0;

    return (o->unsupported > SUPPORT_TOLERANCE ? TDL_OFF_POLICY_UNSUPPORTED : 0U) |
           (reliable ? 0U : TDL_OFF_POLICY_UNRELIABLE) |
           (o->difference.low <= 0 && o->difference.high >= 0 ? TDL_OFF_POLICY_CANNOT_DECIDE : 0U);
}

tdl_status tdl_off_policy_estimate(const tdl_logged_row *row, size_t n,
                                   const tdl_off_policy_options *options, tdl_off_policy *ret,
                                   tdl_report *why)
{
    tdl_off_policy o = {.rows_n = n};
    estimating e = {.row = row, .n = n, .ret = &o};
    tdl_status st = check(row, n, why);

    if (options)
        e.options = *options;
    e.options.tau = e.options.tau > 0 ? e.options.tau : USUAL_BOUND;
    e.options.lambda = e.options.lambda > 0 ? e.options.lambda : USUAL_BOUND;
    e.options.clip = e.options.clip > 0 ? e.options.clip : USUAL_BOUND;
    if (st || (st = order_by_unit(&e, why)))
        goto out;
    weigh(&o, row, n);
    for (int k = 0; k < TDL_OFF_POLICY_KINDS; k++)
        o.estimate[k] = k == TDL_SNIPS || k == TDL_SNDR ? estimate_ratio(&e, k == TDL_SNDR)
                                                        : estimate_mean(&e, (tdl_off_policy_kind)k);
    for (size_t i = 0; i < n; i++)
        e.part[i] = part_of(&e, TDL_DR, &row[i]) - row[i].reward;
    o.difference = mean_of(&e);
    o.labels = labels_of(&o);
    *ret = o;
out:
    free(e.order);
    free(e.part);
    return st;
}

bool tdl_off_policy_is_worse(const tdl_off_policy *o)
{
    return !(o->labels & (TDL_OFF_POLICY_UNSUPPORTED | TDL_OFF_POLICY_UNRELIABLE)) &&
           o->difference.high < 0;
}

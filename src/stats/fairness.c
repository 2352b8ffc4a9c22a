#include "stats/fairness.h"

#include <math.h>
#include <stdlib.h>

#include "base/sorted.h"
#include "stats/classify.h"
#include "stats/resample.h"
#include "stats/weight.h"

/* ---- rates ---- */

/* What row i adds to a measure: false when it is not among its rows. */
static bool part_of(const tdl_fair_rows *rows, tdl_fair_measure measure, size_t i, double *ret)
{
    double y = rows->y[i];
    bool yes = rows->decision && rows->decision[i] != 0;

    switch (measure) {
    case TDL_FAIR_SELECTION:
        *ret = yes;
        return rows->decision != NULL;
    case TDL_FAIR_TPR:
        *ret = yes;
        return rows->decision && y != 0;
    case TDL_FAIR_FPR:
        *ret = yes;
        return rows->decision && y == 0;
    case TDL_FAIR_PPV:
        *ret = y;
        return yes;
    case TDL_FAIR_ACCURACY:
        *ret = (y != 0) == yes;
        return rows->decision != NULL;
    case TDL_FAIR_RESIDUAL:
        *ret = rows->score ? y - rows->score[i] : 0;
        return rows->score != NULL;
    case TDL_FAIR_ERROR:
        *ret = rows->score ? fabs(y - rows->score[i]) : 0;
        return rows->score != NULL;
    case TDL_FAIR_MEASURES:
        break;
    }
    return false;
}

/* All that the rows add to the measures, told once for many resamples. */
typedef struct parts {
    double (*value)[TDL_FAIR_MEASURES]; /* [n] */
    unsigned char *which;               /* [n] bit m: the row is among those of measure m */
} parts;

static tdl_status tell_parts(const tdl_fair_rows *rows, parts *ret, tdl_report *why)
{
    ret->value = calloc(rows->n, sizeof *ret->value);
    ret->which = calloc(rows->n, sizeof *ret->which);
    if (!ret->value || !ret->which)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to audit %zu rows", rows->n);
    for (size_t i = 0; i < rows->n; i++)
        for (unsigned m = 0; m < TDL_FAIR_MEASURES; m++)
            if (part_of(rows, (tdl_fair_measure)m, i, &ret->value[i][m]))
                ret->which[i] |= (unsigned char)(1U << m);
            else
                ret->value[i][m] = 0;
    return TDL_OK;
}

static void release_parts(parts *p)
{
    free(p->value);
    free(p->which);
}

/* Rates of all groups under some weights.
 *   sums  [groups_n][MEASURES] scratch
 *   ret   [groups_n][MEASURES] */
static void rates(const parts *p, size_t n, const double *weight, const int32_t *group,
                  size_t groups_n, double *sums, double *ret)
{
    for (size_t k = 0; k < groups_n * TDL_FAIR_MEASURES; k++)
        sums[k] = ret[k] = 0;
    for (size_t i = 0; i < n; i++) {
        double own = tdl_weight_of(weight, i);
        size_t at;

        if (group[i] < 0 || !(own > 0))
            continue;
        at = (size_t)group[i] * TDL_FAIR_MEASURES;
        for (unsigned m = 0; m < TDL_FAIR_MEASURES; m++) {
            sums[at + m] += p->which[i] >> m & 1 ? own : 0;
            ret[at + m] += own * p->value[i][m]; // 0 where it is not among them
        }
    }
    for (size_t k = 0; k < groups_n * TDL_FAIR_MEASURES; k++)
        ret[k] = sums[k] > 0 ? ret[k] / sums[k] : (double)NAN;
}

/* ---- groups ---- */

/* AUC and calibration of the score within a group.
 *   own  [n] scratch: weights, 0 outside the group */
static void measure_scores(const tdl_fair_rows *rows, const int32_t *group, size_t which,
                           const uint32_t *order, double *own, tdl_fair_group *ret)
{
    bool probabilities = true;

    for (size_t i = 0; i < rows->n; i++) {
        bool is = group[i] >= 0 && (size_t)group[i] == which;

        own[i] = is ? tdl_weight_of(rows->weight, i) : 0;
        probabilities = probabilities && (!is || (rows->score[i] >= 0 && rows->score[i] <= 1));
    }
    ret->auc = tdl_auc(rows->y, rows->score, own, order, rows->n);
    if (probabilities)
        ret->ece = tdl_ece(rows->y, rows->score, own, rows->n);
}

static tdl_status describe_groups(const tdl_fair_rows *rows, const parts *told,
                                  const int32_t *group, size_t rows_min, tdl_fairness *f,
                                  tdl_report *why)
{
    double *scratch = calloc(f->groups_n * TDL_FAIR_MEASURES * 2 + rows->n, sizeof *scratch);
    double *rate = scratch + f->groups_n * TDL_FAIR_MEASURES, *own;
    uint32_t *order = calloc(rows->n, sizeof *order);
    tdl_status st = TDL_OK;

    if (!scratch || !order) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to audit %zu rows", rows->n);
        goto out;
    }
    own = rate + f->groups_n * TDL_FAIR_MEASURES;
    if (f->scores && f->decisions && (st = tdl_order_rows(rows->score, 1, rows->n, order, why)))
        goto out;
    rates(told, rows->n, rows->weight, group, f->groups_n, scratch, rate);
    for (size_t i = 0; i < rows->n; i++)
        if (group[i] >= 0) {
            tdl_fair_group *g = f->group + group[i];
            double weight = tdl_weight_of(rows->weight, i);

            g->n++;
            g->weight += weight;
            g->base_rate += weight * rows->y[i];
        } else {
            f->left_out++;
        }
    for (size_t g = 0; g < f->groups_n; g++) {
        tdl_fair_group *to = f->group + g;

        for (size_t m = 0; m < TDL_FAIR_MEASURES; m++)
            to->rate[m] = rate[g * TDL_FAIR_MEASURES + m];
        to->base_rate /= to->weight;
        to->auc = to->ece = (double)NAN;
        if (to->n < rows_min)
            to->not_estimable = "too few rows";
        else if (f->decisions && !(to->base_rate > 0))
            to->not_estimable = "no positives";
        if (f->scores && f->decisions && to->n)
            measure_scores(rows, group, g, order, own, to);
    }
out:
    free(scratch);
    free(order);
    return st;
}

/* ---- summaries ---- */

/* max - min, and min / max, of a rate over estimable groups. */
static void spread(const tdl_fairness *f, tdl_fair_measure m, double *ret_difference,
                   double *ret_ratio)
{
    double low = INFINITY, high = -INFINITY;
    size_t n = 0;

    for (size_t g = 0; g < f->groups_n; g++) {
        double rate = f->group[g].rate[m];

        if (f->group[g].not_estimable || isnan(rate))
            continue;
        low = fmin(low, rate);
        high = fmax(high, rate);
        n++;
    }
    *ret_difference = n < 2 ? (double)NAN : high - low;
    *ret_ratio = n < 2 ? (double)NAN : high == 0 ? 1 : low / high;
}

/* Generalised entropies of benefits: 0 = everyone is treated alike. */
static void entropies(const tdl_fair_rows *rows, tdl_fairness *f)
{
    double all = 0, mean = 0, square = 0, theil = 0;

    f->entropy = f->theil = (double)NAN;
    if (!f->decisions)
        return;
    for (size_t i = 0; i < rows->n; i++) {
        double own = tdl_weight_of(rows->weight, i);

        all += own;
        mean += own * (rows->decision[i] - rows->y[i] + 1);
    }
    mean /= all;
    if (!(mean > 0))
        return;
    for (size_t i = 0; i < rows->n; i++) {
        double own = tdl_weight_of(rows->weight, i);
        double share = (rows->decision[i] - rows->y[i] + 1) / mean;

        square += own * (share * share - 1);
        theil += share > 0 ? own * share * log(share) : 0;
    }
    f->entropy = square / all / 2;
    f->theil = theil / all;
}

static void summarise(const tdl_fair_rows *rows, tdl_fairness *f)
{
    double tpr_ratio, fpr_ratio, unused;

    spread(f, TDL_FAIR_SELECTION, &f->dpd, &f->dpr);
    spread(f, TDL_FAIR_TPR, &f->tpr_difference, &tpr_ratio);
    spread(f, TDL_FAIR_FPR, &f->fpr_difference, &fpr_ratio);
    spread(f, TDL_FAIR_PPV, &f->ppv_difference, &unused);
    spread(f, TDL_FAIR_RESIDUAL, &f->residual_difference, &unused);
    f->eod = fmax(f->tpr_difference, f->fpr_difference); /* of one that is NaN: the other */
    f->eor = fmin(tpr_ratio, fpr_ratio);
    entropies(rows, f);
}

/* ---- pairs ---- */

/* One measure of one pair from its rates in all resamples; few undefined ones are left out.
 *   rate    [resamples][groups_n][MEASURES]
 *   values  [resamples] scratch */
static void compare(const tdl_fairness *f, tdl_fair_pair *pair, tdl_fair_measure m,
                    const double *rate, size_t resamples, double level, double *values)
{
    const tdl_fair_group *a = f->group + pair->a, *b = f->group + pair->b;
    tdl_interval *to = pair->difference + m;
    size_t n = 0;

    *to = (tdl_interval){a->rate[m] - b->rate[m], (double)NAN, (double)NAN};
    pair->verdict[m] = TDL_FAIR_TOO_FEW;
    if (a->not_estimable || b->not_estimable || isnan(to->mean))
        return;
    for (size_t r = 0; r < resamples; r++) {
        const double *of = rate + r * f->groups_n * TDL_FAIR_MEASURES + m;

        values[n] = of[pair->a * TDL_FAIR_MEASURES] - of[pair->b * TDL_FAIR_MEASURES];
        n += isnan(values[n]) ? 0 : 1;
    }
    if (n < resamples - resamples / 20)
        return;
    tdl_sort_numbers(values, n);
    to->low = tdl_quantile(values, n, (1 - level) / 2);
    to->high = tdl_quantile(values, n, (1 + level) / 2);
    pair->verdict[m] = to->low > 0 || to->high < 0 ? TDL_FAIR_EVIDENCE : TDL_FAIR_NO_EVIDENCE;
}

static tdl_status compare_pairs(const tdl_fair_rows *rows, const parts *told, const int32_t *group,
                                size_t resamples, double level, tdl_rng *rng, tdl_fairness *f,
                                tdl_report *why)
{
    size_t each = f->groups_n * TDL_FAIR_MEASURES, pair = 0;
    double *rate = NULL, *sums = NULL;
    tdl_resample r = {0};
    tdl_status st;

    if ((st = tdl_resample_init(&r, rows->n, rows->person, rows->weight, why)))
        return st;
    if (resamples > 1U << 20 || !(rate = calloc(resamples, each * sizeof *rate)) ||
        !(sums = calloc(each + resamples, sizeof *sums))) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu resamples", resamples);
        goto out;
    }
    for (size_t i = 0; i < resamples; i++) {
        tdl_resample_draw(&r, rng);
        rates(told, rows->n, r.weight, group, f->groups_n, sums, rate + i * each);
    }
    for (size_t a = 0; a < f->groups_n; a++)
        for (size_t b = a + 1; b < f->groups_n; b++, pair++) {
            f->pair[pair].a = a;
            f->pair[pair].b = b;
            for (unsigned m = 0; m < TDL_FAIR_MEASURES; m++)
                compare(f, f->pair + pair, (tdl_fair_measure)m, rate, resamples, level,
                        sums + each);
        }
out:
    tdl_resample_release(&r);
    free(rate);
    free(sums);
    return st;
}

/* ---- the audit ---- */

static tdl_status check(const tdl_fair_rows *rows, const int32_t *group, size_t groups_n,
                        tdl_report *why)
{
    if (!rows->n || (!rows->decision && !rows->score))
        return TDL_FAIL(why, TDL_E_INVALID, "there are no decisions and no scores to audit");
    if (!groups_n || groups_n > TDL_FAIR_GROUPS_MAX)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "bin numbers first, or merge rare levels",
                             "an audit takes 1 to %d groups, not %zu", TDL_FAIR_GROUPS_MAX,
                             groups_n);
    for (size_t i = 0; i < rows->n; i++) {
        double weight = tdl_weight_of(rows->weight, i), y = rows->y[i];

        if (group[i] < -1 || (group[i] >= 0 && (size_t)group[i] >= groups_n))
            return TDL_FAIL(why, TDL_E_INVALID, "row %zu: group %d is none of %zu", i,
                            (int)group[i], groups_n);
        if (!isfinite(y) || !(weight >= 0 && isfinite(weight)))
            return TDL_FAIL(why, TDL_E_INVALID, "row %zu: truth %g or weight %g is no good", i, y,
                            weight);
        if (rows->score && !isfinite(rows->score[i]))
            return TDL_FAIL(why, TDL_E_INVALID, "row %zu: its score is not a finite number", i);
        if (rows->decision &&
            ((rows->decision[i] != 0 && rows->decision[i] != 1) || (y != 0 && y != 1)))
            return TDL_FAIL(why, TDL_E_INVALID, "row %zu: truth %g and decision %g must be 0 or 1",
                            i, y, rows->decision[i]);
    }
    return TDL_OK;
}

tdl_status tdl_fairness_audit(const tdl_fair_rows *rows, const int32_t *group, size_t groups_n,
                              const tdl_fair_options *options, tdl_rng *rng, tdl_fairness *ret,
                              tdl_report *why)
{
    size_t rows_min = options && options->rows_min ? options->rows_min : 30;
    size_t resamples = options && options->resamples ? options->resamples : 1000;
    double level = options && options->level != 0 ? options->level : 0.95;
    tdl_fairness f = {.groups_n = groups_n,
                      .pairs_n = groups_n * (groups_n - 1) / 2,
                      .decisions = rows->decision != NULL,
                      .scores = rows->score != NULL};
    parts told = {0};
    tdl_status st;

    if (!(level > 0 && level < 1))
        return TDL_FAIL(why, TDL_E_INVALID, "the level must lie between 0 and 1, not at %g", level);
    if ((st = check(rows, group, groups_n, why)))
        return st;
    f.group = calloc(groups_n, sizeof *f.group);
    f.pair = calloc(f.pairs_n + 1, sizeof *f.pair);
    if (!f.group || !f.pair) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to audit %zu groups", groups_n);
        goto out;
    }
    if ((st = tell_parts(rows, &told, why)) ||
        (st = describe_groups(rows, &told, group, rows_min, &f, why)))
        goto out;
    summarise(rows, &f);
    if ((st = compare_pairs(rows, &told, group, resamples, level, rng, &f, why)))
        goto out;
    *ret = f;
    f = (tdl_fairness){0};
out:
    release_parts(&told);
    tdl_fairness_release(&f);
    return st;
}

void tdl_fairness_release(tdl_fairness *f)
{
    free(f->group);
    free(f->pair);
    *f = (tdl_fairness){0};
}

void tdl_fair_cross(const int32_t *a, const int32_t *b, size_t b_n, size_t n, int32_t *ret)
{
    for (size_t i = 0; i < n; i++)
        ret[i] = a[i] < 0 || b[i] < 0 ? -1 : a[i] * (int32_t)b_n + b[i];
}

/* ---- as JSON ---- */

static const char *const measure_names[] = {
#define MEASURE_NAME(name, text) text,
    TDL_FAIR_MAP(MEASURE_NAME)
#undef MEASURE_NAME
};

const char *tdl_fair_verdict_text(tdl_fair_verdict verdict)
{
    static const char *const texts[] = {"no evidence", "evidence of a difference", "too few rows"};

    return texts[verdict];
}

static bool is_audited(const tdl_fairness *f, size_t m)
{
    return m >= TDL_FAIR_RESIDUAL ? f->scores : f->decisions;
}

static void write_group(const tdl_fairness *f, const tdl_fair_group *g, tdl_str name, tdl_jw *w)
{
    tdl_jw_object(w);
    tdl_jw_kstr(w, "group", name);
    tdl_jw_kint(w, "n", (int64_t)g->n);
    tdl_jw_knumber(w, "base_rate", g->base_rate);
    for (size_t m = 0; m < TDL_FAIR_MEASURES; m++)
        if (is_audited(f, m))
            tdl_jw_knumber(w, measure_names[m], g->rate[m]);
    if (f->decisions && f->scores) {
        tdl_jw_knumber(w, "auc", g->auc);
        tdl_jw_knumber(w, "ece", g->ece);
    }
    if (g->not_estimable)
        tdl_jw_ktext(w, "not_estimable", g->not_estimable);
    tdl_jw_end_object(w);
}

static void write_pair(const tdl_fairness *f, const tdl_fair_pair *p, const tdl_str *name,
                       tdl_jw *w)
{
    tdl_jw_object(w);
    tdl_jw_kstr(w, "a", name[p->a]);
    tdl_jw_kstr(w, "b", name[p->b]);
    for (size_t m = 0; m < TDL_FAIR_MEASURES; m++) {
        if (!is_audited(f, m))
            continue;
        tdl_jw_key(w, measure_names[m]);
        tdl_jw_object(w);
        tdl_jw_knumber(w, "difference", p->difference[m].mean);
        tdl_jw_knumber(w, "low", p->difference[m].low);
        tdl_jw_knumber(w, "high", p->difference[m].high);
        tdl_jw_ktext(w, "verdict", tdl_fair_verdict_text(p->verdict[m]));
        tdl_jw_end_object(w);
    }
    tdl_jw_end_object(w);
}

void tdl_fairness_write(const tdl_fairness *f, const tdl_str *name, tdl_jw *w)
{
    tdl_jw_object(w);
    if (f->decisions) {
        tdl_jw_knumber(w, "demographic_parity_difference", f->dpd);
        tdl_jw_knumber(w, "demographic_parity_ratio", f->dpr);
        tdl_jw_knumber(w, "equal_opportunity_difference", f->tpr_difference);
        tdl_jw_knumber(w, "equalized_odds_difference", f->eod);
        tdl_jw_knumber(w, "equalized_odds_ratio", f->eor);
        tdl_jw_knumber(w, "predictive_parity_difference", f->ppv_difference);
        tdl_jw_knumber(w, "generalized_entropy_2", f->entropy);
        tdl_jw_knumber(w, "theil", f->theil);
    }
    if (f->scores)
        tdl_jw_knumber(w, "residual_difference", f->residual_difference);
    tdl_jw_kint(w, "left_out", (int64_t)f->left_out);
    tdl_jw_key(w, "groups");
    tdl_jw_array(w);
    for (size_t g = 0; g < f->groups_n; g++)
        write_group(f, f->group + g, name[g], w);
    tdl_jw_end_array(w);
    tdl_jw_key(w, "pairs");
    tdl_jw_array(w);
    for (size_t p = 0; p < f->pairs_n; p++)
        write_pair(f, f->pair + p, name, w);
    tdl_jw_end_array(w);
    tdl_jw_end_object(w);
}

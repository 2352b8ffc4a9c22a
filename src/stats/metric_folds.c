/* A metric over folds: its mean, and how sure that mean is. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stats/metric.h"
#include "stats/resample.h"

enum { DRAWS_EACH = 20 /* of one fold, until the metric is defined on one */ };

typedef struct side { /* one model's rows of a fold */
    tdl_scored scored;
    double *p, *scratch;
    uint32_t *order;
} side;

typedef struct part { /* one fold */
    size_t n;
    double *y, *weight;
    int32_t *list;
    side side[2];
    tdl_resample resample;
    bool defined; /* both sides have a value */
} part;

typedef struct folds {
    const tdl_metric *metric;
    part *part; /* [folds_n] */
    size_t folds_n, sides_n, defined_n;
} folds;

static void release(folds *f)
{
    for (size_t i = 0; f->part && i < f->folds_n; i++) {
        part *p = &f->part[i];

        for (size_t k = 0; k < 2; k++) {
            free(p->side[k].p);
            free(p->side[k].scratch);
            free(p->side[k].order);
        }
        tdl_resample_release(&p->resample);
        free(p->y);
        free(p->weight);
        free(p->list);
    }
    free(f->part);
}

static tdl_status take_rows(const tdl_scored *s, const uint32_t *fold, uint32_t number, part *p,
                            tdl_report *why)
{
    for (size_t i = 0; i < s->n; i++)
        p->n += fold[i] == number;
    p->y = malloc((p->n + 1) * sizeof *p->y);
    p->weight = s->weight ? malloc((p->n + 1) * sizeof *p->weight) : NULL;
    p->list = s->list ? malloc((p->n + 1) * sizeof *p->list) : NULL;
    if (!p->y || (s->weight && !p->weight) || (s->list && !p->list))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a fold of %zu rows", p->n);
    for (size_t i = 0, n = 0; i < s->n; i++) {
        if (fold[i] != number)
            continue;
        p->y[n] = s->y[i];
        if (p->weight)
            p->weight[n] = s->weight[i];
        if (p->list)
            p->list[n] = s->list[i];
        n++;
    }
    return TDL_OK;
}

static tdl_status take_side(const tdl_metric *metric, const tdl_scored *s, const uint32_t *fold,
                            uint32_t number, part *p, side *to, tdl_report *why)
{
    size_t width = s->width;

    to->p = malloc((p->n * width + 1) * sizeof *to->p);
    to->scratch = calloc(width * width + 2 * p->n + 1, sizeof *to->scratch);
    if (!to->p || !to->scratch)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a fold of %zu rows", p->n);
    for (size_t i = 0, n = 0; i < s->n; i++)
        if (fold[i] == number)
            memcpy(to->p + n++ * width, s->p + i * width, width * sizeof *to->p);
    to->scored = *s;
    to->scored.n = p->n;
    to->scored.y = p->y;
    to->scored.p = to->p;
    to->scored.weight = p->weight;
    to->scored.list = p->list;
    to->scored.order = NULL;
    if (!metric->sorted)
        return TDL_OK;
    tdl_status st = tdl_scored_order(&to->scored, &to->order, why);
    to->scored.order = to->order;
    return st;
}

/* NaN where it is undefined. */
static double value_of(const folds *f, part *p)
{
    double value = f->metric->value(&p->side[0].scored, p->side[0].scratch);

    if (f->sides_n == 2)
        value -= f->metric->value(&p->side[1].scored, p->side[1].scratch);
    return value;
}

/* A fold without rows stays undefined. ret_value: NaN then. */
static tdl_status start_fold(folds *f, const tdl_scored *const *s, const uint32_t *fold,
                             uint32_t number, double *ret_value, tdl_report *why)
{
    part *p = &f->part[number];
    tdl_status st = take_rows(s[0], fold, number, p, why);

    *ret_value = NAN;
    if (st || p->n == 0)
        return st;
    for (size_t k = 0; k < f->sides_n; k++)
        if ((st = take_side(f->metric, s[k], fold, number, p, &p->side[k], why)))
            return st;
    *ret_value = value_of(f, p);
    p->defined = isfinite(*ret_value);
    f->defined_n += p->defined;
    const int32_t *together = f->metric->task == TDL_METRIC_RANKING ? p->list : NULL;
    if ((st = tdl_resample_init(&p->resample, p->n, together, p->weight, why)))
        return st;
    return TDL_OK;
}

/* The mean over folds of one draw of each; false: it is undefined on every draw of some fold. */
static bool draw(folds *f, tdl_rng *rng, double *ret)
{
    double sum = 0;

    for (size_t i = 0; i < f->folds_n; i++) {
        part *p = &f->part[i];
        double value = NAN;

        if (!p->defined)
            continue;
        p->side[0].scored.weight = p->side[1].scored.weight = p->resample.weight;
        for (size_t k = 0; k < DRAWS_EACH && !isfinite(value); k++) {
            tdl_resample_draw(&p->resample, rng);
            value = value_of(f, p);
        }
        if (!isfinite(value))
            return false;
        sum += value;
    }
    *ret = sum / (double)f->defined_n;
    return true;
}

static tdl_status check(const tdl_metric *metric, const tdl_scored *a, const tdl_scored *b,
                        const uint32_t *fold, size_t folds_n, double level, tdl_report *why)
{
    double value;
    tdl_status st;

    if (!(level > 0 && level < 1))
        return TDL_FAIL(why, TDL_E_INVALID, "the level must lie between 0 and 1, not at %g", level);
    if (!folds_n || folds_n > UINT32_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "a mean over %zu folds", folds_n);
    for (size_t i = 0; i < a->n; i++)
        if (fold[i] >= folds_n)
            return TDL_FAIL(why, TDL_E_INVALID, "row %zu: fold %u of %zu", i, fold[i], folds_n);
    // Every row is looked at; that all folds together are defined says the metric suits them.
    if ((st = tdl_metric_value(metric, a, &value, why)))
        return st;
    if (!b)
        return TDL_OK;
    if (a->n != b->n || a->width != b->width || a->task != b->task)
        return TDL_FAIL(why, TDL_E_INVALID, "the two models were not measured on the same rows");
    for (size_t i = 0; i < a->n; i++)
        if (a->y[i] != b->y[i])
            return TDL_FAIL(why, TDL_E_INVALID, "row %zu has two different truths", i);
    return tdl_metric_value(metric, b, &value, why);
}

tdl_status tdl_metric_fold_interval(const tdl_metric *metric, const tdl_scored *a,
                                    const tdl_scored *b, const uint32_t *fold, size_t folds_n,
                                    const tdl_bootstrap_options *options, tdl_rng *rng,
                                    tdl_interval *ret, tdl_report *why)
{
    size_t resamples = options && options->resamples ? options->resamples : 1000;
    double level = options && options->level != 0 ? options->level : 0.95, sum = 0, value;
    const tdl_scored *const both[] = {a, b};
    folds f = {.metric = metric, .folds_n = folds_n, .sides_n = b ? 2 : 1};
    double *values = NULL;
    tdl_status st = check(metric, a, b, fold, folds_n, level, why);

    if (st)
        return st;
    f.part = calloc(folds_n, sizeof *f.part);
    values = calloc(resamples, sizeof *values);
    if (!f.part || !values) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu resamples", resamples);
        goto out;
    }
    for (size_t i = 0; i < folds_n; i++) {
        if ((st = start_fold(&f, both, fold, (uint32_t)i, &value, why)))
            goto out;
        sum += f.part[i].defined ? value : 0;
    }
    bool defined = f.defined_n > 0;
    for (size_t i = 0; i < resamples && defined; i++)
        defined = draw(&f, rng, &values[i]);
    if (!defined) {
        st = TDL_FAIL_HINT(why, TDL_E_INVALID, "there are too few rows, or too few of one class",
                           "%s is undefined on most resamples of a fold", metric->name);
        goto out;
    }
    tdl_sort_numbers(values, resamples);
    *ret =
        (tdl_interval){sum / (double)f.defined_n, tdl_quantile(values, resamples, (1 - level) / 2),
                       tdl_quantile(values, resamples, (1 + level) / 2)};
out:
    release(&f);
    free(values);
    return st;
}

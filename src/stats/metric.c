#include "stats/metric.h"

#include <math.h>
#include <stdlib.h>

#include "base/sorted.h"
#include "stats/classes.h"
#include "stats/classify.h"
#include "stats/ranking.h"
#include "stats/regress.h"
#include "stats/resample.h"
#include "stats/weight.h"

/* ---- each metric, in the form of the list ---- */

static double auc(const tdl_scored *s, double *scratch)
{
    TDL_UNUSED(scratch);
    return tdl_auc(s->y, s->p, s->weight, s->order, s->n);
}

static double average_precision(const tdl_scored *s, double *scratch)
{
    TDL_UNUSED(scratch);
    return tdl_average_precision(s->y, s->p, s->weight, s->order, s->n);
}

static double log_loss(const tdl_scored *s, double *scratch)
{
    TDL_UNUSED(scratch);
    return tdl_log_loss(s->y, s->p, s->weight, s->n);
}

static double brier(const tdl_scored *s, double *scratch)
{
    TDL_UNUSED(scratch);
    return tdl_brier(s->y, s->p, s->weight, s->n);
}

static double ece(const tdl_scored *s, double *scratch)
{
    TDL_UNUSED(scratch);
    return tdl_ece(s->y, s->p, s->weight, s->n);
}

static double lift_decile(const tdl_scored *s, double *scratch)
{
    tdl_lift_part part[10];

    TDL_UNUSED(scratch);
    tdl_lift(s->y, s->p, s->weight, s->order, s->n, 10, part);
    return part[0].lift;
}

#define OF_CONFUSION(name)                                                                         \
    static double name(const tdl_scored *s, double *scratch)                                       \
    {                                                                                              \
        double at = s->threshold > 0 ? s->threshold : 0.5;                                         \
        tdl_confusion c = tdl_confusion_at(s->y, s->p, s->weight, s->n, at);                       \
                                                                                                   \
        TDL_UNUSED(scratch);                                                                       \
        return tdl_confusion_##name(&c);                                                           \
    }
OF_CONFUSION(accuracy)
OF_CONFUSION(precision)
OF_CONFUSION(recall)
OF_CONFUSION(f1)
OF_CONFUSION(balanced)
OF_CONFUSION(mcc)

#define OF_CLASSES(name)                                                                           \
    static double classes_##name(const tdl_scored *s, double *scratch)                             \
    {                                                                                              \
        TDL_UNUSED(scratch);                                                                       \
        return tdl_classes_##name(s->y, s->p, s->weight, s->n, s->width);                          \
    }
OF_CLASSES(log_loss)
OF_CLASSES(brier)
OF_CLASSES(ece)

static double classes_auc(const tdl_scored *s, double *scratch)
{
    return tdl_classes_auc(s->y, s->p, s->weight, s->order, s->n, s->width, scratch);
}

#define OF_CLASSES_CONFUSION(name, function)                                                       \
    static double name(const tdl_scored *s, double *scratch)                                       \
    {                                                                                              \
        tdl_classes_confusion(s->y, s->p, s->weight, s->n, s->width, scratch);                     \
        return function(scratch, s->width);                                                        \
    }
OF_CLASSES_CONFUSION(classes_accuracy, tdl_classes_accuracy)
OF_CLASSES_CONFUSION(classes_macro_f1, tdl_classes_macro_f1)
OF_CLASSES_CONFUSION(classes_balanced, tdl_classes_balanced)
OF_CLASSES_CONFUSION(kappa, tdl_quadratic_kappa)
OF_CLASSES_CONFUSION(classes_mae, tdl_classes_mae)

#define OF_VALUES(name)                                                                            \
    static double name(const tdl_scored *s, double *scratch)                                       \
    {                                                                                              \
        TDL_UNUSED(scratch);                                                                       \
        return tdl_##name(s->y, s->p, s->weight, s->n);                                            \
    }
OF_VALUES(rmse)
OF_VALUES(mae)
OF_VALUES(r2)
OF_VALUES(mape)
OF_VALUES(poisson_deviance)

static double tweedie_deviance(const tdl_scored *s, double *scratch)
{
    TDL_UNUSED(scratch);
    return tdl_tweedie_deviance(s->y, s->p, s->weight, s->n, s->power);
}

static double pinball(const tdl_scored *s, double *scratch)
{
    double sum = 0;

    TDL_UNUSED(scratch);
    for (size_t q = 0; q < s->width; q++)
        sum += tdl_pinball(s->y, s->p + q, s->width, s->weight, s->n, s->quantile[q]);
    return sum / (double)s->width;
}

/* Of the outermost pair of levels. */
static double coverage(const tdl_scored *s, double *scratch)
{
    TDL_UNUSED(scratch);
    return tdl_coverage(s->y, s->p, s->p + s->width - 1, s->width, s->weight, s->n);
}

static double mean_width(const tdl_scored *s, double *scratch)
{
    TDL_UNUSED(scratch);
    return tdl_mean_width(s->p, s->p + s->width - 1, s->width, s->weight, s->n);
}

static size_t list_end(const tdl_scored *s, size_t first)
{
    size_t end = first;

    while (end < s->n && (!s->list || s->list[end] == s->list[first]))
        end++;
    return end;
}

/* Mean over lists with something relevant; a list weighs what its first row does. */
static double ndcg(const tdl_scored *s, double *scratch)
{
    double sum = 0, all = 0;

    TDL_UNUSED(scratch);
    for (size_t first = 0, end; first < s->n; first = end) {
        double own = tdl_weight_of(s->weight, first), of_list;

        end = list_end(s, first);
        if (!(own > 0))
            continue;
        of_list = tdl_ndcg_list(s->y + first, s->p + first, s->order + first,
                                s->order + s->n + first, end - first, 10);
        if (isnan(of_list))
            continue;
        sum += own * of_list;
        all += own;
    }
    return sum / all;
}

/* The default of a task is its first. */
const tdl_metric tdl_metrics[] = {
    /* name, task, higher is better, of a probability, sorted */
    {"auc", TDL_METRIC_BINARY, true, false, true, auc, false},
    {"average_precision", TDL_METRIC_BINARY, true, false, true, average_precision, false},
    {"log_loss", TDL_METRIC_BINARY, false, true, false, log_loss, false},
    {"brier", TDL_METRIC_BINARY, false, true, false, brier, false},
    {"ece", TDL_METRIC_BINARY, false, true, false, ece, true},
    {"accuracy", TDL_METRIC_BINARY, true, false, false, accuracy, false},
    {"balanced_accuracy", TDL_METRIC_BINARY, true, false, false, balanced, false},
    {"f1", TDL_METRIC_BINARY, true, false, false, f1, false},
    {"precision", TDL_METRIC_BINARY, true, false, false, precision, false},
    {"recall", TDL_METRIC_BINARY, true, false, false, recall, false},
    {"mcc", TDL_METRIC_BINARY, true, false, false, mcc, false},
    {"lift_decile", TDL_METRIC_BINARY, true, false, true, lift_decile, false},
    {"log_loss", TDL_METRIC_CLASSES, false, true, false, classes_log_loss, false},
    {"accuracy", TDL_METRIC_CLASSES, true, false, false, classes_accuracy, false},
    {"balanced_accuracy", TDL_METRIC_CLASSES, true, false, false, classes_balanced, false},
    {"macro_f1", TDL_METRIC_CLASSES, true, false, false, classes_macro_f1, false},
    {"auc", TDL_METRIC_CLASSES, true, false, true, classes_auc, false},
    {"brier", TDL_METRIC_CLASSES, false, true, false, classes_brier, false},
    {"ece", TDL_METRIC_CLASSES, false, true, false, classes_ece, true},
    {"kappa", TDL_METRIC_ORDINAL, true, false, false, kappa, false},
    {"mae", TDL_METRIC_ORDINAL, false, false, false, classes_mae, false},
    {"accuracy", TDL_METRIC_ORDINAL, true, false, false, classes_accuracy, false},
    {"log_loss", TDL_METRIC_ORDINAL, false, true, false, classes_log_loss, false},
    {"rmse", TDL_METRIC_VALUE, false, false, false, rmse, false},
    {"mae", TDL_METRIC_VALUE, false, false, false, mae, false},
    {"r2", TDL_METRIC_VALUE, true, false, false, r2, false},
    {"mape", TDL_METRIC_VALUE, false, false, false, mape, false},
    {"poisson_deviance", TDL_METRIC_VALUE, false, false, false, poisson_deviance, false},
    {"tweedie_deviance", TDL_METRIC_VALUE, false, false, false, tweedie_deviance, false},
    {"pinball", TDL_METRIC_QUANTILE, false, false, false, pinball, false},
    {"coverage", TDL_METRIC_QUANTILE, true, false, false, coverage, false},
    {"width", TDL_METRIC_QUANTILE, false, false, false, mean_width, false},
    {"ndcg@10", TDL_METRIC_RANKING, true, false, true, ndcg, false},
};
const size_t tdl_metrics_n = sizeof tdl_metrics / sizeof tdl_metrics[0];

const tdl_metric *tdl_metric_find(tdl_str name, tdl_metric_task task)
{
    for (size_t i = 0; i < tdl_metrics_n; i++)
        if (tdl_metrics[i].task == task && tdl_str_is(name, tdl_metrics[i].name))
            return tdl_metrics + i;
    return NULL;
}

const tdl_metric *tdl_metric_default(tdl_metric_task task)
{
    for (size_t i = 0; i < tdl_metrics_n; i++)
        if (tdl_metrics[i].task == task)
            return tdl_metrics + i;
    return NULL;
}

bool tdl_metric_applies(const tdl_metric *metric, const tdl_scored *s)
{
    bool has_power = s->power > 1 && s->power < 2;

    return metric->task == s->task && (metric->value != tweedie_deviance || has_power);
}

/* ---- values ---- */

tdl_status tdl_scored_order(const tdl_scored *s, uint32_t **ret_order, tdl_report *why)
{
    size_t columns = s->width ? s->width : 1;
    uint32_t *order = NULL;
    tdl_status st = TDL_OK;

    if (s->n > UINT32_MAX || columns > SIZE_MAX / 2 / sizeof *order / (s->n + 1))
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "%zu x %zu scores are too many", s->n, columns);
    if (!(order = malloc(2 * columns * (s->n + 1) * sizeof *order)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to sort %zu rows", s->n);
    if (s->task == TDL_METRIC_RANKING) { /* within lists: by score, then by relevance */
        for (size_t first = 0, end; !st && first < s->n; first = end) {
            end = list_end(s, first);
            st = tdl_order_rows(s->p + first, 1, end - first, order + first, why);
            if (!st)
                st = tdl_order_rows(s->y + first, 1, end - first, order + s->n + first, why);
        }
    } else {
        for (size_t c = 0; !st && c < s->width; c++)
            st = tdl_order_rows(s->p + c, s->width, s->n, order + c * s->n, why);
    }
    if (st) {
        free(order);
        return st;
    }
    *ret_order = order;
    return TDL_OK;
}

static tdl_status check_row(const tdl_metric *metric, const tdl_scored *s, size_t i,
                            tdl_report *why)
{
    double y = s->y[i];

    if (!isfinite(y))
        return TDL_FAIL(why, TDL_E_INVALID, "row %zu: its truth is not a finite number", i);
    if (s->weight && !(s->weight[i] >= 0 && isfinite(s->weight[i])))
        return TDL_FAIL(why, TDL_E_INVALID, "row %zu: weight %g is below 0 or not finite", i,
                        s->weight[i]);
    for (size_t c = 0; c < s->width; c++) {
        double p = s->p[i * s->width + c];

        if (!isfinite(p))
            return TDL_FAIL(why, TDL_E_INVALID, "row %zu: its score is not a finite number", i);
        if (metric->of_probability && !(p >= 0 && p <= 1))
            return TDL_FAIL(why, TDL_E_INVALID, "row %zu: %s needs probabilities, not %g", i,
                            metric->name, p);
    }
    if (s->task == TDL_METRIC_BINARY && y != 0 && y != 1)
        return TDL_FAIL(why, TDL_E_INVALID, "row %zu: class %g is neither 0 nor 1", i, y);
    if ((s->task == TDL_METRIC_CLASSES || s->task == TDL_METRIC_ORDINAL) &&
        !(y >= 0 && y < (double)s->width && y == floor(y)))
        return TDL_FAIL(why, TDL_E_INVALID, "row %zu: class %g is none of %zu", i, y, s->width);
    if (s->task == TDL_METRIC_RANKING && y < 0)
        return TDL_FAIL(why, TDL_E_INVALID, "row %zu: relevance %g is below 0", i, y);
    if ((metric->value == poisson_deviance || metric->value == tweedie_deviance) &&
        !(y >= 0 && s->p[i] > 0))
        return TDL_FAIL(why, TDL_E_INVALID, "row %zu: counts must be >= 0 and their mean > 0", i);
    return TDL_OK;
}

/* Checks, then a copy of `s` with its order and the scratch for its metric. */
static tdl_status prepare(const tdl_metric *metric, const tdl_scored *s, tdl_scored *ret,
                          uint32_t **ret_order, double **ret_scratch, tdl_report *why)
{
    bool one = s->task & (TDL_METRIC_BINARY | TDL_METRIC_VALUE | TDL_METRIC_RANKING);
    tdl_status st;

    if (!tdl_metric_applies(metric, s))
        return TDL_FAIL(why, TDL_E_INVALID, "%s is not a metric of this task", metric->name);
    if (!s->n || !s->width || (one && s->width != 1))
        return TDL_FAIL(why, TDL_E_INVALID, "%zu rows of %zu scores cannot be measured", s->n,
                        s->width);
    for (size_t i = 0; i < s->n; i++)
        if ((st = check_row(metric, s, i, why)))
            return st;
    *ret = *s;
    if (metric->sorted && !s->order) {
        if ((st = tdl_scored_order(s, ret_order, why)))
            return st;
        ret->order = *ret_order;
    }
    if (s->width > 1U << 15 ||
        !(*ret_scratch = calloc(s->width * s->width + 2 * s->n + 1, sizeof **ret_scratch)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to measure %zu classes", s->width);
    return TDL_OK;
}

static tdl_status undefined(const tdl_metric *metric, tdl_report *why)
{
    return TDL_FAIL_HINT(why, TDL_E_INVALID, "such as the AUC of rows that are all of one class",
                         "%s is not defined on these rows", metric->name);
}

tdl_status tdl_metric_value(const tdl_metric *metric, const tdl_scored *s, double *ret,
                            tdl_report *why)
{
    uint32_t *order = NULL;
    double *scratch = NULL, value;
    tdl_scored ready;
    tdl_status st;

    if ((st = prepare(metric, s, &ready, &order, &scratch, why)))
        goto out;
    value = metric->value(&ready, scratch);
    if (!isfinite(value)) {
        st = undefined(metric, why);
        goto out;
    }
    *ret = value;
out:
    free(order);
    free(scratch);
    return st;
}

/* ---- intervals ---- */

static double value_of_both(const tdl_metric *metric, const tdl_scored *a, const tdl_scored *b,
                            double *scratch)
{
    double value = metric->value(a, scratch);

    return b ? value - metric->value(b, scratch) : value;
}

/* Of a, or of a - b when there is a b. */
static tdl_status interval(const tdl_metric *metric, const tdl_scored *a, const tdl_scored *b,
                           const int32_t *group, const tdl_bootstrap_options *options, tdl_rng *rng,
                           tdl_interval *ret, tdl_report *why)
{
    size_t resamples = options && options->resamples ? options->resamples : 1000, done = 0;
    double level = options && options->level != 0 ? options->level : 0.95, mean;
    double *values = NULL, *scratch = NULL, *scratch_b = NULL;
    uint32_t *order_a = NULL, *order_b = NULL;
    tdl_scored own_a, own_b = {0};
    tdl_resample r = {0};
    tdl_status st;

    if (!(level > 0 && level < 1))
        return TDL_FAIL(why, TDL_E_INVALID, "the level must lie between 0 and 1, not at %g", level);
    if ((st = prepare(metric, a, &own_a, &order_a, &scratch, why)) ||
        (b && (st = prepare(metric, b, &own_b, &order_b, &scratch_b, why))))
        goto out;
    mean = value_of_both(metric, &own_a, b ? &own_b : NULL, scratch);
    if (!isfinite(mean)) {
        st = undefined(metric, why);
        goto out;
    }
    if (a->task == TDL_METRIC_RANKING && a->list)
        group = a->list;
    if ((st = tdl_resample_init(&r, a->n, group, a->weight, why)))
        goto out;
    if (!(values = calloc(resamples + 1, sizeof *values))) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu resamples", resamples);
        goto out;
    }
    own_a.weight = own_b.weight = r.weight;
    for (size_t drawn = 0; done < resamples && drawn / 2 < resamples; drawn++) {
        tdl_resample_draw(&r, rng);
        values[done] = value_of_both(metric, &own_a, b ? &own_b : NULL, scratch);
        done += isfinite(values[done]) != 0;
    }
    if (done < resamples) {
        st = TDL_FAIL_HINT(why, TDL_E_INVALID, "there are too few rows, or too few of one class",
                           "%s is undefined on most resamples of these rows", metric->name);
        goto out;
    }
    tdl_sort_numbers(values, resamples);
    *ret = (tdl_interval){mean, tdl_quantile(values, resamples, (1 - level) / 2),
                          tdl_quantile(values, resamples, (1 + level) / 2)};
out:
    tdl_resample_release(&r);
    free(values);
    free(scratch);
    free(scratch_b);
    free(order_a);
    free(order_b);
    return st;
}

tdl_status tdl_metric_interval(const tdl_metric *metric, const tdl_scored *s, const int32_t *group,
                               const tdl_bootstrap_options *options, tdl_rng *rng,
                               tdl_interval *ret, tdl_report *why)
{
    return interval(metric, s, NULL, group, options, rng, ret, why);
}

tdl_status tdl_metric_difference(const tdl_metric *metric, const tdl_scored *a, const tdl_scored *b,
                                 const int32_t *group, const tdl_bootstrap_options *options,
                                 tdl_rng *rng, tdl_interval *ret, tdl_report *why)
{
    if (a->n != b->n || a->width != b->width || a->task != b->task)
        return TDL_FAIL(why, TDL_E_INVALID, "the two models were not measured on the same rows");
    for (size_t i = 0; i < a->n; i++)
        if (a->y[i] != b->y[i])
            return TDL_FAIL(why, TDL_E_INVALID, "row %zu has two different truths", i);
    return interval(metric, a, b, group, options, rng, ret, why);
}

void tdl_fold_mean(const double *values, size_t k, double *ret_mean, double *ret_error)
{
    double mean = 0, square = 0;

    for (size_t i = 0; i < k; i++)
        mean += values[i] / (double)k;
    for (size_t i = 0; i < k; i++)
        square += (values[i] - mean) * (values[i] - mean);
    *ret_mean = mean;
    *ret_error = k < 2 ? (double)NAN : sqrt(square / (double)(k - 1) / (double)k);
}

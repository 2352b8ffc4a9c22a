#include "stats/classify.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "stats/weight.h"

/* ---- order ---- */

typedef struct keyed {
    double key;
    uint32_t row;
} keyed;

static int by_key(const void *a, const void *b)
{
    const keyed *x = a, *y = b;

    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

tdl_status tdl_order_rows(const double *key, size_t stride, size_t n, uint32_t *ret_order,
                          tdl_report *why)
{
    keyed *keys = NULL;

    if (n > UINT32_MAX)
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "%zu rows are too many to sort", n);
    if (!(keys = malloc((n + 1) * sizeof *keys)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to sort %zu rows", n);
    for (size_t i = 0; i < n; i++)
        keys[i] = (keyed){key[i * stride], (uint32_t)i};
    qsort(keys, n, sizeof *keys, by_key);
    for (size_t i = 0; i < n; i++)
        ret_order[i] = keys[i].row;
    free(keys);
    return TDL_OK;
}

/* Walks rows by falling score, all of one score at a time. */
typedef struct walk {
    const double *y, *p, *weight;
    const uint32_t *order;
    size_t left;               /* rows not walked yet */
    double positive, negative; /* weight of rows walked */
    double score;              /* of the step just made */
} walk;

static bool step(walk *w)
{
    if (!w->left)
        return false;
    w->score = w->p[w->order[w->left - 1]];
    while (w->left && w->p[w->order[w->left - 1]] == w->score) {
        size_t row = w->order[--w->left];
        double weight = tdl_weight_of(w->weight, row);

        if (w->y[row] != 0)
            w->positive += weight;
        else
            w->negative += weight;
    }
    return true;
}

static void weigh(const double *y, const double *weight, size_t n, double *ret_positive,
                  double *ret_all)
{
    double positive = 0, all = 0;

    for (size_t i = 0; i < n; i++) {
        double own = tdl_weight_of(weight, i);

        all += own;
        if (y[i] != 0)
            positive += own;
    }
    *ret_positive = positive;
    *ret_all = all;
}

/* ---- ranking ---- */

double tdl_auc(const double *y, const double *p, const double *weight, const uint32_t *order,
               size_t n)
{
    walk w = {y, p, weight, order, n, 0, 0, 0};
    double area = 0, positive = 0, negative = 0;

    while (step(&w)) { /* the trapezium between two distinct scores */
        area += (w.negative - negative) * (w.positive + positive) / 2;
        positive = w.positive;
        negative = w.negative;
    }
    return positive > 0 && negative > 0 ? area / (positive * negative) : (double)NAN;
}

double tdl_average_precision(const double *y, const double *p, const double *weight,
                             const uint32_t *order, size_t n)
{
    walk w = {y, p, weight, order, n, 0, 0, 0};
    double sum = 0, positive = 0;

    while (step(&w)) {
        if (w.positive > positive)
            sum += (w.positive - positive) * (w.positive / (w.positive + w.negative));
        positive = w.positive;
    }
    return positive > 0 ? sum / positive : (double)NAN;
}

/* ---- probabilities ---- */

double tdl_log_loss(const double *y, const double *p, const double *weight, size_t n)
{
    double sum = 0, all = 0;

    for (size_t i = 0; i < n; i++) {
        double own = tdl_weight_of(weight, i), of_y = y[i] != 0 ? p[i] : 1 - p[i];

        all += own;
        if (own > 0)
            sum -= own * log(fmin(fmax(of_y, 1e-15), 1 - 1e-15));
    }
    return sum / all;
}

double tdl_brier(const double *y, const double *p, const double *weight, size_t n)
{
    double sum = 0, all = 0;

    for (size_t i = 0; i < n; i++) {
        double own = tdl_weight_of(weight, i), error = p[i] - y[i];

        all += own;
        sum += own * error * error;
    }
    return sum / all;
}

/* ---- decisions ---- */

tdl_confusion tdl_confusion_at(const double *y, const double *p, const double *weight, size_t n,
                               double threshold)
{
    tdl_confusion c = {0};

    for (size_t i = 0; i < n; i++) {
        double own = tdl_weight_of(weight, i);
        bool yes = p[i] >= threshold;

        if (y[i] != 0)
            *(yes ? &c.tp : &c.fn) += own;
        else
            *(yes ? &c.fp : &c.tn) += own;
    }
    return c;
}

double tdl_confusion_accuracy(const tdl_confusion *c)
{
    return (c->tp + c->tn) / (c->tp + c->fp + c->tn + c->fn);
}

double tdl_confusion_precision(const tdl_confusion *c)
{
    return c->tp + c->fp > 0 ? c->tp / (c->tp + c->fp) : 0;
}

double tdl_confusion_recall(const tdl_confusion *c)
{
    return c->tp / (c->tp + c->fn);
}

double tdl_confusion_f1(const tdl_confusion *c)
{
    double under = 2 * c->tp + c->fp + c->fn;

    return under > 0 ? 2 * c->tp / under : 0;
}

double tdl_confusion_balanced(const tdl_confusion *c)
{
    return (c->tp / (c->tp + c->fn) + c->tn / (c->tn + c->fp)) / 2;
}

double tdl_confusion_mcc(const tdl_confusion *c)
{
    double under =
        sqrt(c->tp + c->fp) * sqrt(c->tp + c->fn) * sqrt(c->tn + c->fp) * sqrt(c->tn + c->fn);

    return under > 0 ? (c->tp * c->tn - c->fp * c->fn) / under : 0;
}

/* ---- calibration ---- */

void tdl_wilson(double share, double n, double z, double *ret_low, double *ret_high)
{
    double z2 = z * z, middle = (share + z2 / (2 * n)) / (1 + z2 / n);
    double half = z / (1 + z2 / n) * sqrt(share * (1 - share) / n + z2 / (4 * n * n));

    *ret_low = fmax(0, middle - half);
    *ret_high = fmin(1, middle + half);
}

static size_t bin_of(double p, size_t bins)
{
    double at = p * (double)bins;

    return !(at > 0) ? 0 : at >= (double)bins ? bins - 1 : (size_t)at;
}

void tdl_calibration_curve(const double *y, const double *p, const double *weight, size_t n,
                           size_t bins, tdl_calibration_bin *ret)
{
    for (size_t b = 0; b < bins; b++)
        ret[b] = (tdl_calibration_bin){.low = (double)b / (double)bins,
                                       .high = (double)(b + 1) / (double)bins};
    for (size_t i = 0; i < n; i++) {
        tdl_calibration_bin *bin = ret + bin_of(p[i], bins);
        double own = tdl_weight_of(weight, i);

        bin->weight += own;
        bin->rows += own > 0;
        bin->score += own * p[i];
        bin->rate += y[i] != 0 ? own : 0;
    }
    for (size_t b = 0; b < bins; b++) {
        tdl_calibration_bin *bin = ret + b;

        if (!(bin->weight > 0)) {
            bin->score = bin->rate = bin->rate_low = bin->rate_high = (double)NAN;
            continue;
        }
        bin->score /= bin->weight;
        bin->rate /= bin->weight;
        tdl_wilson(bin->rate, (double)bin->rows, 1.959963984540054, &bin->rate_low,
                   &bin->rate_high);
    }
}

double tdl_ece(const double *y, const double *p, const double *weight, size_t n)
{
    enum { BINS = 10 };
    double gap[BINS] = {0}, all = 0, sum = 0;

    for (size_t i = 0; i < n; i++) {
        double own = tdl_weight_of(weight, i);

        all += own;
        gap[bin_of(p[i], BINS)] += own * (p[i] - (y[i] != 0));
    }
    for (size_t b = 0; b < BINS; b++)
        sum += fabs(gap[b]);
    return sum / all;
}

/* ---- curves ---- */

void tdl_lift(const double *y, const double *p, const double *weight, const uint32_t *order,
              size_t n, size_t parts, tdl_lift_part *ret)
{
    double positive, all, seen = 0, found = 0;
    size_t left = n;

    weigh(y, weight, n, &positive, &all);
    for (size_t t = 0; t < parts; t++) {
        double end = all * (double)(t + 1) / (double)parts, own = 0, own_found = 0;

        ret[t].score_low = left ? p[order[left - 1]] : (double)NAN;
        while (left) { /* a row belongs to the part in which its middle lies */
            size_t row = order[left - 1];
            double w = tdl_weight_of(weight, row);

            if (t + 1 < parts && seen + w / 2 > end)
                break;
            left--;
            seen += w;
            own += w;
            own_found += y[row] != 0 ? w : 0;
            ret[t].score_low = p[row];
        }
        found += own_found;
        ret[t].share = seen / all;
        ret[t].rate = own_found / own;
        ret[t].lift = ret[t].rate / (positive / all);
        ret[t].gain = found / positive;
    }
}

size_t tdl_roc(const double *y, const double *p, const double *weight, const uint32_t *order,
               size_t n, tdl_roc_point *ret, size_t points_max)
{
    walk w = {y, p, weight, order, n, 0, 0, 0};
    double positive, all, next;
    size_t points = 1;

    assert(points_max >= 2);
    weigh(y, weight, n, &positive, &all);
    if (!(positive > 0 && positive < all))
        return 0;
    ret[0] = (tdl_roc_point){0, 0, (double)INFINITY};
    next = all / (double)(points_max - 1);
    while (step(&w)) {
        double seen = w.positive + w.negative;

        if (w.left && (seen < next || points + 1 == points_max))
            continue;
        ret[points++] =
            (tdl_roc_point){w.negative / (all - positive), w.positive / positive, w.score};
        next = (floor(seen * (double)(points_max - 1) / all) + 1) * all / (double)(points_max - 1);
    }
    return points;
}

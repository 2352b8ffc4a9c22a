#include "stats/classes.h"

#include <math.h>
#include <string.h>

#include "stats/classify.h"
#include "stats/weight.h"

size_t tdl_argmax(const double *p, size_t k)
{
    size_t best = 0;

    for (size_t c = 1; c < k; c++)
        if (p[c] > p[best])
            best = c;
    return best;
}

void tdl_classes_confusion(const double *y, const double *p, const double *weight, size_t n,
                           size_t k, double *ret)
{
    memset(ret, 0, k * k * sizeof *ret);
    for (size_t i = 0; i < n; i++)
        ret[(size_t)y[i] * k + tdl_argmax(p + i * k, k)] += tdl_weight_of(weight, i);
}

static double sum_of(const double *values, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += values[i];
    return sum;
}

static double column_sum(const double *confusion, size_t k, size_t column)
{
    double sum = 0;

    for (size_t i = 0; i < k; i++)
        sum += confusion[i * k + column];
    return sum;
}

double tdl_classes_accuracy(const double *confusion, size_t k)
{
    double right = 0;

    for (size_t c = 0; c < k; c++)
        right += confusion[c * k + c];
    return right / sum_of(confusion, k * k);
}

double tdl_classes_macro_f1(const double *confusion, size_t k)
{
    double sum = 0, classes = 0;

    for (size_t c = 0; c < k; c++) {
        double both = sum_of(confusion + c * k, k) + column_sum(confusion, k, c);

        if (both > 0) {
            sum += 2 * confusion[c * k + c] / both;
            classes++;
        }
    }
    return sum / classes;
}

double tdl_classes_balanced(const double *confusion, size_t k)
{
    double sum = 0, classes = 0;

    for (size_t c = 0; c < k; c++) {
        double own = sum_of(confusion + c * k, k);

        if (own > 0) {
            sum += confusion[c * k + c] / own;
            classes++;
        }
    }
    return sum / classes;
}

double tdl_classes_log_loss(const double *y, const double *p, const double *weight, size_t n,
                            size_t k)
{
    double sum = 0, all = 0;

    for (size_t i = 0; i < n; i++) {
        double own = tdl_weight_of(weight, i), of_y = p[i * k + (size_t)y[i]];

        all += own;
        if (own > 0)
            sum -= own * log(fmin(fmax(of_y / sum_of(p + i * k, k), 1e-15), 1 - 1e-15));
    }
    return sum / all;
}

double tdl_classes_brier(const double *y, const double *p, const double *weight, size_t n, size_t k)
{
    double sum = 0, all = 0;

    for (size_t i = 0; i < n; i++) {
        double own = tdl_weight_of(weight, i), errors = 0;

        for (size_t c = 0; c < k; c++) {
            double error = p[i * k + c] - ((size_t)y[i] == c);

            errors += error * error;
        }
        all += own;
        sum += own * errors;
    }
    return sum / all;
}

double tdl_classes_auc(const double *y, const double *p, const double *weight,
                       const uint32_t *order, size_t n, size_t k, double *one)
{
    double sum = 0;

    for (size_t c = 0; c < k; c++) {
        for (size_t i = 0; i < n; i++) {
            one[i] = (size_t)y[i] == c;
            one[n + i] = p[i * k + c];
        }
        sum += tdl_auc(one, one + n, weight, order + c * n, n);
    }
    return sum / (double)k;
}

double tdl_classes_ece(const double *y, const double *p, const double *weight, size_t n, size_t k)
{
    enum { BINS = 10 };
    double gap[BINS] = {0}, all = 0, sum = 0;

    for (size_t i = 0; i < n; i++) {
        size_t best = tdl_argmax(p + i * k, k);
        double own = tdl_weight_of(weight, i), at = p[i * k + best] * BINS;

        all += own;
        gap[!(at > 0)    ? 0
            : at >= BINS ? BINS - 1
                         : (size_t)at] += own * (p[i * k + best] - (best == (size_t)y[i]));
    }
    for (size_t b = 0; b < BINS; b++)
        sum += fabs(gap[b]);
    return sum / all;
}

double tdl_quadratic_kappa(const double *confusion, size_t k)
{
    double all = sum_of(confusion, k * k), seen = 0, chance = 0;

    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j < k; j++) {
            double d = (double)i - (double)j;

            seen += d * d * confusion[i * k + j];
            chance += d * d * sum_of(confusion + i * k, k) * column_sum(confusion, k, j) / all;
        }
    return 1 - seen / chance;
}

double tdl_classes_mae(const double *confusion, size_t k)
{
    double sum = 0;

    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j < k; j++)
            sum += fabs((double)i - (double)j) * confusion[i * k + j];
    return sum / sum_of(confusion, k * k);
}

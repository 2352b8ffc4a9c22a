#include "table/select.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct pair {
    float value;
    uint32_t row;
} pair;

static int by_value(const void *a, const void *b)
{
    const pair *x = a, *y = b;

    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* Cut value[rows], `stride` apart, into bins 0 .. TDL_SELECT_BINS; the last is that of NaN. */
static void cut(const float *value, size_t stride, size_t rows, pair *scratch, uint8_t *ret)
{
    size_t n = 0;

    for (size_t i = 0; i < rows; i++) {
        ret[i] = TDL_SELECT_BINS;
        if (!isnan(value[i * stride]))
            scratch[n++] = (pair){value[i * stride], (uint32_t)i};
    }
    qsort(scratch, n, sizeof *scratch, by_value);
    for (size_t begin = 0, end; begin < n; begin = end) {
        // the bin of the middle of a tie, so that a heavy value does not take its neighbours along
        for (end = begin; end < n && scratch[end].value == scratch[begin].value;)
            end++;
        for (size_t i = begin; i < end; i++)
            ret[scratch[i].row] = (uint8_t)((begin + end) / 2 * TDL_SELECT_BINS / n);
    }
}

static double entropy(double sum_n_log_n, double n)
{
    return log(n) - sum_n_log_n / n;
}

/* Of joint counts [TDL_SELECT_BINS + 1][classes]. */
static double information(const double *joint, size_t classes, double n)
{
    double of_bin = 0, of_class = 0, of_both = 0, bins_used = 0, classes_used = 0;

    for (size_t b = 0; b <= TDL_SELECT_BINS; b++) {
        double sum = 0;
        for (size_t c = 0; c < classes; c++) {
            double k = joint[b * classes + c];
            sum += k;
            of_both += k > 0 ? k * log(k) : 0;
        }
        of_bin += sum > 0 ? sum * log(sum) : 0;
        bins_used += sum > 0;
    }
    for (size_t c = 0; c < classes; c++) {
        double sum = 0;
        for (size_t b = 0; b <= TDL_SELECT_BINS; b++)
            sum += joint[b * classes + c];
        of_class += sum > 0 ? sum * log(sum) : 0;
        classes_used += sum > 0;
    }
    return fmax(0, entropy(of_bin, n) + entropy(of_class, n) - entropy(of_both, n) -
                       (bins_used - 1) * (classes_used - 1) / (2 * n));
}

static void measure(const tdl_matrix *m, const uint32_t *class_of, size_t classes, pair *scratch,
                    uint8_t *bin, double *joint, double *ret)
{
    for (size_t j = 0; j < m->cols; j++) {
        double n = 0;

        cut(m->x + j, m->cols, m->rows, scratch, bin);
        memset(joint, 0, (TDL_SELECT_BINS + 1) * classes * sizeof *joint);
        for (size_t i = 0; i < m->rows; i++)
            if (class_of[i] < classes) {
                joint[bin[i] * classes + class_of[i]]++;
                n++;
            }
        ret[j] = n > 0 ? information(joint, classes, n) : 0;
    }
}

tdl_status tdl_mutual_information(const tdl_matrix *matrix, const float *y, size_t classes_n,
                                  double *ret, tdl_report *why)
{
    size_t rows = matrix->rows, classes = classes_n ? classes_n : TDL_SELECT_BINS;
    pair *scratch = calloc(rows + 1, sizeof *scratch);
    uint8_t *bin = calloc(rows + 1, sizeof *bin);
    uint32_t *class_of = calloc(rows + 1, sizeof *class_of);
    double *joint = calloc(classes, (TDL_SELECT_BINS + 1) * sizeof *joint);
    tdl_status st = TDL_OK;

    if (!scratch || !bin || !class_of || !joint) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to select features of %zu rows", rows);
        goto out;
    }
    if (!classes_n)
        cut(y, 1, rows, scratch, bin);
    for (size_t i = 0; i < rows; i++) {
        bool known = !classes_n || (y[i] >= 0 && y[i] < (float)classes_n);

        class_of[i] = !known ? UINT32_MAX : classes_n ? (uint32_t)y[i] : bin[i];
    }
    measure(matrix, class_of, classes, scratch, bin, joint, ret);
out:
    free(scratch);
    free(bin);
    free(class_of);
    free(joint);
    return st;
}

/* ---- correlation ---- */

static const double ROUNDING = 1e-6; /* of floats: a copy is correlated as 1 */

/* One feature at n rows of the matrix as a vector of mean 0 and length 1; of a constant: zeros. */
static void standardise(const tdl_matrix *m, size_t feature, size_t n, float *ret)
{
    double sum = 0, squares = 0;
    size_t known = 0;

    for (size_t i = 0; i < n; i++) {
        ret[i] = m->x[i * m->rows / n * m->cols + feature];
        if (!isnan(ret[i])) {
            sum += (double)ret[i];
            known++;
        }
    }
    for (size_t i = 0; i < n; i++) {
        double d = isnan(ret[i]) ? 0 : (double)ret[i] - sum / (double)known;

        ret[i] = (float)d;
        squares += d * d;
    }
    for (size_t i = 0; i < n; i++)
        ret[i] = squares > 0 ? (float)((double)ret[i] / sqrt(squares)) : 0;
}

static double product(const float *a, const float *b, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

tdl_status tdl_correlation_leaders(const tdl_matrix *m, const size_t *order, double limit,
                                   bool *ret_leads, tdl_report *why)
{
    size_t n = m->rows < TDL_CORRELATION_ROWS ? m->rows : TDL_CORRELATION_ROWS, led = 0;
    float *leader = calloc(m->cols + 1, (n + 1) * sizeof *leader); /* [led][n] */

    if (!leader)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for correlations of %zu features",
                        m->cols);
    for (size_t i = 0; i < m->cols; i++) {
        float *one = leader + led * n;
        double near = limit - ROUNDING;
        bool leads = true;

        standardise(m, order[i], n, one);
        for (size_t k = 0; k < led && leads; k++)
            leads = fabs(product(leader + k * n, one, n)) < near;
        ret_leads[order[i]] = leads;
        led += leads;
    }
    free(leader);
    return TDL_OK;
}

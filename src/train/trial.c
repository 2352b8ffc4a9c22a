#include "train/trial.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static double thread_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* One batch without what it is to be judged by: a loss would turn scores into probabilities. */
static tdl_status forward(tdl_net *net, const tdl_trial_data *data, size_t i, tdl_report *why)
{
    const tdl_run run = {0};
    tdl_nn_batch batch = data->batch[i];
    tdl_status st;

    batch.target = NULL;
    batch.value = NULL;
    if ((st = tdl_net_forward(net, &batch, &run, why)))
        tdl_report_prefix(why, "batch %zu", i);
    return st;
}

static tdl_status pass(tdl_net *net, const tdl_trial_data *data, tdl_trial *trial, tdl_report *why)
{
    double begin = thread_seconds();
    size_t at = 0;

    for (size_t i = 0; i < data->batches_n; i++) {
        size_t n = tdl_net_rows(net, data->scores, &data->batch[i]) * trial->cols;
        tdl_status st = forward(net, data, i, why);

        if (st)
            return st;
        if (n)
            memcpy(trial->scores + at, tdl_net_value(net, data->scores), n * sizeof *trial->scores);
        at += n;
    }
    double seconds = thread_seconds() - begin;
    if (trial->seconds == 0 || seconds < trial->seconds)
        trial->seconds = seconds;
    return TDL_OK;
}

static tdl_status prepare(const tdl_net *net, const tdl_trial_data *data, tdl_trial *trial,
                          tdl_report *why)
{
    *trial = (tdl_trial){.bytes = tdl_net_weight_bytes(net)};
    if (data->scores < 0 || data->scores >= net->nodes_n || !tdl_net_has_value(net, data->scores))
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "ask for it with tdl_net_keep before planning",
                             "value %d of the net cannot be read", data->scores);
    trial->cols = net->node[data->scores].shapes.out_cols;
    for (size_t i = 0; i < data->batches_n; i++)
        trial->rows += tdl_net_rows(net, data->scores, &data->batch[i]);
    if (!trial->rows || !trial->cols)
        return TDL_FAIL(why, TDL_E_INVALID, "no rows to try the net on");
    trial->scores = calloc(trial->rows, trial->cols * sizeof *trial->scores);
    if (!trial->scores)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu x %zu scores", trial->rows,
                        trial->cols);
    return TDL_OK;
}

tdl_status tdl_trial_run(tdl_net *net, const tdl_trial_data *data, tdl_trial *ret, tdl_report *why)
{
    enum { PASSES = 3 };
    tdl_trial trial;
    tdl_status st = prepare(net, data, &trial, why);

    for (int i = 0; !st && i < PASSES; i++)
        st = pass(net, data, &trial, why);
    if (st) {
        tdl_trial_release(&trial);
        return st;
    }
    trial.metric = data->metric(data->context, trial.scores, trial.rows, trial.cols);
    *ret = trial;
    return TDL_OK;
}

void tdl_trial_release(tdl_trial *trial)
{
    free(trial->scores);
    *trial = (tdl_trial){0};
}

/* ---- agreement ---- */

/* The k highest columns of a row, highest first. */
static void find_highest(const tdl_real *score, size_t cols, size_t k, size_t *ret)
{
    size_t n = 0;

    for (size_t c = 0; c < cols; c++) {
        size_t at;

        if (n == k && !(score[c] > score[ret[k - 1]]))
            continue;
        for (at = n < k ? n++ : k - 1; at > 0 && score[c] > score[ret[at - 1]]; at--)
            ret[at] = ret[at - 1];
        ret[at] = c;
    }
}

static size_t common(const size_t *a, const size_t *b, size_t k)
{
    size_t n = 0;

    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j < k; j++)
            n += a[i] == b[j];
    return n;
}

tdl_status tdl_trial_agreement(const tdl_trial *a, const tdl_trial *b, size_t k, double *ret,
                               tdl_report *why)
{
    size_t found = 0;

    k = k < 1 ? 1 : k < a->cols ? k : a->cols;
    size_t *highest = calloc(2 * k, sizeof *highest);
    if (!highest)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the %zu highest scores", k);
    for (size_t r = 0; r < a->rows; r++) {
        find_highest(a->scores + r * a->cols, a->cols, k, highest);
        find_highest(b->scores + r * b->cols, b->cols, k, highest + k);
        found += common(highest, highest + k, k);
    }
    free(highest);
    *ret = (double)found / ((double)a->rows * (double)k);
    return TDL_OK;
}

double tdl_trial_accuracy(void *context, const tdl_real *scores, size_t rows, size_t cols)
{
    const int32_t *class = context;
    size_t right = 0;

    for (size_t r = 0; r < rows; r++) {
        const tdl_real *row = scores + r * cols;
        bool highest = true;

        for (size_t c = 0; c < cols; c++)
            highest &= c == (size_t) class[r] || row[c] < row[class[r]];
        right += highest;
    }
    return (double)right / (double)rows;
}

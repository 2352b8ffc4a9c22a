#include "table/encode.h"

#include <math.h>
#include <stdlib.h>

/* Means of the rows whose fold is not `without`; fold NULL = of all. weight_of: scratch. */
static void means(const tdl_encode_rows *r, const uint32_t *fold, uint32_t without, double *mean,
                  double *weight_of, double *ret_prior)
{
    double sum = 0, n = 0;

    for (size_t l = 0; l < r->levels_n; l++)
        mean[l] = weight_of[l] = 0;
    for (size_t i = 0; i < r->rows; i++) {
        double w = r->weight ? r->weight[i] : 1;

        if ((fold && fold[i] == without) || isnan(r->y[i]))
            continue;
        sum += w * r->y[i];
        n += w;
        if (r->level[i] >= 0) {
            mean[r->level[i]] += w * r->y[i];
            weight_of[r->level[i]] += w;
        }
    }
    *ret_prior = n > 0 ? sum / n : 0;
    for (size_t l = 0; l < r->levels_n; l++) {
        double below = weight_of[l] + r->smoothing;

        mean[l] = below > 0 ? (mean[l] + r->smoothing * *ret_prior) / below : *ret_prior;
    }
}

tdl_status tdl_encode_target(const tdl_encode_rows *rows, double *ret_mean, double *ret_prior,
                             tdl_report *why)
{
    double *weight_of = calloc(rows->levels_n + 1, sizeof *weight_of);

    if (!weight_of)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu levels", rows->levels_n);
    means(rows, NULL, 0, ret_mean, weight_of, ret_prior);
    free(weight_of);
    return TDL_OK;
}

tdl_status tdl_encode_target_out_of_fold(const tdl_encode_rows *rows, const uint32_t *fold,
                                         size_t k, double *ret, tdl_report *why)
{
    double *mean = calloc(rows->levels_n + 1, 2 * sizeof *mean);
    double prior;

    if (!mean)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu levels", rows->levels_n);
    for (uint32_t f = 0; f < k; f++) {
        means(rows, fold, f, mean, mean + rows->levels_n, &prior);
        for (size_t i = 0; i < rows->rows; i++)
            if (fold[i] == f)
                ret[i] = rows->level[i] >= 0 ? mean[rows->level[i]] : prior;
    }
    free(mean);
    return TDL_OK;
}

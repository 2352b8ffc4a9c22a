#include "table/sample.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/rng.h"

static tdl_status count_classes(const float *y, const uint32_t *row, size_t rows, size_t classes_n,
                                size_t *count, tdl_report *why)
{
    for (size_t i = 0; i < rows; i++) {
        float c = y[row ? row[i] : i];

        if (!(c >= 0 && c < (float)classes_n && c == rintf(c)))
            return TDL_FAIL(why, TDL_E_INVALID, "row %zu: %g is none of %zu classes", i, (double)c,
                            classes_n);
        count[(size_t)c]++;
    }
    return TDL_OK;
}

tdl_status tdl_class_weights(const float *y, size_t rows, size_t classes_n, float *ret,
                             tdl_report *why)
{
    size_t *count = calloc(classes_n + 1, sizeof *count);
    size_t present = 0;
    tdl_status st;

    if (!count)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu classes", classes_n);
    if ((st = count_classes(y, NULL, rows, classes_n, count, why)))
        goto out;
    for (size_t c = 0; c < classes_n; c++)
        present += count[c] > 0;
    for (size_t i = 0; i < rows; i++)
        ret[i] = (float)((double)rows / ((double)present * (double)count[(size_t)y[i]]));
out:
    free(count);
    return st;
}

/* Mark `keep` of the rows of class c at random: a partial shuffle of their places. */
static void draw(const float *y, const uint32_t *row, size_t rows, size_t c, size_t keep,
                 tdl_rng *rng, uint32_t *places, bool *kept)
{
    size_t n = 0;

    for (size_t i = 0; i < rows; i++)
        if ((size_t)y[row[i]] == c)
            places[n++] = (uint32_t)i;
    for (size_t k = 0; k < keep; k++) {
        size_t other = k + (size_t)tdl_rng_below(rng, n - k);
        uint32_t place = places[other];

        places[other] = places[k];
        kept[place] = true;
    }
}

tdl_status tdl_down_sample(const float *y, const uint32_t *row, size_t rows_n, size_t classes_n,
                           double ratio, uint64_t seed, uint32_t *ret_row, size_t *ret_n,
                           double *ret_kept, tdl_report *why)
{
    size_t *count = calloc(classes_n + 1, sizeof *count);
    uint32_t *places = calloc(rows_n + 1, sizeof *places);
    bool *kept = calloc(rows_n + 1, sizeof *kept);
    size_t least = SIZE_MAX, n = 0;
    tdl_status st;

    if (!count || !places || !kept) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to draw from %zu rows", rows_n);
        goto out;
    }
    if (!(ratio >= 1)) {
        st = TDL_FAIL(why, TDL_E_INVALID, "the ratio of classes must be 1 or more, not %g", ratio);
        goto out;
    }
    if ((st = count_classes(y, row, rows_n, classes_n, count, why)))
        goto out;
    for (size_t c = 0; c < classes_n; c++)
        least = count[c] && count[c] < least ? count[c] : least;
    for (size_t c = 0; c < classes_n; c++) {
        tdl_rng rng = tdl_rng_make(seed, c);
        double most = floor(ratio * (double)least);
        size_t keep = (double)count[c] <= most ? count[c] : (size_t)most;

        ret_kept[c] = count[c] ? (double)keep / (double)count[c] : 1;
        if (count[c])
            draw(y, row, rows_n, c, keep, &rng, places, kept);
    }
    for (size_t i = 0; i < rows_n; i++)
        if (kept[i])
            ret_row[n++] = row[i];
    *ret_n = n;
out:
    free(count);
    free(places);
    free(kept);
    return st;
}

void tdl_prior_correct(const double *kept, size_t classes_n, double *probability)
{
    double sum = 0;

    for (size_t c = 0; c < classes_n; c++)
        sum += probability[c] / kept[c];
    for (size_t c = 0; c < classes_n; c++)
        probability[c] = sum > 0 ? probability[c] / kept[c] / sum : probability[c];
}

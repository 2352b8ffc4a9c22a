#include "stats/lists.h"

#include <math.h>

double tdl_gini(const double *shown, size_t n)
{
    double sum = 0, weighted = 0;

    for (size_t i = 0; i < n; i++) {
        sum += shown[i];
        weighted += (2 * (double)i + 1 - (double)n) * shown[i];
    }
    return sum > 0 ? weighted / ((double)n * sum) : 0;
}

double tdl_novelty(const int32_t *item, size_t n, const double *count, double total)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) {
        double events = count[item[i]];
        sum -= log2((events > 0 ? events : 1) / total);
    }
    return n ? sum / (double)n : 0;
}

static double cosine(const float *a, const float *b, size_t d)
{
    double dot = 0, aa = 0, bb = 0;

    for (size_t k = 0; k < d; k++) {
        dot += (double)a[k] * (double)b[k];
        aa += (double)a[k] * (double)a[k];
        bb += (double)b[k] * (double)b[k];
    }
    return aa > 0 && bb > 0 ? dot / sqrt(aa * bb) : 0;
}

double tdl_list_distance(const int32_t *item, size_t n, const float *vector, size_t d)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            sum += 1 - cosine(vector + (size_t)item[i] * d, vector + (size_t)item[j] * d, d);
    return n > 1 ? sum / ((double)n * (double)(n - 1) / 2) : 0;
}

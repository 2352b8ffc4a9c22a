#include "apps/recommend/cosine.h"

#include <math.h>

void tdl_cosine_rows(const float *table, size_t n, size_t d, size_t own, float *ret)
{
    const float *one = table + own * d;

    for (size_t i = 0; i < n; i++) {
        const float *other = table + i * d;
        double dot = 0, a = 0, b = 0;
        for (size_t k = 0; k < d; k++) {
            dot += (double)one[k] * (double)other[k];
            a += (double)one[k] * (double)one[k];
            b += (double)other[k] * (double)other[k];
        }
        ret[i] = a > 0 && b > 0 ? (float)(dot / sqrt(a * b)) : 0;
    }
}

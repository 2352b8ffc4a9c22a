#include "tensor_case.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

float tdl_case_float(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (float)(int32_t)(*state >> 32) / 2147483648.0f;
}

float *tdl_case_floats(size_t floats, uint64_t seed)
{
    float *x = malloc((floats ? floats : 1) * sizeof *x);

    assert_non_null(x);
    for (size_t i = 0; i < floats; i++)
        x[i] = tdl_case_float(&seed);
    return x;
}

uint64_t tdl_case_hash(const float *x, size_t floats)
{
    uint64_t hash = 1469598103934665603u;

    for (size_t i = 0; i < floats; i++) {
        uint32_t word;
        memcpy(&word, x + i, sizeof word);
        hash = (hash ^ word) * 1099511628211u;
    }
    return hash;
}

void tdl_case_contract(bool ta, bool tb, size_t m, size_t n, size_t k, const float *a, size_t lda,
                       const float *b, size_t ldb, float *c, size_t ldc, bool add)
{
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            float whole = 0;
            for (size_t k0 = 0; k0 < k; k0 += 256) {
                float s = 0;
                for (size_t l = k0; l < k && l < k0 + 256; l++)
                    s = fmaf(ta ? a[l * lda + i] : a[i * lda + l],
                             tb ? b[j * ldb + l] : b[l * ldb + j], s);
                whole = k0 ? whole + s : s;
            }
            c[i * ldc + j] = add ? c[i * ldc + j] + whole : whole;
        }
}

void tdl_case_same(const float *x, const float *y, size_t floats, const char *what)
{
    for (size_t i = 0; i < floats; i++)
        if (memcmp(x + i, y + i, sizeof *x) != 0)
            fail_msg("%s: %a and %a differ at %zu", what, (double)x[i], (double)y[i], i);
}

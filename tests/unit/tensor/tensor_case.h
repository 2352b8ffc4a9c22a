/* Shared by the tests of tensor: seeded inputs, guarded matrices, an oracle in double. */
#ifndef TDL_TEST_TENSOR_CASE_H
#define TDL_TEST_TENSOR_CASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tensor/kernel.h"

/* The generator that the reference hash of test_bits.c is defined with: the upper 32 bits of a
 * 64-bit linear congruential generator (Knuth, MMIX) as a fraction in [-1, 1). */
float tdl_case_float(uint64_t *state);

/* `floats` numbers from a state of `seed`; the caller frees them. */
float *tdl_case_floats(size_t floats, uint64_t seed);

/* FNV-1a over 32-bit words. */
uint64_t tdl_case_hash(const float *x, size_t floats);

/* The arithmetic contract of gemm.h, word for word: c[m][n] of stored a and b. */
void tdl_case_contract(bool ta, bool tb, size_t m, size_t n, size_t k, const float *a, size_t lda,
                       const float *b, size_t ldb, float *c, size_t ldc, bool add);

/* Fails the test, naming the first place, unless x and y are the same bits. */
void tdl_case_same(const float *x, const float *y, size_t floats, const char *what);

#endif

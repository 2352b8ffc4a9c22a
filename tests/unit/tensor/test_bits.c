/* The same bits on every instruction set, thread count, batch split, packing and orientation. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tensor/product.h"
#include "tensor_case.h"

/* A shape that is one off everywhere: 65 rows, 771 columns, 3 blocks of k and 9 more. */
enum { M = 65, N = 771, K = 777, KERNELS_MAX = 8 };
static const unsigned thread_counts[] = {1, 2, 3, 8};

static float *x, *w, *wt; /* [M][K], [N][K], [K][N] */
static float *reference;  /* [M][N] */

/* The numbers are drawn in this order by the generator of the hash, x first. */
static int set_up(void **state)
{
    float *both = tdl_case_floats((size_t)M * K + (size_t)N * K, 1);

    (void)state;
    x = both;
    w = both + (size_t)M * K;
    wt = malloc(sizeof *wt * N * K);
    reference = malloc(sizeof *reference * M * N);
    assert_non_null(wt);
    assert_non_null(reference);
    for (size_t n = 0; n < N; n++)
        for (size_t k = 0; k < K; k++)
            wt[k * N + n] = w[n * K + k];
    tdl_case_contract(false, true, M, N, K, x, K, w, K, reference, N, false);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(x);
    free(wt);
    free(reference);
    return 0;
}

/* The hash comes with the specification of the engine: AVX2, AVX-512, NEON, gcc and clang agreed on
 * it. b778d72e273c6d7f instead would say that multiply-adds round twice. */
static void contract_has_the_published_hash(void **state)
{
    (void)state;
    assert_int_equal(tdl_case_hash(reference, (size_t)M * N), 0x2346c2b8764d6a15u);
}

static void every_instruction_set_and_thread_count_gives_the_contract(void **state)
{
    float *y = malloc(sizeof *y * M * N);
    const tdl_kernel *kernel;

    (void)state;
    for (size_t t = 0; t < sizeof thread_counts / sizeof *thread_counts; t++) {
        tdl_pool *pool = tdl_pool_new(thread_counts[t]);

        for (size_t i = 0; (kernel = tdl_kernel_at(i)); i++) {
            assert_int_equal(tdl_gemm_on(kernel, kernel->f32, false, true, M, N, K, x, K, w, K, y,
                                         N, false, pool, NULL),
                             TDL_OK);
            tdl_case_same(y, reference, (size_t)M * N, kernel->name);
        }
        tdl_pool_free(pool);
    }
    free(y);
}

static void every_orientation_gives_the_same_bits(void **state)
{
    float *xt = malloc(sizeof *xt * M * K), *y = malloc(sizeof *y * M * N);
    const tdl_kernel *kernel;

    (void)state;
    for (size_t m = 0; m < M; m++)
        for (size_t k = 0; k < K; k++)
            xt[k * M + m] = x[m * K + k];
    for (size_t i = 0; (kernel = tdl_kernel_at(i)); i++) {
        for (int o = 0; o < 4; o++) {
            bool ta = o & 1, tb = o & 2;

            assert_int_equal(tdl_gemm_on(kernel, kernel->f32, ta, tb, M, N, K, ta ? xt : x,
                                         ta ? M : K, tb ? w : wt, tb ? K : N, y, N, false, NULL,
                                         NULL),
                             TDL_OK);
            tdl_case_same(y, reference, (size_t)M * N, kernel->name);
        }
    }
    free(xt);
    free(y);
}

static void packed_weights_give_the_same_bits_for_any_batch_split(void **state)
{
    static const size_t steps[] = {1, 2, 3, 4, 5, 13, 14, 15, 29, M};
    float *y = malloc(sizeof *y * M * N);
    const tdl_kernel *kernel;
    tdl_packed *packed;

    (void)state;
    for (size_t i = 0; (kernel = tdl_kernel_at(i)); i++)
        for (int transposed = 0; transposed < 2; transposed++) {
            assert_int_equal(tdl_pack_on(kernel, kernel->f32, TDL_PRECISION_F32,
                                         transposed ? w : wt, transposed, K, N, &packed, NULL),
                             TDL_OK);
            for (size_t s = 0; s < sizeof steps / sizeof *steps; s++) {
                memset(y, 0xff, sizeof *y * M * N);
                for (size_t m = 0; m < M; m += steps[s])
                    tdl_linear(packed, M - m < steps[s] ? M - m : steps[s], x + m * K, K, NULL,
                               TDL_ACT_NONE, y + m * N, N, NULL);
                tdl_case_same(y, reference, (size_t)M * N, kernel->name);
            }
            tdl_packed_free(packed);
        }
    free(y);
}

static void packed_weights_give_the_same_bits_for_any_thread_count(void **state)
{
    float *y = malloc(sizeof *y * M * N);
    const tdl_kernel *kernel;
    tdl_packed *packed;

    (void)state;
    for (size_t t = 0; t < sizeof thread_counts / sizeof *thread_counts; t++) {
        tdl_pool *pool = tdl_pool_new(thread_counts[t]);

        for (size_t i = 0; (kernel = tdl_kernel_at(i)); i++) {
            assert_int_equal(
                tdl_pack_on(kernel, kernel->f32, TDL_PRECISION_F32, wt, false, K, N, &packed, NULL),
                TDL_OK);
            memset(y, 0xff, sizeof *y * M * N);
            tdl_linear(packed, M, x, K, NULL, TDL_ACT_NONE, y, N, pool);
            tdl_case_same(y, reference, (size_t)M * N, kernel->name);
            tdl_packed_free(packed);
        }
        tdl_pool_free(pool);
    }
    free(y);
}

/* A product of 3 columns is split by rows, one of 771 by panels: both with threads. */
static void narrow_products_split_by_rows_to_the_same_bits(void **state)
{
    enum { ROWS = 2003, COLUMNS = 3 };
    float *a = tdl_case_floats((size_t)ROWS * K, 2), *own = malloc(sizeof *own * ROWS * COLUMNS);
    float *expected = malloc(sizeof *expected * ROWS * COLUMNS);
    const tdl_kernel *kernel;

    (void)state;
    tdl_case_contract(false, false, ROWS, COLUMNS, K, a, K, wt, N, expected, COLUMNS, false);
    for (size_t t = 0; t < sizeof thread_counts / sizeof *thread_counts; t++) {
        tdl_pool *pool = tdl_pool_new(thread_counts[t]);

        for (size_t i = 0; (kernel = tdl_kernel_at(i)); i++) {
            assert_int_equal(tdl_gemm_on(kernel, kernel->f32, false, false, ROWS, COLUMNS, K, a, K,
                                         wt, N, own, COLUMNS, false, pool, NULL),
                             TDL_OK);
            tdl_case_same(own, expected, (size_t)ROWS * COLUMNS, kernel->name);
        }
        tdl_pool_free(pool);
    }
    free(a);
    free(own);
    free(expected);
}

/* k of two chunks and a bit, so that both ways of adding are taken. */
static void adding_adds_the_whole_product_once(void **state)
{
    static const size_t depths[] = {1, 256, 257, 1024, 1025, 2100};
    enum { ROWS = 17, COLUMNS = 37, DEPTH = 2100 };
    float *a = tdl_case_floats((size_t)ROWS * DEPTH, 3);
    float *b = tdl_case_floats((size_t)DEPTH * COLUMNS, 4);
    float before[ROWS * COLUMNS], expected[ROWS * COLUMNS], own[ROWS * COLUMNS];
    uint64_t seed = 5;
    const tdl_kernel *kernel;

    (void)state;
    for (size_t i = 0; i < (size_t)ROWS * COLUMNS; i++)
        before[i] = 1000 * tdl_case_float(&seed);
    for (size_t d = 0; d < sizeof depths / sizeof *depths; d++) {
        memcpy(expected, before, sizeof before);
        tdl_case_contract(false, false, ROWS, COLUMNS, depths[d], a, DEPTH, b, COLUMNS, expected,
                          COLUMNS, true);
        for (size_t i = 0; (kernel = tdl_kernel_at(i)); i++) {
            memcpy(own, before, sizeof before);
            assert_int_equal(tdl_gemm_on(kernel, kernel->f32, false, false, ROWS, COLUMNS,
                                         depths[d], a, DEPTH, b, COLUMNS, own, COLUMNS, true, NULL,
                                         NULL),
                             TDL_OK);
            tdl_case_same(own, expected, (size_t)ROWS * COLUMNS, kernel->name);
        }
    }
    free(a);
    free(b);
}

/* tdl_linear falls back to the least buffer when there is no memory; this is that path. */
static void any_size_of_pack_buffer_gives_the_same_bits(void **state)
{
    static const size_t times_least[] = {1, 2, 3, 5, 100};
    float *y = malloc(sizeof *y * M * N);
    const tdl_kernel *kernel;

    (void)state;
    for (size_t i = 0; (kernel = tdl_kernel_at(i)); i++)
        for (size_t s = 0; s < sizeof times_least / sizeof *times_least; s++) {
            size_t step = kernel->f32->nr * K, panels = tdl_panels_of(kernel->f32, N);
            size_t floats = times_least[s] * tdl_product_least(kernel->f32);
            float *packed = aligned_alloc(64, (panels * step * sizeof *packed + 63) / 64 * 64);
            float *buffer = aligned_alloc(64, (floats * sizeof *buffer + 63) / 64 * 64);

            assert_non_null(packed);
            assert_non_null(buffer);
            tdl_pack_panels(kernel->f32, wt, N, false, N, K, packed, step, 0, panels);
            memset(y, 0xff, sizeof *y * M * N);
            tdl_product_run(&(tdl_product){.kernel = kernel,
                                           .tiles = kernel->f32,
                                           .m = M,
                                           .n = N,
                                           .k = K,
                                           .a = x,
                                           .lda = K,
                                           .panels = packed,
                                           .panel_step = step,
                                           .c = y,
                                           .ldc = N},
                            buffer, floats, NULL);
            tdl_case_same(y, reference, (size_t)M * N, kernel->name);
            free(packed);
            free(buffer);
        }
    free(y);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contract_has_the_published_hash),
        cmocka_unit_test(every_instruction_set_and_thread_count_gives_the_contract),
        cmocka_unit_test(every_orientation_gives_the_same_bits),
        cmocka_unit_test(packed_weights_give_the_same_bits_for_any_batch_split),
        cmocka_unit_test(packed_weights_give_the_same_bits_for_any_thread_count),
        cmocka_unit_test(narrow_products_split_by_rows_to_the_same_bits),
        cmocka_unit_test(adding_adds_the_whole_product_once),
        cmocka_unit_test(any_size_of_pack_buffer_gives_the_same_bits),
    };

    return cmocka_run_group_tests_name("tensor/bits", tests, set_up, tear_down);
}

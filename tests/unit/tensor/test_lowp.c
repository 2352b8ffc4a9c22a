/* Products of low precision: formats, every kernel against plain loops, accuracy, threads. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tensor/formats.h"
#include "tensor/packed.h"
#include "tensor/rows.h"
#include "tensor/selftest.h"
#include "tensor_case.h"

/* One off everywhere: rows, columns, pairs, fours and blocks of k. */
enum { M = 31, N = 75, K = 779 };
static const size_t depths[] = {1, 2, 3, 5, 31, 32, 33, 255, 256, 257, 511, 777, K};
enum { DEPTHS_N = sizeof depths / sizeof depths[0] };
static const tdl_precision precisions[] = {TDL_PRECISION_BF16, TDL_PRECISION_INT8,
                                           TDL_PRECISION_INT4};

static float *x, *w, *wt, *bias; /* [M][K], [K][N], [N][K], [N] */

static int set_up(void **state)
{
    (void)state;
    x = tdl_case_floats((size_t)M * K, 1);
    w = tdl_case_floats((size_t)K * N, 2);
    bias = tdl_case_floats(N, 3);
    wt = malloc(sizeof *wt * N * K);
    assert_non_null(wt);
    for (size_t k = 0; k < K; k++)
        for (size_t n = 0; n < N; n++)
            wt[n * K + k] = w[k * N + n];
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(x);
    free(w);
    free(wt);
    free(bias);
    return 0;
}

/* w[K][N] cut to its first `in` rows, on given tiles. */
static tdl_packed *packed_on(const tdl_kernel *kernel, const tdl_tiles *tiles, tdl_precision type,
                             size_t in)
{
    tdl_packed *packed = NULL;

    assert_int_equal(tdl_pack_on(kernel, tiles, type, w, false, in, N, &packed, NULL), TDL_OK);
    return packed;
}

static float bf16(float value)
{
    return tdl_bf16_to_float(tdl_bf16_of(value));
}

/* The contract of gemm.h: per block of 256, pairs along k, the odd element first. */
static float bf16_sum(const float *a, const float *b, size_t b_step, size_t k)
{
    float whole = 0;

    for (size_t k0 = 0; k0 < k; k0 += 256) {
        float s = 0;
        for (size_t l = k0; l < k && l < k0 + 256; l += 2) {
            if (l + 1 < k)
                s = fmaf(bf16(a[l + 1]), bf16(b[(l + 1) * b_step]), s);
            s = fmaf(bf16(a[l]), bf16(b[l * b_step]), s);
        }
        whole = k0 ? whole + s : s;
    }
    return whole;
}

static void bf16_oracle(size_t k, float *y)
{
    for (size_t i = 0; i < M; i++)
        for (size_t j = 0; j < N; j++)
            y[i * N + j] = bf16_sum(x + i * K, w + j, N, k) + bias[j];
}

/* Layers of every depth, on all tiles of all kernels, are what the oracle, plain loops, says.
 *   oracle  y[M][N] of the first k columns of x and rows of w, and bias */
static void check_layers(tdl_precision type, void (*oracle)(size_t k, float *y))
{
    float y[M * N], expected[M * N];
    const tdl_kernel *kernel;
    const tdl_tiles *tiles;

    for (size_t d = 0; d < DEPTHS_N; d++) {
        oracle(depths[d], expected);
        for (size_t at = 0; (kernel = tdl_kernel_at(at)); at++)
            for (size_t t = 0; (tiles = tdl_tiles_at(kernel, type, t)); t++) {
                tdl_packed *packed = packed_on(kernel, tiles, type, depths[d]);

                memset(y, 0xff, sizeof y);
                tdl_linear(packed, M, x, K, bias, TDL_ACT_NONE, y, N, NULL);
                tdl_case_same(y, expected, (size_t)M * N, kernel->name);
                tdl_packed_free(packed);
            }
    }
}

static void bf16_layers_are_the_contract_on_every_kernel(void **state)
{
    (void)state;
    check_layers(TDL_PRECISION_BF16, bf16_oracle);
}

static void bf16_products_take_every_orientation(void **state)
{
    float *xt = malloc(sizeof *xt * M * K), y[M * N], expected[M * N];
    const tdl_kernel *kernel;
    const tdl_tiles *tiles;

    (void)state;
    for (size_t i = 0; i < M; i++)
        for (size_t k = 0; k < K; k++)
            xt[k * M + i] = x[i * K + k];
    for (int add = 0; add < 2; add++) {
        for (size_t i = 0; i < M; i++)
            for (size_t j = 0; j < N; j++)
                expected[i * N + j] =
                    add ? 3 + bf16_sum(x + i * K, w + j, N, K) : bf16_sum(x + i * K, w + j, N, K);
        for (size_t at = 0; (kernel = tdl_kernel_at(at)); at++)
            for (size_t t = 0; (tiles = tdl_tiles_at(kernel, TDL_PRECISION_BF16, t)); t++)
                for (int o = 0; o < 4; o++) {
                    bool ta = o & 1, tb = o & 2;

                    for (size_t i = 0; i < (size_t)M * N; i++)
                        y[i] = 3;
                    assert_int_equal(tdl_gemm_on(kernel, tiles, ta, tb, M, N, K, ta ? xt : x,
                                                 ta ? M : K, tb ? wt : w, tb ? K : N, y, N, add,
                                                 NULL, NULL),
                                     TDL_OK);
                    tdl_case_same(y, expected, (size_t)M * N, kernel->name);
                }
    }
    free(xt);
}

/* To the nearest, ties to even, of the exact product. */
static int nearest(float value, float scale)
{
    return (int)nearbyint((double)value * (double)(1 / scale));
}

/* sum of q w_q as integers, times both scales. */
static void int8_oracle(size_t k, float *y)
{
    int8_t q[K], w_q[K];

    for (size_t j = 0; j < N; j++) {
        float most = 0, w_scale;

        for (size_t l = 0; l < k; l++)
            most = fmaxf(most, fabsf(wt[j * K + l]));
        w_scale = most / 127;
        for (size_t l = 0; l < k; l++)
            w_q[l] = (int8_t)nearest(wt[j * K + l], w_scale);
        for (size_t i = 0; i < M; i++) {
            int32_t sum = 0;
            float x_scale;

            most = 0;
            for (size_t l = 0; l < k; l++)
                most = fmaxf(most, fabsf(x[i * K + l]));
            x_scale = most / 127;
            for (size_t l = 0; l < k; l++) {
                q[l] = (int8_t)nearest(x[i * K + l], x_scale);
                sum += q[l] * w_q[l];
            }
            y[i * N + j] = (float)sum * (x_scale * w_scale) + bias[j];
        }
    }
}

static void int8_layers_are_exact_sums_on_every_kernel(void **state)
{
    (void)state;
    check_layers(TDL_PRECISION_INT8, int8_oracle);
}

/* Blocks of 32: exact sums, then one chain of multiply-adds, cut every 256. */
static void int4_oracle(size_t k, float *y)
{
    size_t blocks = (k + 31) / 32;
    tdl_q4 q[(K + 31) / 32];

    for (size_t j = 0; j < N; j++) {
        float row[K + 31] = {0};

        memcpy(row, wt + j * K, k * sizeof *row);
        tdl_q4_of(row, blocks, q);
        for (size_t i = 0; i < M; i++) {
            float whole = 0, s = 0;

            for (size_t b = 0; b < blocks; b++) {
                size_t n = k - b * 32 < 32 ? k - b * 32 : 32;
                float most = 0, scale;
                int32_t sum = 0;

                for (size_t l = 0; l < n; l++)
                    most = fmaxf(most, fabsf(x[i * K + b * 32 + l]));
                scale = most / 127;
                for (size_t l = 0; l < n; l++) {
                    int nibble = l < 16 ? q[b].q[l] & 15 : q[b].q[l - 16] >> 4;
                    sum += (nibble - 8) * nearest(x[i * K + b * 32 + l], scale);
                }
                if (b % 8 == 0)
                    s = 0;
                s = fmaf((float)sum, scale * tdl_f16_to_float(q[b].d), s);
                if (b % 8 == 7 || b + 1 == blocks)
                    whole = b < 8 ? s : whole + s;
            }
            y[i * N + j] = whole + bias[j];
        }
    }
}

static void int4_layers_are_exact_sums_of_blocks_on_every_kernel(void **state)
{
    (void)state;
    check_layers(TDL_PRECISION_INT4, int4_oracle);
}

static void batches_threads_and_orientation_leave_the_bits(void **state)
{
    static const size_t steps[] = {1, 2, 3, 7, 14, M};
    enum { WIDE = 1100, DEEP = 700 };
    float *big = tdl_case_floats((size_t)WIDE * DEEP, 4),
          *turned = malloc(sizeof *turned * WIDE * DEEP);
    float *y = malloc(sizeof *y * M * WIDE), *expected = malloc(sizeof *expected * M * WIDE);

    (void)state;
    for (size_t i = 0; i < DEEP; i++)
        for (size_t j = 0; j < WIDE; j++)
            turned[j * DEEP + i] = big[i * WIDE + j];
    for (size_t p = 0; p < 3; p++) {
        tdl_packed *packed;

        assert_int_equal(tdl_pack_as(precisions[p], turned, true, DEEP, WIDE, &packed, NULL),
                         TDL_OK);
        tdl_linear(packed, M, x, K, NULL, TDL_ACT_GELU_ERF, expected, WIDE, NULL);
        tdl_packed_free(packed);
        assert_int_equal(tdl_pack_as(precisions[p], big, false, DEEP, WIDE, &packed, NULL), TDL_OK);
        for (unsigned threads = 1; threads <= 3; threads++) {
            tdl_pool *pool = tdl_pool_new(threads);

            for (size_t s = 0; s < sizeof steps / sizeof *steps; s++) {
                memset(y, 0xff, sizeof *y * M * WIDE);
                for (size_t m = 0; m < M; m += steps[s])
                    tdl_linear(packed, M - m < steps[s] ? M - m : steps[s], x + m * K, K, NULL,
                               TDL_ACT_GELU_ERF, y + m * WIDE, WIDE, pool);
                tdl_case_same(y, expected, (size_t)M * WIDE, "linear");
            }
            tdl_pool_free(pool);
        }
        tdl_packed_free(packed);
    }
    free(big);
    free(turned);
    free(y);
    free(expected);
}

static void small_steps_without_memory_give_the_same_bits(void **state)
{
    float y[M * N], expected[M * N];
    const tdl_kernel *kernel;
    const tdl_tiles *tiles;

    (void)state;
    for (size_t p = 1; p < 3; p++)
        for (size_t at = 0; (kernel = tdl_kernel_at(at)); at++)
            for (size_t t = 0; (tiles = tdl_tiles_at(kernel, precisions[p], t)); t++) {
                tdl_packed *packed = packed_on(kernel, tiles, precisions[p], K);

                memset(y, 0xff, sizeof y);
                tdl_linear(packed, M, x, K, bias, TDL_ACT_SILU, expected, N, NULL);
                tdl_linear_in_small_steps(packed, M, x, K, bias, TDL_ACT_SILU, y, N);
                tdl_case_same(y, expected, (size_t)M * N, kernel->name);
                tdl_packed_free(packed);
            }
}

/* Root of the mean square error against double, relative to that of the exact values. The bounds
 * follow from the rounding of uniform numbers: bf16 2^-9 each side; int8 1/254 of the largest;
 * int4 1/16 of the range. */
static void errors_stay_within_what_the_format_allows(void **state)
{
    static const double bounds[] = {.004, .01, .12};
    float y[M * N];

    (void)state;
    for (size_t p = 0; p < 3; p++) {
        double error = 0, size = 0;
        tdl_packed *packed;

        assert_int_equal(tdl_pack_as(precisions[p], w, false, K, N, &packed, NULL), TDL_OK);
        tdl_linear(packed, M, x, K, NULL, TDL_ACT_NONE, y, N, NULL);
        for (size_t i = 0; i < M; i++)
            for (size_t j = 0; j < N; j++) {
                double exact = 0;
                for (size_t k = 0; k < K; k++)
                    exact += (double)x[i * K + k] * (double)w[k * N + j];
                error += ((double)y[i * N + j] - exact) * ((double)y[i * N + j] - exact);
                size += exact * exact;
            }
        assert_true(sqrt(error / size) < bounds[p]);
        assert_true(sqrt(error / size) > bounds[p] / 10); /* it was rounded at all */
        tdl_packed_free(packed);
    }
}

static void packed_weights_take_the_memory_their_format_says(void **state)
{
    static const double bits[] = {16, 8, 5}; /* int4: 4 and 32 / 32 for the scale */
    enum { IN = 1024, OUT = 960 };
    float *big = tdl_case_floats((size_t)IN * OUT, 5);

    (void)state;
    for (size_t p = 0; p < 3; p++) {
        tdl_packed *packed;

        assert_int_equal(tdl_pack_as(precisions[p], big, false, IN, OUT, &packed, NULL), TDL_OK);
        assert_true((double)tdl_packed_bytes(packed) < 1.02 * IN * OUT * bits[p] / 8);
        tdl_packed_free(packed);
    }
    free(big);
}

static void activations_that_are_not_finite_give_nan_in_their_row_only(void **state)
{
    float own[3 * K], y[3 * N];

    (void)state;
    for (size_t p = 1; p < 3; p++) {
        tdl_packed *packed;

        memcpy(own, x, sizeof own);
        own[K + 5] = INFINITY;
        own[2 * K + 700] = NAN;
        assert_int_equal(tdl_pack_as(precisions[p], w, false, K, N, &packed, NULL), TDL_OK);
        tdl_linear(packed, 3, own, K, NULL, TDL_ACT_NONE, y, N, NULL);
        for (size_t j = 0; j < N; j++) {
            assert_true(isfinite(y[j]));
            assert_true(isnan(y[N + j]));
            assert_true(isnan(y[2 * N + j]));
        }
        tdl_packed_free(packed);
    }
}

static void rows_of_zeros_give_the_bias(void **state)
{
    static const float zeros[K];
    float y[N];

    (void)state;
    for (size_t p = 0; p < 3; p++) {
        tdl_packed *packed;

        assert_int_equal(tdl_pack_as(precisions[p], w, false, K, N, &packed, NULL), TDL_OK);
        tdl_linear(packed, 1, zeros, K, bias, TDL_ACT_NONE, y, N, NULL);
        tdl_case_same(y, bias, N, "bias");
        tdl_packed_free(packed);
    }
}

static void weights_that_are_not_finite_are_refused_by_place(void **state)
{
    float bad[6] = {1, 2, 3, 4, NAN, 6};
    tdl_packed *packed = NULL;
    tdl_report why = {0};

    (void)state;
    for (size_t p = 1; p < 3; p++) {
        assert_int_equal(tdl_pack_as(precisions[p], bad, false, 3, 2, &packed, &why),
                         TDL_E_INVALID);
        assert_null(packed);
        assert_non_null(strstr(why.message, "input 2, output 0"));
    }
}

static void int8_refuses_more_inputs_than_its_sums_can_hold(void **state)
{
    float *ones = calloc(TDL_INT8_IN_MAX + 1, sizeof *ones), y;
    tdl_packed *packed = NULL;

    (void)state;
    for (size_t i = 0; i <= TDL_INT8_IN_MAX; i++)
        ones[i] = 1;
    assert_int_equal(
        tdl_pack_as(TDL_PRECISION_INT8, ones, false, TDL_INT8_IN_MAX + 1, 1, &packed, NULL),
        TDL_E_INVALID);
    assert_int_equal(
        tdl_pack_as(TDL_PRECISION_INT8, ones, false, TDL_INT8_IN_MAX, 1, &packed, NULL), TDL_OK);
    tdl_linear(packed, 1, ones, TDL_INT8_IN_MAX, NULL, TDL_ACT_NONE, &y, 1, NULL);
    assert_true(fabsf(y / TDL_INT8_IN_MAX - 1) < 1e-6f);
    tdl_packed_free(packed);
    free(ones);
}

/* What dispatch does at start: good tiles pass, and tiles with one wrong height do not. */
static void self_test_accepts_good_tiles_and_finds_a_bad_one(void **state)
{
    const tdl_kernel *kernel;
    const tdl_tiles *tiles;

    (void)state;
    for (size_t at = 0; (kernel = tdl_kernel_at(at)); at++)
        for (int type = 0; type < 4; type++)
            for (size_t t = 0; (tiles = tdl_tiles_at(kernel, (tdl_precision)type, t)); t++) {
                tdl_tile_fn *wrong[16];
                tdl_tiles bad = *tiles;

                assert_true(tdl_tiles_agree(tiles, (tdl_precision)type));
                memcpy(wrong, tiles->tile, (tiles->mr + 1) * sizeof *wrong);
                wrong[tiles->mr] = wrong[tiles->mr - 1];
                bad.tile = wrong;
                assert_false(tdl_tiles_agree(&bad, (tdl_precision)type));
            }
}

/* ---- formats ---- */

static float float_of(uint32_t bits)
{
    float value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Values of the engine's specification: ties to even, overflow to infinity, NaN stays NaN. */
static void bf16_rounds_to_nearest_even_and_keeps_nan(void **state)
{
    (void)state;
    assert_int_equal(tdl_bf16_of(float_of(0x3f808000)), 0x3f80);
    assert_int_equal(tdl_bf16_of(float_of(0x3f818000)), 0x3f82);
    assert_int_equal(tdl_bf16_of(float_of(0x7f7fffff)), 0x7f80);
    assert_int_equal(tdl_bf16_of(float_of(0x7f800001)), 0x7fc0);
    for (uint32_t b = 0; b < 0x10000; b++)
        if (!isnan(tdl_bf16_to_float((uint16_t)b)))
            assert_int_equal(tdl_bf16_of(tdl_bf16_to_float((uint16_t)b)), b);
}

/* IEEE 754: 1, the largest, past it, the smallest subnormal, half of it (tie to even), pi. */
static void f16_is_ieee_binary16(void **state)
{
    static const struct {
        float value;
        uint16_t bits;
    } known[] = {{1, 0x3c00},
                 {65504, 0x7bff},
                 {65519.99f, 0x7bff},
                 {65520, 0x7c00},
                 {0x1p-24f, 1},
                 {0x1p-25f, 0},
                 {0x1.8p-24f, 2},
                 {-2, 0xc000},
                 {3.14159274f, 0x4248},
                 {0x1p-14f, 0x0400},
                 {0x1.ff8p-15f, 0x03ff},
                 {0x1.ffcp-15f, 0x0400},
                 {INFINITY, 0x7c00},
                 {1.00048828125f, 0x3c00},
                 {1.00146484375f, 0x3c02}};

    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        assert_int_equal(tdl_f16_of(known[i].value), known[i].bits);
    assert_true(isnan(tdl_f16_to_float(tdl_f16_of(NAN))));
    for (uint32_t b = 0; b < 0x10000; b++)
        if (!isnan(tdl_f16_to_float((uint16_t)b)))
            assert_int_equal(tdl_f16_of(tdl_f16_to_float((uint16_t)b)), b);
}

/* d and q of GGUF's Q4_0, by hand: the largest is -16 (the first of two), so d = 2. */
static void q4_blocks_follow_the_rule_of_gguf(void **state)
{
    float values[TDL_Q4_BLOCK] = {0, 1, 3, -16, 16, 15, -1, .9f}, back[TDL_Q4_BLOCK];
    static const uint8_t low[8] = {8, 9, 10, 0, 15, 15, 8, 8}; /* trunc(x / 2 + 8.5) */
    tdl_q4 block, again;

    (void)state;
    values[16] = -7;
    tdl_q4_of(values, 1, &block);
    assert_int_equal(tdl_f16_to_float(block.d), 2);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(block.q[i] & 15, low[i]);
    assert_int_equal(block.q[0] >> 4, 5);
    tdl_q4_to_floats(&block, 1, back);
    assert_true(back[3] == -16 && back[4] == 14 && back[16] == -6);
    for (size_t i = 0; i + TDL_Q4_BLOCK <= (size_t)M * K; i += TDL_Q4_BLOCK) {
        tdl_q4_of(x + i, 1, &block);
        tdl_q4_to_floats(&block, 1, back);
        tdl_q4_of(back, 1, &again);
        assert_memory_equal(&block, &again, sizeof block);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bf16_layers_are_the_contract_on_every_kernel),
        cmocka_unit_test(bf16_products_take_every_orientation),
        cmocka_unit_test(int8_layers_are_exact_sums_on_every_kernel),
        cmocka_unit_test(int4_layers_are_exact_sums_of_blocks_on_every_kernel),
        cmocka_unit_test(batches_threads_and_orientation_leave_the_bits),
        cmocka_unit_test(small_steps_without_memory_give_the_same_bits),
        cmocka_unit_test(errors_stay_within_what_the_format_allows),
        cmocka_unit_test(packed_weights_take_the_memory_their_format_says),
        cmocka_unit_test(activations_that_are_not_finite_give_nan_in_their_row_only),
        cmocka_unit_test(rows_of_zeros_give_the_bias),
        cmocka_unit_test(weights_that_are_not_finite_are_refused_by_place),
        cmocka_unit_test(int8_refuses_more_inputs_than_its_sums_can_hold),
        cmocka_unit_test(self_test_accepts_good_tiles_and_finds_a_bad_one),
        cmocka_unit_test(bf16_rounds_to_nearest_even_and_keeps_nan),
        cmocka_unit_test(f16_is_ieee_binary16),
        cmocka_unit_test(q4_blocks_follow_the_rule_of_gguf),
    };

    return cmocka_run_group_tests_name("tensor/lowp", tests, set_up, tear_down);
}

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "nn/init.h"

static void slices_lie_in_reverse_order_on_64_byte_lines_and_start_at_zero(void **state)
{
    tdl_params p = {0};
    int a = tdl_params_add(&p, "a", 3, 5, true), b = tdl_params_add(&p, "b", 1, 17, false);

    TDL_UNUSED(state);
    assert_int_equal(tdl_params_seal(&p, NULL), TDL_OK);
    assert_int_equal(p.slice[b].offset, 0);
    assert_int_equal(p.slice[a].offset, 32); // 17 floats fill two lines of 16
    assert_int_equal(p.n, 48);
    assert_int_equal((uintptr_t)p.value % 64, 0);
    assert_int_equal((uintptr_t)p.grad % 64, 0);
    for (size_t i = 0; i < p.n; i++)
        assert_true(p.value[i] == 0 && p.grad[i] == 0);
    assert_ptr_equal(tdl_params_grad(&p, a), p.grad + 32);
    assert_string_equal(p.slice[a].name, "a");
    tdl_params_release(&p);
}

static void sizes_that_overflow_are_refused(void **state)
{
    const size_t rows[] = {SIZE_MAX, SIZE_MAX / 2, (size_t)1 << 62};

    TDL_UNUSED(state);
    for (size_t i = 0; i < 3; i++) {
        tdl_params p = {0};
        tdl_report why = {0};

        tdl_params_add(&p, "huge", rows[i], 3, true);
        assert_int_equal(tdl_params_seal(&p, &why), TDL_E_INVALID);
        assert_null(p.value);
        tdl_params_release(&p);
    }
}

static void hundreds_of_slices_are_kept_apart(void **state)
{
    enum { SLICES = 300 };
    tdl_params p = {0};

    TDL_UNUSED(state);
    for (int i = 0; i < SLICES; i++)
        assert_int_equal(tdl_params_add(&p, "one", 1, 1, true), i);
    assert_int_equal(tdl_params_seal(&p, NULL), TDL_OK);
    for (int i = 0; i < SLICES; i++)
        assert_int_equal(p.slice[i].offset, 16 * (size_t)(SLICES - 1 - i)); // a line each
    tdl_params_release(&p);
}

static void a_slice_after_sealing_is_refused(void **state)
{
    tdl_params p = {0};

    TDL_UNUSED(state);
    tdl_params_add(&p, "one", 1, 1, true);
    assert_int_equal(tdl_params_seal(&p, NULL), TDL_OK);
    tdl_params_add(&p, "late", 1, 1, true);
    assert_true(p.failed);
    tdl_params_release(&p);
}

static void freezing_gives_up_the_gradients_only(void **state)
{
    tdl_params p = {0};
    int a = tdl_params_add(&p, "a", 2, 2, true);

    TDL_UNUSED(state);
    assert_int_equal(tdl_params_seal(&p, NULL), TDL_OK);
    tdl_params_value(&p, a)[3] = 5;
    tdl_params_freeze(&p);
    assert_null(p.grad);
    assert_true(tdl_params_value(&p, a)[3] == 5);
    tdl_params_release(&p);
}

/* ---- initial values ---- */

enum { IN = 300, OUT = 100, N = IN * OUT };

static tdl_params one_slice(tdl_init init, double scale, uint64_t seed)
{
    tdl_params p = {0};

    tdl_params_add(&p, "w", IN, OUT, true);
    assert_int_equal(tdl_params_seal(&p, NULL), TDL_OK);
    tdl_init_slice(&p, 0, init, scale, seed);
    return p;
}

/* 30,000 uniform draws: the largest is within 1e-3 of the bound but for odds of exp(-30), the mean
 * within five of its standard deviations. */
static void check_uniform(tdl_init init, double bound)
{
    tdl_params p = one_slice(init, 1, 7);
    double largest = 0, sum = 0;

    for (size_t i = 0; i < N; i++) {
        largest = fmax(largest, fabs((double)p.value[i]));
        sum += (double)p.value[i];
    }
    assert_true(largest <= bound * (1 + 1e-6));
    assert_true(largest > bound * (1 - 1e-3));
    assert_true(fabs(sum / N) < 5 * bound / sqrt(3.0 * N));
    tdl_params_release(&p);
}

/* Bounds for 300 -> 100: torch.nn.init of PyTorch 1.13.1 (the project's reference values). */
static void xavier_and_he_fill_their_bounds(void **state)
{
    TDL_UNUSED(state);
    check_uniform(TDL_INIT_XAVIER, 0.1224744871391589);
    check_uniform(TDL_INIT_HE, 0.1414213562373095);
}

static void gaussian_has_the_spread_asked_for(void **state)
{
    tdl_params p = one_slice(TDL_INIT_GAUSSIAN, 0.02, 7);
    double sum = 0, squares = 0;

    TDL_UNUSED(state);
    for (size_t i = 0; i < N; i++) {
        sum += (double)p.value[i];
        squares += (double)p.value[i] * (double)p.value[i];
    }
    assert_true(fabs(sum / N) < 5 * 0.02 / sqrt(N));
    assert_true(fabs(sqrt(squares / N) - 0.02) < 5 * 0.02 / sqrt(2.0 * N));
    tdl_params_release(&p);
}

static void the_seed_decides_and_zero_clears(void **state)
{
    tdl_params a = one_slice(TDL_INIT_HE, 1, 7), b = one_slice(TDL_INIT_HE, 1, 7),
               c = one_slice(TDL_INIT_HE, 1, 8);

    TDL_UNUSED(state);
    assert_memory_equal(a.value, b.value, N * sizeof *a.value);
    assert_memory_not_equal(a.value, c.value, N * sizeof *a.value);
    tdl_init_slice(&a, 0, TDL_INIT_ZERO, 1, 7);
    for (size_t i = 0; i < N; i++)
        assert_true(a.value[i] == 0);
    tdl_params_release(&a);
    tdl_params_release(&b);
    tdl_params_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_lie_in_reverse_order_on_64_byte_lines_and_start_at_zero),
        cmocka_unit_test(sizes_that_overflow_are_refused),
        cmocka_unit_test(hundreds_of_slices_are_kept_apart),
        cmocka_unit_test(a_slice_after_sealing_is_refused),
        cmocka_unit_test(freezing_gives_up_the_gradients_only),
        cmocka_unit_test(xavier_and_he_fill_their_bounds),
        cmocka_unit_test(gaussian_has_the_spread_asked_for),
        cmocka_unit_test(the_seed_decides_and_zero_clears),
    };

    return cmocka_run_group_tests_name("nn/params", tests, NULL, NULL);
}

/* Rounding for the wire, without one: what is sent over the steps is what was there. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tensor/formats.h"
#include "train/comm_wire.h"

enum { N = 5, STEPS = 1000 };

/* One rank: what is sent comes back. */
static void pass(tdl_wire *wire, float *x, size_t n)
{
    uint16_t *sent;

    assert_int_equal(tdl_wire_begin(wire, x, n, &sent, NULL), TDL_OK);
    tdl_wire_finish(wire);
}

/* Alone, rounding 1/3 to bf16 is off by 1e-3 of it at every step: by 0.43 after a thousand. */
static void over_the_steps_nothing_is_lost_but_the_last_rounding(void **state)
{
    static const float gradient[N] = {1.F / 3, -1e-4F, 1.001F, 3e-30F, 0};
    double sum[N] = {0};
    tdl_wire *wire = tdl_wire_new();
    float x[N];

    (void)state;
    for (int t = 0; t < STEPS; t++) {
        for (int i = 0; i < N; i++)
            x[i] = gradient[i];
        pass(wire, x, N);
        for (int i = 0; i < N; i++)
            sum[i] += (double)x[i];
    }
    for (int i = 0; i < N; i++) {
        double whole = STEPS * (double)gradient[i];
        assert_true(fabs(sum[i] - whole) <= 0x1p-7 * fabs((double)gradient[i]));
    }
    tdl_wire_free(wire);
}

/* Two blocks, begun before either is finished, in turns: each goes on with what is its own. */
static void blocks_under_way_together_keep_apart(void **state)
{
    float a[2], b[1];
    double sum_a = 0, sum_b = 0;
    tdl_wire *wire = tdl_wire_new();
    uint16_t *sent[2];

    (void)state;
    for (int t = 0; t < 300; t++) {
        a[0] = a[1] = 1.F / 3;
        b[0] = 1.F / 7;
        assert_int_equal(tdl_wire_begin(wire, a, 2, &sent[0], NULL), TDL_OK);
        assert_int_equal(tdl_wire_begin(wire, b, 1, &sent[1], NULL), TDL_OK);
        assert_true(a[0] == 1.F / 3);      // not touched before the end
        tdl_wire_add(sent[0], sent[0], 2); // two ranks of one mind
        tdl_wire_finish(wire);
        sum_a += (double)a[1];
        sum_b += (double)b[0];
    }
    assert_true(fabs(sum_a - 200) < 0x1p-7);
    assert_true(fabs(sum_b - 300.0 / 7) < 0x1p-7);
    tdl_wire_free(wire);
}

static void numbers_that_are_none_go_as_they_are_and_leave_nothing(void **state)
{
    float x[3] = {NAN, INFINITY, -3.4e38F};
    tdl_wire *wire = tdl_wire_new();

    (void)state;
    pass(wire, x, 3);
    assert_true(isnan(x[0]) && isinf(x[1]));
    for (int i = 0; i < 3; i++)
        x[i] = 0.5F;
    pass(wire, x, 2);
    pass(wire, x, 3);
    assert_true(x[0] == 0.5F && x[1] == 0.5F);
    tdl_wire_free(wire);
}

static void a_sum_is_rounded_once_and_does_not_see_who_is_first(void **state)
{
    const float a[] = {1, 0.3F, -7, 1e38F}, b[] = {0x1p-9F, 0.41F, 7, 3.3e38F};

    (void)state;
    for (int i = 0; i < 4; i++) {
        uint16_t x = tdl_bf16_of(a[i]), y = tdl_bf16_of(b[i]), xy = y, yx = x;
        float whole = tdl_bf16_to_float(x) + tdl_bf16_to_float(y);

        tdl_wire_add(&x, &xy, 1);
        tdl_wire_add(&y, &yx, 1);
        assert_int_equal(xy, tdl_bf16_of(whole));
        assert_int_equal(yx, xy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(over_the_steps_nothing_is_lost_but_the_last_rounding),
        cmocka_unit_test(blocks_under_way_together_keep_apart),
        cmocka_unit_test(numbers_that_are_none_go_as_they_are_and_leave_nothing),
        cmocka_unit_test(a_sum_is_rounded_once_and_does_not_see_who_is_first),
    };

    return cmocka_run_group_tests_name("train/comm_wire", tests, NULL, NULL);
}

/* Weights packed for serving; built in float. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net_case.h"
#include "nn/init.h"

enum { ROWS = 5, IN = 70, HIDDEN = 33, CLASSES = 17 };

/* input -> linear, ReLU -> scores of a table */
typedef struct scorer {
    tdl_params params;
    tdl_net net;
    int scores;
    float x[ROWS * IN];
    tdl_nn_batch batch;
} scorer;

static void open_scorer(scorer *s)
{
    *s = (scorer){0};
    s->net.params = &s->params;
    int w = tdl_params_add(&s->params, "w", IN, HIDDEN, true);
    int b = tdl_params_add(&s->params, "b", 1, HIDDEN, false);
    int table = tdl_params_add(&s->params, "table", CLASSES, HIDDEN, true);
    int bias = tdl_params_add(&s->params, "bias", 1, CLASSES, false);
    int h = tdl_net_linear(&s->net, tdl_net_input(&s->net, IN), w, b, TDL_ACT_RELU);
    s->scores = tdl_net_dot_score(&s->net, h, table, bias);
    assert_int_equal(tdl_params_seal(&s->params, NULL), TDL_OK);
    for (int k = 0; k < s->params.slices_n; k++)
        tdl_init_slice(&s->params, k, TDL_INIT_GAUSSIAN, 0.3, 7);
    for (size_t i = 0; i < ROWS * IN; i++)
        s->x[i] = (float)sin((double)i);
    s->batch = (tdl_nn_batch){.rows = ROWS, .x = s->x};
    assert_int_equal(plan(&s->net, ROWS, false, NULL), TDL_OK);
}

static void close_scorer(scorer *s)
{
    tdl_net_release(&s->net);
    tdl_params_release(&s->params);
}

static void ask(tdl_net *net, const scorer *s, float ret[ROWS * CLASSES])
{
    const tdl_run run = {0};

    assert_int_equal(tdl_net_forward(net, &s->batch, &run, NULL), TDL_OK);
    memcpy(ret, tdl_net_value(net, s->scores), ROWS * CLASSES * sizeof *ret);
}

/* Largest difference over the largest score. */
static double error_of(const float *found, const float *expected)
{
    double most = 0, largest = 0;

    for (size_t i = 0; i < ROWS * CLASSES; i++) {
        most = fmax(most, fabs((double)found[i] - (double)expected[i]));
        largest = fmax(largest, fabs((double)expected[i]));
    }
    return most / largest;
}

static void f32_gives_the_bits_of_the_net_without_packing(void **state)
{
    float plain[ROWS * CLASSES], packed[ROWS * CLASSES];
    scorer s;

    TDL_UNUSED(state);
    open_scorer(&s);
    ask(&s.net, &s, plain);
    assert_int_equal(tdl_net_pack(&s.net, NULL), TDL_OK);
    ask(&s.net, &s, packed);
    assert_memory_equal(plain, packed, sizeof plain);
    close_scorer(&s);
}

/* Bounds: a weight is off by at most 2^-9 of itself (bf16), 1/254 (int8) or 1/16 (int4) of the
 * largest of its group, in both layers; twice that of the sum covers the activations too. */
static void each_precision_is_smaller_and_as_near_as_its_steps(void **state)
{
    const double bound[] = {0, 4.0 / 512, 4.0 / 254, 4.0 / 16};
    float plain[ROWS * CLASSES], packed[ROWS * CLASSES];
    double last = -1;
    size_t bytes = SIZE_MAX;
    scorer s;

    TDL_UNUSED(state);
    open_scorer(&s);
    ask(&s.net, &s, plain);
    for (int p = TDL_PRECISION_F32; p <= TDL_PRECISION_INT4; p++) {
        assert_int_equal(tdl_net_pack_as(&s.net, (tdl_precision)p, NULL), TDL_OK);
        ask(&s.net, &s, packed);
        double error = error_of(packed, plain);
        assert_true(error <= bound[p] && error > last);
        assert_true(tdl_net_weight_bytes(&s.net) < bytes);
        bytes = tdl_net_weight_bytes(&s.net);
        last = error;
    }
    close_scorer(&s);
}

static void without_packing_a_net_weighs_its_slices_each_once(void **state)
{
    scorer s;

    TDL_UNUSED(state);
    open_scorer(&s);
    assert_int_equal(tdl_net_weight_bytes(&s.net),
                     4 * (IN * HIDDEN + HIDDEN + CLASSES * HIDDEN + CLASSES));
    close_scorer(&s);
}

static void a_weight_that_cannot_be_held_is_refused_by_name_and_nothing_stays_packed(void **state)
{
    float plain[ROWS * CLASSES], after[ROWS * CLASSES];
    tdl_report why = {0};
    scorer s;

    TDL_UNUSED(state);
    open_scorer(&s);
    ask(&s.net, &s, plain);
    float *weight = tdl_params_value(&s.params, 2), kept = weight[3];
    weight[3] = INFINITY;
    assert_int_equal(tdl_net_pack_as(&s.net, TDL_PRECISION_INT8, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "table: weight of input 3, output 0: inf"));
    weight[3] = kept;
    ask(&s.net, &s, after);
    assert_memory_equal(plain, after, sizeof plain);
    close_scorer(&s);
}

static void a_net_that_was_not_planned_cannot_be_packed(void **state)
{
    tdl_net net = {0};

    TDL_UNUSED(state);
    assert_int_equal(tdl_net_pack(&net, NULL), TDL_E_INVALID);
}

static void a_copy_answers_with_the_packed_weights_and_outlives_none_of_them(void **state)
{
    float first[ROWS * CLASSES], second[ROWS * CLASSES];
    tdl_net copy = {0};
    scorer s;

    TDL_UNUSED(state);
    open_scorer(&s);
    assert_int_equal(tdl_net_pack_as(&s.net, TDL_PRECISION_INT8, NULL), TDL_OK);
    assert_int_equal(tdl_net_copy(&s.net, s.net.nodes_n, NULL, &copy, NULL), TDL_OK);
    assert_int_equal(plan(&copy, ROWS, false, NULL), TDL_OK);
    ask(&s.net, &s, first);
    ask(&copy, &s, second);
    assert_memory_equal(first, second, sizeof first);
    tdl_net_release(&copy);
    ask(&s.net, &s, second); // the packed weights are still there
    assert_memory_equal(first, second, sizeof first);
    close_scorer(&s);
}

static void a_copy_of_fewer_ops_keeps_what_was_asked_for(void **state)
{
    const tdl_run run = {0};
    tdl_net copy = {0};
    scorer s;

    TDL_UNUSED(state);
    open_scorer(&s);
    assert_int_equal(tdl_net_copy(&s.net, s.scores, NULL, &copy, NULL), TDL_OK);
    assert_int_equal(plan(&copy, ROWS, false, NULL), TDL_OK);
    assert_int_equal(tdl_net_forward(&copy, &s.batch, &run, NULL), TDL_OK);
    assert_non_null(tdl_net_value(&copy, s.scores - 1)); // the hidden layer is the last now
    tdl_net_release(&copy);
    close_scorer(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(f32_gives_the_bits_of_the_net_without_packing),
        cmocka_unit_test(each_precision_is_smaller_and_as_near_as_its_steps),
        cmocka_unit_test(without_packing_a_net_weighs_its_slices_each_once),
        cmocka_unit_test(a_weight_that_cannot_be_held_is_refused_by_name_and_nothing_stays_packed),
        cmocka_unit_test(a_net_that_was_not_planned_cannot_be_packed),
        cmocka_unit_test(a_copy_answers_with_the_packed_weights_and_outlives_none_of_them),
        cmocka_unit_test(a_copy_of_fewer_ops_keeps_what_was_asked_for),
    };

    return cmocka_run_group_tests_name("nn/pack", tests, NULL, NULL);
}

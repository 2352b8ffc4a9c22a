#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "net_case.h"

enum { IDS = 10, CLASSES = 4 };

typedef struct parts {
    size_t offsets[4];
    int32_t id[3], target[3];
    tdl_real weight[3];
} parts;

static const parts GOOD = {{0, 2, 2, 3}, {0, 9, 5}, {0, 3, 1}, {0.5, 0.5, 1}};

static tdl_nn_batch batch_of(const parts *p)
{
    return (tdl_nn_batch){
        .rows = 3, .offsets = p->offsets, .id = {p->id}, .weight = p->weight, .target = p->target};
}

/* What a net of embed_bag and softmax_ce says to a batch before anything runs. */
static tdl_status check_batch(const tdl_nn_batch *batch, tdl_report *why)
{
    tdl_params params = {0};
    tdl_net net = {.params = &params};
    int table = tdl_params_add(&params, "table", IDS, CLASSES, true);
    const tdl_run run = {0};

    assert_int_equal(tdl_params_seal(&params, NULL), TDL_OK);
    tdl_net_softmax_ce(&net, tdl_net_embed_bag(&net, table), NULL);
    assert_int_equal(plan(&net, 3, false, NULL), TDL_OK);
    tdl_status st = tdl_net_forward(&net, batch, &run, why);
    tdl_net_release(&net);
    tdl_params_release(&params);
    return st;
}

static tdl_status check(const parts *p, tdl_report *why)
{
    const tdl_nn_batch batch = batch_of(p);

    return check_batch(&batch, why);
}

static void refuse(const parts *p, const char *message)
{
    tdl_report why = {0};

    assert_int_equal(check(p, &why), TDL_E_INVALID);
    assert_string_equal(why.message, message);
}

static void ids_targets_and_weights_in_range_pass(void **state)
{
    parts p = GOOD;
    tdl_nn_batch inference = batch_of(&p), empty = {0};

    TDL_UNUSED(state);
    assert_int_equal(check(&p, NULL), TDL_OK);
    inference.target = NULL;
    assert_int_equal(check_batch(&inference, NULL), TDL_OK);
    assert_int_equal(check_batch(&empty, NULL), TDL_OK);
    p.target[1] = TDL_TARGET_NONE; // a row that does not count
    assert_int_equal(check(&p, NULL), TDL_OK);
}

static void an_id_outside_the_table_is_named(void **state)
{
    parts p = GOOD;

    TDL_UNUSED(state);
    p.id[1] = 10;
    refuse(&p, "row 0, entry 1: id 10 is not in [0, 10)");
    p.id[1] = -1;
    refuse(&p, "row 0, entry 1: id -1 is not in [0, 10)");
}

static void a_target_outside_the_classes_is_named(void **state)
{
    parts p = GOOD;

    TDL_UNUSED(state);
    p.target[2] = 4;
    refuse(&p, "row 2: target 4 is not in [0, 4)");
    p.target[2] = -7;
    refuse(&p, "row 2: target -7 is not in [0, 4)");
}

static void a_weight_that_is_not_finite_is_named(void **state)
{
    parts p = GOOD;

    TDL_UNUSED(state);
    p.weight[2] = (tdl_real)INFINITY;
    refuse(&p, "row 2, entry 0: weight inf is not finite");
}

static void offsets_that_fall_or_start_late_are_refused(void **state)
{
    parts p = GOOD;

    TDL_UNUSED(state);
    p.offsets[2] = 1;
    refuse(&p, "row 1: ends at 1, before its begin 2");
    p = GOOD;
    p.offsets[0] = 1;
    refuse(&p, "the first offset is 1, not 0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_targets_and_weights_in_range_pass),
        cmocka_unit_test(an_id_outside_the_table_is_named),
        cmocka_unit_test(a_target_outside_the_classes_is_named),
        cmocka_unit_test(a_weight_that_is_not_finite_is_named),
        cmocka_unit_test(offsets_that_fall_or_start_late_are_refused),
    };

    return cmocka_run_group_tests_name("nn/batch", tests, NULL, NULL);
}

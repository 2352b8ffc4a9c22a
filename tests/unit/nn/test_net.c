#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net_case.h"

typedef struct fixture {
    tdl_params params;
    tdl_net net;
    int table, wide, bias, vector;
} fixture;

static void open_fixture(fixture *f)
{
    *f = (fixture){0};
    f->net.params = &f->params;
    f->table = tdl_params_add(&f->params, "table", 6, 4, true);
    f->wide = tdl_params_add(&f->params, "wide", 4, 9, true);
    f->bias = tdl_params_add(&f->params, "bias", 1, 9, false);
    f->vector = tdl_params_add(&f->params, "vector", 1, 3, false);
    assert_int_equal(tdl_params_seal(&f->params, NULL), TDL_OK);
}

static void close_fixture(fixture *f)
{
    tdl_net_release(&f->net);
    tdl_params_release(&f->params);
}

static void refuse_plan(fixture *f, const char *words)
{
    tdl_report why = {0};

    assert_int_equal(plan(&f->net, 4, true, &why), TDL_E_INVALID);
    if (!strstr(why.message, words))
        fail_msg("\"%s\" does not say \"%s\"", why.message, words);
    close_fixture(f);
}

static void shapes_that_do_not_meet_are_told_with_both_in_words(void **state)
{
    fixture f;

    TDL_UNUSED(state);
    open_fixture(&f);
    int h =
        tdl_net_linear(&f.net, tdl_net_embed_bag(&f.net, f.table), f.wide, f.bias, TDL_ACT_RELU);
    tdl_net_linear(&f.net, h, f.wide, f.bias, TDL_ACT_NONE);
    refuse_plan(&f, "op 2: linear: input of 9 columns, weights 'wide' [4][9]");

    open_fixture(&f);
    tdl_net_linear(&f.net, tdl_net_embed_bag(&f.net, f.table), f.wide, f.vector, TDL_ACT_NONE);
    refuse_plan(&f, "bias 'vector' [1][3], weights 'wide' [4][9]");

    open_fixture(&f);
    h = tdl_net_embed_bag(&f.net, f.table);
    tdl_net_add(&f.net, h, tdl_net_linear(&f.net, h, f.wide, TDL_NONE, TDL_ACT_NONE));
    refuse_plan(&f, "add: inputs of 4 and of 9 columns");

    open_fixture(&f);
    tdl_net_dot_score(&f.net, tdl_net_embed_bag(&f.net, f.table), f.wide, TDL_NONE);
    refuse_plan(&f, "dot_score: input of 4 columns, table 'wide' [4][9]");
}

static void a_net_that_cannot_run_is_refused_when_planned(void **state)
{
    fixture f;

    TDL_UNUSED(state);
    open_fixture(&f);
    refuse_plan(&f, "no ops");

    open_fixture(&f);
    tdl_net_add(&f.net, 0, 1); // reads values that are not there
    refuse_plan(&f, "reads what is not there");

    open_fixture(&f);
    int loss = tdl_net_softmax_ce(&f.net, tdl_net_embed_bag(&f.net, f.table), NULL);
    tdl_net_dropout(&f.net, loss, 0);
    refuse_plan(&f, "a loss that is not the last op");
}

/* ---- running ---- */

static const size_t OFFSETS[] = {0, 2, 3, 3};
static const int32_t ID[] = {0, 5, 2}, TARGET[] = {1, 0, 3};
static const tdl_real WEIGHT[] = {0.5, 0.5, 1};
static const uint64_t EXAMPLE[] = {0, 1, 2};
static const tdl_nn_batch BATCH = {.rows = 3,
                                   .offsets = OFFSETS,
                                   .id = {ID},
                                   .weight = WEIGHT,
                                   .target = TARGET,
                                   .example = EXAMPLE};
static const tdl_run RUN = {.training = true};

static void a_batch_larger_than_the_plan_is_refused(void **state)
{
    tdl_report why = {0};
    fixture f;

    TDL_UNUSED(state);
    open_fixture(&f);
    tdl_net_embed_bag(&f.net, f.table);
    assert_int_equal(plan(&f.net, 2, true, NULL), TDL_OK);
    assert_int_equal(tdl_net_forward(&f.net, &BATCH, &RUN, &why), TDL_E_INVALID);
    assert_string_equal(why.message, "a batch of 3 rows, the net was planned for 2");
    close_fixture(&f);
}

static void a_batch_the_net_could_not_survive_is_refused(void **state)
{
    const int32_t id[] = {0, 6, 2}, target[] = {1, 4, 3};
    tdl_nn_batch bad_id = BATCH, bad_target = BATCH, no_example = BATCH;
    tdl_report why = {0};
    fixture f;

    TDL_UNUSED(state);
    bad_id.id[0] = id; // the table has 6 rows
    bad_target.target = target;
    no_example.example = NULL;
    open_fixture(&f);
    int h = tdl_net_embed_bag(&f.net, f.table);
    tdl_net_softmax_ce(&f.net, tdl_net_dropout(&f.net, h, 0.5), NULL);
    assert_int_equal(plan(&f.net, 3, true, NULL), TDL_OK);
    assert_int_equal(tdl_net_forward(&f.net, &bad_id, &RUN, &why), TDL_E_INVALID);
    assert_string_equal(why.message, "row 0, entry 1: id 6 is not in [0, 6)");
    assert_int_equal(tdl_net_backward(&f.net, &bad_id, &RUN, 1, NULL), TDL_E_INVALID);
    assert_int_equal(tdl_net_forward(&f.net, &bad_target, &RUN, &why), TDL_E_INVALID);
    assert_string_equal(why.message, "row 1: target 4 is not in [0, 4)");
    assert_int_equal(tdl_net_forward(&f.net, &no_example, &RUN, &why), TDL_E_INVALID);
    assert_int_equal(tdl_net_forward(&f.net, &no_example, &(tdl_run){0}, &why), TDL_OK);
    close_fixture(&f);
}

static void backward_without_loss_targets_or_gradients_is_refused(void **state)
{
    tdl_nn_batch inference = BATCH;
    fixture f;

    TDL_UNUSED(state);
    inference.target = NULL;
    open_fixture(&f);
    tdl_net_embed_bag(&f.net, f.table);
    assert_int_equal(plan(&f.net, 3, true, NULL), TDL_OK);
    assert_int_equal(tdl_net_backward(&f.net, &BATCH, &RUN, 1, NULL), TDL_E_INVALID);
    close_fixture(&f);

    open_fixture(&f);
    tdl_net_softmax_ce(&f.net, tdl_net_embed_bag(&f.net, f.table), NULL);
    assert_int_equal(plan(&f.net, 3, true, NULL), TDL_OK);
    assert_int_equal(tdl_net_backward(&f.net, &inference, &RUN, 1, NULL), TDL_E_INVALID);
    close_fixture(&f);

    open_fixture(&f);
    int h = tdl_net_embed_bag(&f.net, f.table);
    tdl_net_softmax_ce(&f.net, tdl_net_dropout(&f.net, h, 0.5), NULL);
    assert_int_equal(plan(&f.net, 3, false, NULL), TDL_OK);
    assert_int_equal(tdl_net_forward(&f.net, &BATCH, &RUN, NULL), TDL_OK);
    assert_int_equal(tdl_net_backward(&f.net, &BATCH, &RUN, 1, NULL), TDL_E_INVALID);
    close_fixture(&f);
}

/* All scores zero: a uniform guess among four classes costs log 4 a row. */
static void without_targets_the_scores_stay_scores(void **state)
{
    tdl_nn_batch inference = BATCH;
    fixture f;

    TDL_UNUSED(state);
    inference.target = NULL;
    open_fixture(&f);
    int scores = tdl_net_embed_bag(&f.net, f.table);
    tdl_net_keep(&f.net, scores);
    tdl_net_softmax_ce(&f.net, scores, NULL);
    assert_int_equal(plan(&f.net, 3, false, NULL), TDL_OK);
    assert_int_equal(tdl_net_forward(&f.net, &inference, &RUN, NULL), TDL_OK);
    for (size_t i = 0; i < 12; i++)
        assert_true(tdl_net_value(&f.net, scores)[i] == 0);
    assert_int_equal(tdl_net_forward(&f.net, &BATCH, &RUN, NULL), TDL_OK);
    double loss = loss_sum(&f.net, &BATCH);
    assert_true(loss > 3 * 1.3862943 && loss < 3 * 1.3862945);
    close_fixture(&f);
}

static void an_empty_batch_adds_nothing(void **state)
{
    tdl_nn_batch empty = BATCH;
    fixture f;

    TDL_UNUSED(state);
    empty.rows = 0;
    open_fixture(&f);
    tdl_net_softmax_ce(&f.net, tdl_net_embed_bag(&f.net, f.table), NULL);
    assert_int_equal(plan(&f.net, 3, true, NULL), TDL_OK);
    assert_int_equal(tdl_net_forward(&f.net, &empty, &RUN, NULL), TDL_OK);
    assert_true(loss_sum(&f.net, &empty) == 0);
    assert_int_equal(tdl_net_backward(&f.net, &empty, &RUN, 1, NULL), TDL_OK);
    for (size_t i = 0; i < f.params.n; i++)
        assert_true(f.params.grad[i] == 0);
    close_fixture(&f);
}

/* ---- how far the gradient is ---- */

enum { TOLD_MAX = 8, GRADIENT_MAX = 256 };

typedef struct told {
    const tdl_params *params;
    size_t end[TOLD_MAX], n;
    tdl_real seen[TOLD_MAX][GRADIENT_MAX]; /* the gradient at that time */
} told;

static void note_end(void *context, size_t end)
{
    told *t = context;

    assert_true(t->n < TOLD_MAX && t->params->n <= GRADIENT_MAX);
    memcpy(t->seen[t->n], t->params->grad, t->params->n * sizeof *t->params->grad);
    t->end[t->n++] = end;
}

/* The table is the first that is read and the last: in between only what lies before it is done. */
static void backward_tells_after_each_op_what_part_of_the_gradient_is_complete(void **state)
{
    tdl_params params = {0};
    tdl_net net = {.params = &params};
    told t = {.params = &params};
    const tdl_gradient_watch watch = {note_end, &t};
    tdl_run run = RUN;

    TDL_UNUSED(state);
    run.watch = &watch;
    int table = tdl_params_add(&params, "table", 6, 4, true);
    int square = tdl_params_add(&params, "square", 4, 4, true);
    int bias = tdl_params_add(&params, "bias", 1, 4, false);
    assert_int_equal(tdl_params_seal(&params, NULL), TDL_OK);
    for (size_t i = 0; i < params.n; i++)
        params.value[i] = (tdl_real)(i % 7) / 8;
    int x = tdl_net_embed_bag(&net, table);
    x = tdl_net_linear(&net, x, square, bias, TDL_ACT_TANH);
    tdl_net_softmax_ce(&net, tdl_net_dot_score(&net, x, table, TDL_NONE), NULL);
    assert_int_equal(plan(&net, 3, true, NULL), TDL_OK);
    assert_int_equal(tdl_net_forward(&net, &BATCH, &run, NULL), TDL_OK);
    assert_int_equal(tdl_net_backward(&net, &BATCH, &run, 1, NULL), TDL_OK);
    assert_int_equal(t.n, 4);
    assert_int_equal(t.end[1], 0);
    assert_int_equal(t.end[2], params.slice[table].offset);
    assert_int_equal(t.end[3], params.n);
    for (size_t i = 0; i < t.n; i++)
        assert_memory_equal(t.seen[i], params.grad, t.end[i] * sizeof *params.grad);
    // the table is not done at the third: the test would notice
    assert_memory_not_equal(t.seen[2], params.grad, params.n * sizeof *params.grad);
    tdl_net_release(&net);
    tdl_params_release(&params);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_that_do_not_meet_are_told_with_both_in_words),
        cmocka_unit_test(a_net_that_cannot_run_is_refused_when_planned),
        cmocka_unit_test(a_batch_larger_than_the_plan_is_refused),
        cmocka_unit_test(a_batch_the_net_could_not_survive_is_refused),
        cmocka_unit_test(backward_without_loss_targets_or_gradients_is_refused),
        cmocka_unit_test(without_targets_the_scores_stay_scores),
        cmocka_unit_test(an_empty_batch_adds_nothing),
        cmocka_unit_test(backward_tells_after_each_op_what_part_of_the_gradient_is_complete),
    };

    return cmocka_run_group_tests_name("nn/net", tests, NULL, NULL);
}

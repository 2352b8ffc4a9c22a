#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "learn/forest_file.h"
#include "learn/forest_refit.h"

/* x0 < 1 ? (x1 < 0, missing right ? 10 : 20) : 30, and 100 more for the second score. */
static void small_forest(tdl_forest *ret)
{
    static const tdl_forest_node node[] = {
        {1, 0, 1, 0}, {0, 1, 3, 1}, {30, -1, 2, 0}, {10, -1, 3, 0}, {20, -1, 4, 0}, {100, -1, 5, 0},
    };
    static const float cover[] = {8, 6, 2, 3, 3, 8};

    assert_int_equal(tdl_forest_alloc(2, 2, 2, 6, ret, NULL), TDL_OK);
    memcpy(ret->node, node, sizeof node);
    memcpy(ret->cover, cover, sizeof cover);
    ret->first[1] = 5;
    ret->first[2] = 6;
    ret->group[1] = 1;
    ret->base[0] = .5;
    assert_int_equal(tdl_forest_check(ret, NULL), TDL_OK);
}

static void rows_fall_where_the_splits_say(void **state)
{
    static const float x[][2] = {{0, -1},
                                 {0, 0},
                                 {1, -1},
                                 {NAN, -1},
                                 {0, NAN},
                                 {INFINITY, 5},
                                 {-INFINITY, INFINITY},
                                 {1e-30F, -1e-30F}};
    static const double expected[] = {10.5, 20.5, 30.5, 10.5, 20.5, 20.5, 20.5, 10.5};
    double score[8][2], one[2];
    tdl_forest f = {0};

    TDL_UNUSED(state);
    small_forest(&f);
    assert_int_equal(f.depth[0], 2);
    assert_int_equal(tdl_forest_score(&f, x[0], 8, NULL, score[0], NULL), TDL_OK);
    for (size_t i = 0; i < 8; i++) {
        tdl_forest_score_row(&f, x[i], one);
        assert_true(score[i][0] == expected[i] && score[i][1] == 100);
        assert_memory_equal(one, score[i], sizeof one);
    }
    tdl_forest_release(&f);
}

static void the_mean_of_forests_gives_the_mean_of_scores(void **state)
{
    const float x[2] = {0, 0};
    double score[2];
    tdl_forest f[2] = {0}, mean = {0};

    TDL_UNUSED(state);
    small_forest(&f[0]);
    small_forest(&f[1]);
    f[1].node[4].value = 60;
    f[1].base[0] = 1.5;
    assert_int_equal(tdl_forest_mean(f, 2, &mean, NULL), TDL_OK);
    assert_int_equal(tdl_forest_check(&mean, NULL), TDL_OK);
    tdl_forest_score_row(&mean, x, score);
    assert_true(score[0] == 41 && score[1] == 100);
    for (size_t i = 0; i < 2; i++)
        tdl_forest_release(&f[i]);
    tdl_forest_release(&mean);
}

static void forests_beside_each_other_give_a_score_each(void **state)
{
    const float x[2] = {0, 0};
    double score[2];
    tdl_forest f[2] = {0}, both = {0};

    TDL_UNUSED(state);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(tdl_forest_alloc(2, 1, 1, 1, &f[i], NULL), TDL_OK);
        f[i].node[0] = (tdl_forest_node){.value = 3 + (float)i, .feature = -1};
        f[i].base[0] = 10 * (double)i;
        f[i].first[1] = 1;
        assert_int_equal(tdl_forest_check(&f[i], NULL), TDL_OK);
    }
    assert_int_equal(tdl_forest_beside(f, 2, &both, NULL), TDL_OK);
    assert_int_equal(tdl_forest_check(&both, NULL), TDL_OK);
    tdl_forest_score_row(&both, x, score);
    assert_true(score[0] == 3 && score[1] == 14);
    for (size_t i = 0; i < 2; i++)
        tdl_forest_release(&f[i]);
    tdl_forest_release(&both);
}

/* By hand: the tree sends rows 0 to 3 left and the others right; half of a leaf is taken. */
static void a_leaf_takes_the_quantile_of_what_its_rows_miss(void **state)
{
    static const tdl_forest_node node[] = {{.5F, 0, 1, 0}, {0, -1, 1, 0}, {0, -1, 2, 0}};
    const float x[] = {0, 0, 0, 0, 1, 1, 1, 1}, y[] = {1, 2, 4, 5, 6, 8, 9, 3};
    const float weight[] = {2, 1, 1, 2, 3, 1, 1, 1}, held_x[] = {0, 1}, held_y[] = {7, 2};
    const tdl_refit_rows rows = {8, x, y, weight}, held = {2, held_x, held_y, NULL};
    double loss[2];
    tdl_forest f = {0}, refitted = {0};

    TDL_UNUSED(state);
    assert_int_equal(tdl_forest_alloc(1, 1, 1, 3, &f, NULL), TDL_OK);
    memcpy(f.node, node, sizeof node);
    f.first[1] = 3;
    assert_int_equal(tdl_forest_check(&f, NULL), TDL_OK);
    assert_int_equal(tdl_forest_refit(&f, 1, &rows, &held, .75, .5, &refitted, loss, NULL), TDL_OK);
    assert_int_equal(tdl_forest_check(&refitted, NULL), TDL_OK);
    assert_true(refitted.base[0] == 6);          /* 1 2 3 4 5 6: 2 + 1 + 1 + 1 + 2 + 3 of 12 >= 9 */
    assert_true(refitted.node[1].value == -.5F); /* -5 -4 -2 -1, weights 2 1 1 2: 4.5 is at -1 */
    assert_true(refitted.node[2].value == 1);    /* -3 0 2 3, weights 1 3 1 1: 4.5 is at 2 */
    assert_true(loss[0] == .75 * 1 + .25 * 4);
    assert_true(loss[1] == .75 * 1.5 + .25 * 5);
    tdl_forest_release(&f);
    tdl_forest_release(&refitted);
}

static void a_saved_forest_comes_back(void **state)
{
    tdl_st_writer *writer = tdl_st_writer_new();
    tdl_buf bytes = {0};
    tdl_st_file *file = NULL;
    tdl_forest f = {0}, again = {0};

    TDL_UNUSED(state);
    small_forest(&f);
    tdl_forest_save(&f, "m.", writer);
    assert_int_equal(tdl_st_encode(writer, &bytes, NULL), TDL_OK);
    assert_int_equal(tdl_st_parse(tdl_buf_view(&bytes), &file, NULL), TDL_OK);
    assert_int_equal(tdl_forest_load(file, "m.", 2, &again, NULL), TDL_OK);
    assert_int_equal(again.nodes_n, 6);
    assert_memory_equal(again.node, f.node, 6 * sizeof *f.node);
    assert_memory_equal(again.cover, f.cover, 6 * sizeof *f.cover);
    assert_memory_equal(again.depth, f.depth, 2 * sizeof *f.depth);
    tdl_forest_release(&again);
    assert_int_equal(tdl_forest_load(file, "m.", 1, &again, NULL), TDL_E_CORRUPT);
    assert_int_not_equal(tdl_forest_load(file, "n.", 2, &again, NULL), TDL_OK);
    tdl_st_free(file);
    tdl_st_writer_free(writer);
    tdl_buf_release(&bytes);
    tdl_forest_release(&f);
}

/* Each changes one thing of the small forest. */
static void a_child_before_its_parent(tdl_forest *f)
{
    f->node[1].left = 0;
}
static void a_child_of_two(tdl_forest *f)
{
    f->node[1].left = 1;
}
static void a_child_outside_the_tree(tdl_forest *f)
{
    f->node[1].left = 4;
}
static void a_feature_too_many(tdl_forest *f)
{
    f->node[0].feature = 2;
}
static void a_negative_feature(tdl_forest *f)
{
    f->node[0].feature = -2;
}
static void a_leaf_that_leads_on(tdl_forest *f)
{
    f->node[2].left = 3;
}
static void a_leaf_of_nan(tdl_forest *f)
{
    f->node[2].value = NAN;
}
static void a_negative_cover(tdl_forest *f)
{
    f->cover[2] = -1;
}
static void a_direction_of_two(tdl_forest *f)
{
    f->node[0].missing = 2;
}
static void an_orphan(tdl_forest *f)
{
    f->node[1] = (tdl_forest_node){1, -1, 1, 0};
}
static void a_tree_without_nodes(tdl_forest *f)
{
    f->first[1] = 6;
}
static void a_root_beyond_the_end(tdl_forest *f)
{
    f->first[1] = 7;
}
static void a_score_too_many(tdl_forest *f)
{
    f->group[1] = 2;
}
static void an_infinite_base(tdl_forest *f)
{
    f->base[1] = INFINITY;
}

static void a_forest_that_is_none_is_refused(void **state)
{
    static void (*const spoil[])(tdl_forest *) = {a_child_before_its_parent,
                                                  a_child_of_two,
                                                  a_child_outside_the_tree,
                                                  a_feature_too_many,
                                                  a_negative_feature,
                                                  a_leaf_that_leads_on,
                                                  a_leaf_of_nan,
                                                  a_negative_cover,
                                                  a_direction_of_two,
                                                  an_orphan,
                                                  a_tree_without_nodes,
                                                  a_root_beyond_the_end,
                                                  a_score_too_many,
                                                  an_infinite_base};

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof spoil / sizeof spoil[0]; i++) {
        tdl_forest f = {0};
        tdl_report why = {0};

        small_forest(&f);
        spoil[i](&f);
        assert_int_equal(tdl_forest_check(&f, &why), TDL_E_CORRUPT);
        assert_true(why.message[0]);
        tdl_forest_release(&f);
    }
    tdl_forest f = {0};
    assert_int_equal(tdl_forest_alloc(1, 1, (size_t)1 << 40, 1, &f, NULL), TDL_E_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_fall_where_the_splits_say),
        cmocka_unit_test(the_mean_of_forests_gives_the_mean_of_scores),
        cmocka_unit_test(forests_beside_each_other_give_a_score_each),
        cmocka_unit_test(a_leaf_takes_the_quantile_of_what_its_rows_miss),
        cmocka_unit_test(a_saved_forest_comes_back),
        cmocka_unit_test(a_forest_that_is_none_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

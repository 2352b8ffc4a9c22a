/* Features that others tell too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <math.h>

#include "frames.h"
#include "table/prepare.h"
#include "table/select.h"

/* Correlations by numpy.corrcoef: of a with b .939394, c .442424, d -1, e = a^3 .928391; of b with
 * c .333333, e .867000; of c with e .472497. */
static const float five[][5] = {
    {1, 2, 5, -1, 1},    {2, 1, 1, -2, 8},      {3, 4, 4, -3, 27},  {4, 3, 2, -4, 64},
    {5, 6, 3, -5, 125},  {6, 5, 9, -6, 216},    {7, 8, 0, -7, 343}, {8, 7, 8, -8, 512},
    {9, 10, 6, -9, 729}, {10, 9, 7, -10, 1000},
};

static void a_feature_leads_unless_a_leader_is_as_near_as_the_limit(void **state)
{
    static float x[50];
    const tdl_matrix m = {.rows = 10, .cols = 5, .x = x};
    static const struct {
        double limit;
        size_t order[5];
        bool leads[5];
    } cases[] = {
        {0.93, {0, 1, 2, 3, 4}, {true, false, true, false, true}},
        {0.95, {0, 1, 2, 3, 4}, {true, true, true, false, true}},
        {0.92, {0, 1, 2, 3, 4}, {true, false, true, false, false}},
        {0.92, {4, 1, 0, 3, 2}, {false, true, true, false, true}}, // e and b lead: .867 apart
        {0.4, {3, 2, 1, 4, 0}, {false, false, false, true, false}},
        {0.45, {3, 2, 1, 4, 0}, {false, false, true, true, false}},
        {1, {0, 1, 2, 3, 4}, {true, true, true, false, true}},
    };

    TDL_UNUSED(state);
    memcpy(x, five, sizeof five);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool leads[5];

        assert_int_equal(tdl_correlation_leaders(&m, cases[i].order, cases[i].limit, leads, NULL),
                         TDL_OK);
        for (size_t j = 0; j < 5; j++)
            if (leads[j] != cases[i].leads[j])
                fail_msg("case %zu, feature %zu", i, j);
    }
}

static void constants_and_gaps_are_near_to_nothing_that_is_not_like_them(void **state)
{
    static float x[10 * 3];
    const tdl_matrix m = {.rows = 10, .cols = 3, .x = x};
    const size_t order[] = {0, 1, 2};
    bool leads[3];

    TDL_UNUSED(state);
    for (size_t i = 0; i < 10; i++) {
        x[3 * i] = (float)i;
        x[3 * i + 1] = 7;
        x[3 * i + 2] = (double)NAN;
    }
    assert_int_equal(tdl_correlation_leaders(&m, order, 0.5, leads, NULL), TDL_OK);
    assert_true(leads[0] && leads[1] && leads[2]);
}

/* b is a, but for a row, and tells less of y; c tells nothing. Of a and b the better one stays. */
static void of_correlated_features_the_one_that_tells_most_is_kept(void **state)
{
    static const char csv[] = "b,a,c,y\n1,1,1,0\n2,2,2,0\n3,3,1,0\n6,4,2,0\n"
                              "4,6,1,1\n7,7,2,1\n8,8,1,1\n9,9,2,1\n";
    const tdl_prepare_options options = {.correlated = 0.9};
    const uint32_t row[] = {0, 1, 2, 3, 4, 5, 6, 7};
    const float y[] = {0, 0, 0, 0, 1, 1, 1, 1};
    const tdl_target target = {.y = y, .classes_n = 2};
    const bool left_out[] = {false, false, false, true};
    tdl_frame frame = test_frame(csv);
    tdl_prepare *prepare = NULL;
    tdl_matrix m = {0};
    tdl_report why = {0};

    TDL_UNUSED(state);
    if (tdl_prepare_fit(&frame, left_out, row, 8, &target, &options, 0, &prepare, &m, &why))
        fail_msg("%s", why.message);
    assert_int_equal(m.cols, 2);
    assert_true(!strcmp(m.feature[0].name, "a") || !strcmp(m.feature[0].name, "b"));
    assert_string_equal(m.feature[1].name, "c");
    tdl_matrix_release(&m);
    tdl_prepare_free(prepare);
    tdl_frame_release(&frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_feature_leads_unless_a_leader_is_as_near_as_the_limit),
        cmocka_unit_test(constants_and_gaps_are_near_to_nothing_that_is_not_like_them),
        cmocka_unit_test(of_correlated_features_the_one_that_tells_most_is_kept),
    };

    return cmocka_run_group_tests_name("table/select", tests, NULL, NULL);
}

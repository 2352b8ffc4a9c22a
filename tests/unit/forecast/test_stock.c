/* Stock plans and hierarchies, by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "forecast/hierarchy.h"
#include "forecast/inventory.h"

/* 10 a step; nine paths whose errors over two steps sum to -4, -3, ..., 4, all made in the first
 * step; the third step adds 1 to each. */
static const double mean[] = {10, 10, 10, 10};
static double residual[9][4];

static tdl_demand nine_paths(void)
{
    for (size_t p = 0; p < 9; p++) {
        residual[p][0] = (double)p - 4;
        residual[p][2] = 1;
    }
    return (tdl_demand){.mean = mean, .horizon = 4, .residual = residual[0], .paths_n = 9};
}

static void reorder_point_is_lead_time_demand_and_the_quantile_of_its_errors(void **state)
{
    tdl_demand demand = nine_paths();
    const tdl_stock_options o = {.lead_time = 2,
                                 .review = 1,
                                 .service = .8, /* rank 8 of 9: errors of 3, and of 4 in three */
                                 .order_cost = 20,
                                 .holding_cost = 1,
                                 .position = 12};
    tdl_stock s;

    (void)state;
    assert_int_equal(tdl_stock_plan(&demand, &o, &s, NULL), TDL_OK);
    assert_true(fabs(s.reorder_point - 23) < 1e-12);
    assert_true(fabs(s.expected - 30) < 1e-12);
    assert_true(fabs(s.safety - 4) < 1e-12);
    assert_true(fabs(s.order_up_to - 34) < 1e-12);
    assert_true(fabs(s.order - 22) < 1e-12);
    assert_true(fabs(s.eoq - 20) < 1e-12); /* sqrt(2 10 20 / 1) */
}

static void too_few_paths_for_a_service_level_are_refused_with_how_many_it_takes(void **state)
{
    tdl_demand demand = nine_paths();
    const tdl_stock_options o = {.lead_time = 2, .service = .95};
    tdl_report why = {0};
    tdl_stock s;

    (void)state;
    assert_int_equal(tdl_stock_plan(&demand, &o, &s, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "19 are needed"));
}

static void plans_beyond_the_horizon_or_out_of_range_are_refused(void **state)
{
    tdl_demand demand = nine_paths();
    tdl_stock s;

    (void)state;
    assert_int_equal(
        tdl_stock_plan(&demand, &(tdl_stock_options){.lead_time = 0, .service = .5}, &s, NULL),
        TDL_E_INVALID);
    assert_int_equal(
        tdl_stock_plan(&demand, &(tdl_stock_options){.lead_time = 3, .review = 2, .service = .5},
                       &s, NULL),
        TDL_E_INVALID);
    assert_int_equal(
        tdl_stock_plan(&demand,
                       &(tdl_stock_options){.lead_time = 1, .review = SIZE_MAX, .service = .5}, &s,
                       NULL),
        TDL_E_INVALID);
    assert_int_equal(
        tdl_stock_plan(&demand, &(tdl_stock_options){.lead_time = 1, .service = 1}, &s, NULL),
        TDL_E_INVALID);
}

static void newsvendor_takes_the_critical_ratio(void **state)
{
    tdl_demand demand = nine_paths();
    double stock;

    (void)state;
    assert_int_equal(tdl_newsvendor(&demand, 1, 1, 1, &stock, NULL), TDL_OK);
    assert_true(fabs(stock - 10) < 1e-12); /* the middle of the nine */
    assert_int_equal(tdl_newsvendor(&demand, 1, 9, 1, &stock, NULL), TDL_OK);
    assert_true(fabs(stock - 14) < 1e-12); /* rank 9 */
    assert_int_equal(tdl_newsvendor(&demand, 1, 0, 1, &stock, NULL), TDL_E_INVALID);
}

/* ---- hierarchies ---- */

static void bottom_up_sums_the_leaves(void **state)
{
    const int32_t parent[] = {-1, 0, 0};
    double f[] = {99, 98, 3, 4, 5, 6};

    (void)state;
    assert_int_equal(tdl_hierarchy_reconcile(parent, 3, TDL_RECONCILE_BOTTOM_UP, f, 2, NULL),
                     TDL_OK);
    assert_true(f[0] == 8 && f[1] == 10 && f[2] == 3 && f[5] == 6);
}

/* Two leaves of 3 and 5 under a total of 11: the gap of 3 is shared, a third each. */
static void least_squares_shares_the_gap(void **state)
{
    const int32_t parent[] = {-1, 0, 0};
    double f[] = {11, 3, 5};

    (void)state;
    assert_int_equal(tdl_hierarchy_reconcile(parent, 3, TDL_RECONCILE_OLS, f, 1, NULL), TDL_OK);
    assert_true(fabs(f[0] - 10) < 1e-12 && fabs(f[1] - 4) < 1e-12 && fabs(f[2] - 6) < 1e-12);
}

static void circles_and_parents_that_are_not_there_are_refused(void **state)
{
    const int32_t circle[] = {1, 0}, beyond[] = {7, -1};
    double f[] = {1, 2};

    (void)state;
    assert_int_equal(tdl_hierarchy_reconcile(circle, 2, TDL_RECONCILE_OLS, f, 1, NULL),
                     TDL_E_INVALID);
    assert_int_equal(tdl_hierarchy_reconcile(beyond, 2, TDL_RECONCILE_OLS, f, 1, NULL),
                     TDL_E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reorder_point_is_lead_time_demand_and_the_quantile_of_its_errors),
        cmocka_unit_test(too_few_paths_for_a_service_level_are_refused_with_how_many_it_takes),
        cmocka_unit_test(plans_beyond_the_horizon_or_out_of_range_are_refused),
        cmocka_unit_test(newsvendor_takes_the_critical_ratio),
        cmocka_unit_test(bottom_up_sums_the_leaves),
        cmocka_unit_test(least_squares_shares_the_gap),
        cmocka_unit_test(circles_and_parents_that_are_not_there_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

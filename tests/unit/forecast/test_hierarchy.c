/* Hierarchies out of tables: nodes, their sums and their parents, by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "forecast/hierarchy.h"
#include "forecast/hierarchy_series.h"
#include "table/read.h"

static tdl_status hierarchy_of(const char *text, const char *columns, tdl_hierarchy *ret,
                               tdl_report *why)
{
    const tdl_series_options options = {.value = TDL_STR("v")};
    char path[] = "hierarchy-XXXXXX.csv";
    int fd = mkstemps(path, 4);
    tdl_frame frame = {0};
    tdl_status st;

    assert_true(fd >= 0);
    assert_true(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    assert_int_equal(tdl_frame_read(path, NULL, &frame, NULL, why), TDL_OK);
    unlink(path);
    st = tdl_hierarchy_of(&frame, tdl_str_of(columns), &options, ret, why);
    tdl_frame_release(&frame);
    return st;
}

static const char shops[] = "day,region,shop,v\n"
                            "2026-01-01,south,c,100\n2026-01-01,north,a,1\n"
                            "2026-01-02,north,b,20\n2026-01-02,south,c,200\n2026-01-02,north,a,2\n"
                            "2026-01-03,north,a,3\n2026-01-03,north,b,30\n2026-01-03,south,c,300\n";

/* b begins a day late: so do north and the total. */
static void nodes_are_sums_of_the_leaves_below_them(void **state)
{
    static const char *const names[] = {"total", "north", "south", "north/a", "north/b", "south/c"};
    static const int32_t parents[] = {-1, 0, 0, 1, 1, 2};
    static const size_t points[] = {2, 2, 3, 3, 2, 3};
    static const double last[] = {333, 33, 300, 3, 30, 300};
    tdl_hierarchy h = {0};

    (void)state;
    assert_int_equal(hierarchy_of(shops, "region,shop", &h, NULL), TDL_OK);
    assert_int_equal(h.set.series_n, 6);
    for (size_t i = 0; i < 6; i++) {
        const tdl_series *s = &h.set.series[i];

        assert_string_equal(s->name, names[i]);
        assert_int_equal(h.parent[i], parents[i]);
        assert_int_equal(s->n, points[i]);
        assert_true(s->y[s->n - 1] == last[i]);
    }
    assert_true(h.set.series[0].y[0] == 222);
    assert_true(h.set.series[0].start == h.set.series[4].start); // both begin on the 2nd
    tdl_hierarchy_release(&h);
}

/* Forecasts that do not agree, made to: bottom-up by hand. */
static void its_parents_are_what_reconciling_takes(void **state)
{
    double forecast[] = {0, 0, 0, 1, 20, 300};
    tdl_hierarchy h = {0};

    (void)state;
    assert_int_equal(hierarchy_of(shops, "region,shop", &h, NULL), TDL_OK);
    assert_int_equal(tdl_hierarchy_reconcile(h.parent, h.set.series_n, TDL_RECONCILE_BOTTOM_UP,
                                             forecast, 1, NULL),
                     TDL_OK);
    assert_true(forecast[0] == 321 && forecast[1] == 21 && forecast[2] == 300);
    tdl_hierarchy_release(&h);
}

static void paths_that_print_alike_stay_different_nodes(void **state)
{
    tdl_hierarchy h = {0};

    (void)state;
    assert_int_equal(hierarchy_of("day,x,y,v\n2026-01-01,a,b/c,1\n2026-01-01,a/b,c,2\n"
                                  "2026-01-02,a,b/c,1\n2026-01-02,a/b,c,2\n"
                                  "2026-01-03,a,b/c,1\n2026-01-03,a/b,c,2\n",
                                  "x,y", &h, NULL),
                     TDL_OK);
    assert_int_equal(h.set.series_n, 5);
    assert_string_equal(h.set.series[3].name, "a/b/c");
    assert_string_equal(h.set.series[4].name, "a/b/c");
    assert_true(h.set.series[3].y[0] == 1 && h.set.series[4].y[0] == 2);
    tdl_hierarchy_release(&h);
}

static void leaves_that_end_at_different_steps_are_refused_by_name(void **state)
{
    tdl_hierarchy h = {0};
    tdl_report why = {0};

    (void)state;
    assert_int_equal(hierarchy_of("day,x,y,v\n2026-01-01,a,b,1\n2026-01-02,a,b,1\n"
                                  "2026-01-03,a,b,1\n2026-01-01,a,c,1\n2026-01-02,a,c,1\n",
                                  "x,y", &h, &why),
                     TDL_E_INVALID);
    assert_non_null(strstr(why.message, "do not end"));
    assert_int_equal(hierarchy_of(shops, "region,nothing", &h, &why), TDL_E_NOT_FOUND);
    assert_non_null(strstr(why.message, "nothing"));
    assert_int_equal(hierarchy_of(shops, "", &h, &why), TDL_E_INVALID);
    assert_int_equal(hierarchy_of(shops, "shop,shop,shop,shop,shop,shop,shop,shop,shop", &h, &why),
                     TDL_E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_are_sums_of_the_leaves_below_them),
        cmocka_unit_test(its_parents_are_what_reconciling_takes),
        cmocka_unit_test(paths_that_print_alike_stay_different_nodes),
        cmocka_unit_test(leaves_that_end_at_different_steps_are_refused_by_name),
    };

    return cmocka_run_group_tests_name("forecast/hierarchy", tests, NULL, NULL);
}

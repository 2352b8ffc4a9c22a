/* Reports that are saved: kept, changed, taken away, on each backend. */
#include "fixture.h"

static tdl_saved_report report_of(const char *id, const char *name, int64_t created_us)
{
    return (tdl_saved_report){.id = tdl_str_of(id),
                              .name = tdl_str_of(name),
                              .query = TDL_STR("{\"report\":\"trend\"}"),
                              .created_us = created_us,
                              .updated_us = created_us};
}

static void put(fixture *f, const char *id, const char *name, int64_t created_us)
{
    const tdl_saved_report report = report_of(id, name, created_us);

    succeed(f, tdl_store_put_report(f->store, &report, &f->why));
}

static void reports_are_listed_oldest_first_and_found_by_id(void **state)
{
    fixture *f = *state;
    tdl_saved_report *all, one;
    size_t n;

    succeed(f, tdl_store_reports(f->store, f->arena, &all, &n, &f->why));
    assert_int_equal(n, 0);
    put(f, "b", "later", 2000);
    put(f, "c", "周报 \"x\"", 1000);
    fixture_reopen(f);
    succeed(f, tdl_store_reports(f->store, f->arena, &all, &n, &f->why));
    assert_int_equal(n, 2);
    assert_str(all[0].id, "c");
    assert_str(all[0].name, "周报 \"x\"");
    assert_str(all[1].id, "b");
    succeed(f, tdl_store_get_report(f->store, TDL_STR("b"), f->arena, &one, &f->why));
    assert_str(one.name, "later");
    assert_str(one.query, "{\"report\":\"trend\"}");
    assert_int_equal(one.created_us, 2000);
    refuse(f, tdl_store_get_report(f->store, TDL_STR("a"), f->arena, &one, &f->why),
           TDL_E_NOT_FOUND, "\"a\"");
    refuse(f, tdl_store_get_report(f->store, TDL_STR(""), f->arena, &one, &f->why), TDL_E_NOT_FOUND,
           "no report");
}

static void a_change_keeps_when_it_was_made(void **state)
{
    fixture *f = *state;
    tdl_saved_report change = report_of("b", "second", 9000), one;

    put(f, "b", "first", 1000);
    change.query = TDL_STR("{\"report\":\"sessions\"}");
    succeed(f, tdl_store_change_report(f->store, &change, &f->why));
    succeed(f, tdl_store_get_report(f->store, TDL_STR("b"), f->arena, &one, &f->why));
    assert_str(one.name, "second");
    assert_str(one.query, "{\"report\":\"sessions\"}");
    assert_int_equal(one.created_us, 1000);
    assert_int_equal(one.updated_us, 9000);
    put(f, "b", "third", 9500); // of a store that is moved here
    succeed(f, tdl_store_get_report(f->store, TDL_STR("b"), f->arena, &one, &f->why));
    assert_str(one.name, "third");
    assert_int_equal(one.created_us, 1000);
}

static void what_is_not_there_is_neither_changed_nor_dropped(void **state)
{
    fixture *f = *state;
    const tdl_saved_report change = report_of("b", "second", 9000);
    tdl_saved_report *all;
    size_t n;

    refuse(f, tdl_store_change_report(f->store, &change, &f->why), TDL_E_NOT_FOUND, "\"b\"");
    refuse(f, tdl_store_drop_report(f->store, TDL_STR("b"), &f->why), TDL_E_NOT_FOUND, "\"b\"");
    put(f, "b", "first", 1000);
    succeed(f, tdl_store_drop_report(f->store, TDL_STR("b"), &f->why));
    refuse(f, tdl_store_drop_report(f->store, TDL_STR("b"), &f->why), TDL_E_NOT_FOUND, "\"b\"");
    succeed(f, tdl_store_reports(f->store, f->arena, &all, &n, &f->why));
    assert_int_equal(n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(reports_are_listed_oldest_first_and_found_by_id),
        STORE_TEST(a_change_keeps_when_it_was_made),
        STORE_TEST(what_is_not_there_is_neither_changed_nor_dropped),
    };
    return run_on_each_backend("store/reports", tests);
}

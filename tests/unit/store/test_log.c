/* The decision log piece by piece, on each backend. */
#include <stdio.h>
#include <string.h>

#include "fixture.h"

#define MINUTE INT64_C(60000000)

static void log_one(fixture *f, unsigned n, int64_t time_us)
{
    const tdl_candidate one = {.item = TDL_STR("a"), .propensity = 1, .chosen = true};
    tdl_decision d = {.time_us = time_us,
                      .app = TDL_STR("recommend"),
                      .user = TDL_STR("u"),
                      .candidates = &one,
                      .candidates_n = 1};

    snprintf(d.id, sizeof d.id, "d%03u", n);
    succeed(f, tdl_store_log_decision(f->store, &d, &f->why));
}

/* Ids from a time on, read in pieces of so many. */
static const char *read_from(fixture *f, int64_t from_us, size_t piece)
{
    tdl_decision_row *rows;
    tdl_buf out = {0};
    int64_t position;
    size_t n = 1;

    succeed(f, tdl_store_log_begin(f->store, from_us, &position, &f->why));
    while (n) {
        succeed(f, tdl_store_log_read(f->store, &position, piece, f->arena, &rows, &n, &f->why));
        assert_true(n <= piece);
        for (size_t i = 0; i < n; i++)
            tdl_buf_printf(&out, "%s%s", out.len ? " " : "", rows[i].decision.id);
    }
    const char *ret = tdl_arena_str(f->arena, tdl_buf_view(&out)).at;
    tdl_buf_release(&out);
    return ret;
}

static void a_log_is_read_from_a_time_on_in_the_order_it_was_written(void **state)
{
    fixture *f = *state;

    assert_string_equal(read_from(f, 0, 3), "");
    for (unsigned i = 1; i <= 10; i++)
        log_one(f, i, 10 * i * MINUTE);
    assert_string_equal(read_from(f, 0, 3), "d001 d002 d003 d004 d005 d006 d007 d008 d009 d010");
    assert_string_equal(read_from(f, 70 * MINUTE, 100), "d007 d008 d009 d010");
    assert_string_equal(read_from(f, 71 * MINUTE + 1, 1), "d008 d009 d010");
    assert_string_equal(read_from(f, 102 * MINUTE, 1), "");
}

static void what_was_written_a_moment_late_is_not_missed(void **state)
{
    fixture *f = *state;

    log_one(f, 1, 10 * MINUTE);
    log_one(f, 2, 20 * MINUTE + 30);
    log_one(f, 3, 20 * MINUTE);
    log_one(f, 4, 20 * MINUTE + 10);
    assert_string_equal(read_from(f, 20 * MINUTE + 10, 2), "d002 d003 d004");
}

static void rows_that_were_removed_leave_no_gap(void **state)
{
    fixture *f = *state;

    for (unsigned i = 1; i <= 9; i++)
        log_one(f, i, 10 * i * MINUTE);
    tdl_store_flush(f->store);
    outside(f, "DELETE FROM decisions WHERE id IN ('d001', 'd004', 'd005', 'd006', 'd009')");
    assert_string_equal(read_from(f, 0, 2), "d002 d003 d007 d008");
    assert_string_equal(read_from(f, 50 * MINUTE, 2), "d007 d008");
}

static void rewards_come_with_their_decision(void **state)
{
    fixture *f = *state;
    tdl_event event = event_of("m1");
    tdl_decision_row *rows;
    int64_t position;
    size_t n;

    log_one(f, 1, MINUTE);
    event.decision_id = TDL_STR("d001");
    event.item = TDL_STR("a");
    append_one(f, &event);
    succeed(f, tdl_store_log_begin(f->store, 0, &position, &f->why));
    succeed(f, tdl_store_log_read(f->store, &position, 10, f->arena, &rows, &n, &f->why));
    assert_int_equal(n, 1);
    assert_int_equal(rows[0].rewards_n, 1);
    assert_str(rows[0].rewards[0].message_id, "m1");
    assert_str(rows[0].decision.user, "u");
    assert_str(rows[0].decision.candidates[0].item, "a");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_log_is_read_from_a_time_on_in_the_order_it_was_written),
        STORE_TEST(what_was_written_a_moment_late_is_not_missed),
        STORE_TEST(rows_that_were_removed_leave_no_gap),
        STORE_TEST(rewards_come_with_their_decision),
    };

    return run_on_each_backend("store/log", tests);
}

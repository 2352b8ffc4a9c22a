/* Events that could not be taken: kept, but few and not for ever. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "fixture.h"
#include "store/erase.h"

static tdl_status log_one(fixture *f, const char *reason, const char *raw)
{
    const tdl_reject reject = {.received_us = 7,
                               .source = TDL_STR("posthog"),
                               .reason = tdl_str_of(reason),
                               .raw = tdl_str_of(raw)};

    return tdl_store_log_reject(f->store, &reject, &f->why);
}

static void what_is_kept_is_told_newest_first(void **state)
{
    fixture *f = *state;
    tdl_reject *got;
    tdl_reject_count *counts;
    size_t n;

    succeed(f, log_one(f, "kind is missing", "{\"a\":1}"));
    succeed(f, log_one(f, "user is missing", "{\"b\":\"é\"}"));
    succeed(f, log_one(f, "kind is missing", ""));
    succeed(f, tdl_store_rejects(f->store, 2, f->arena, &got, &n, &f->why));
    assert_int_equal(n, 2);
    assert_str(got[0].raw, "");
    assert_str(got[1].raw, "{\"b\":\"é\"}");
    assert_str(got[1].reason, "user is missing");
    assert_str(got[1].source, "posthog");
    assert_true(got[1].received_us == 7);
    succeed(f, tdl_store_count_rejects(f->store, 9, f->arena, &counts, &n, &f->why));
    assert_int_equal(n, 2);
    assert_str(counts[0].reason, "kind is missing");
    assert_true(counts[0].n == 2 && counts[0].newest_us == 7);
}

static void of_a_long_one_the_beginning_is_kept(void **state)
{
    fixture *f = *state;
    char raw[5001];
    tdl_reject *got;
    size_t n;

    for (size_t i = 0; i < 5000; i += 2)
        memcpy(raw + i, "é", 2);
    raw[5000] = '\0';
    succeed(f, log_one(f, "too long", raw + 1)); // so that a character lies across the end
    succeed(f, tdl_store_rejects(f->store, 9, f->arena, &got, &n, &f->why));
    assert_int_equal(got[0].raw.len, TDL_REJECT_RAW_MAX - 1);
}

/* Twenty a second, and maybe as many again when the second ends in between. */
static void a_flood_is_not_kept(void **state)
{
    fixture *f = *state;
    tdl_reject *got;
    tdl_status st = TDL_OK;
    size_t n;

    for (int i = 0; i < 1000; i++)
        st = log_one(f, "flood", "{}");
    refuse(f, st, TDL_E_FULL, "20 rejects a second");
    succeed(f, tdl_store_rejects(f->store, 1000, f->arena, &got, &n, &f->why));
    assert_in_range(n, TDL_REJECTS_A_SECOND, 500);
}

static void the_oldest_go(void **state)
{
    fixture *f = *state;

    outside(f, "INSERT INTO rejects(id, received_us, source, reason, raw)"
               " VALUES(1, 1, 's', 'r', ''), (2, 1, 's', 'r', ''), (10001, 1, 's', 'r', '')");
    if (f->on_postgres)
        outside(f, "ALTER TABLE rejects ALTER id RESTART WITH 10002");
    succeed(f, log_one(f, "new", "{}"));
    tdl_store_flush(f->store);
    assert_int_equal(outside_number(f, "SELECT count(*) FROM rejects"), 2);
    assert_int_equal(outside_number(f, "SELECT min(id) FROM rejects"), 10001);
}

static void an_erasure_takes_those_that_hold_the_id_and_no_others(void **state)
{
    static const char *const raw[] = {"{\"user\":\"ann-7\"}", "{\"user\":\"bob\"}", "",
                                      "{\"x\":[\"by ann-7\"]}", "{\"user\":\"ann-\"}"};
    fixture *f = *state;
    tdl_erasure erasure;
    tdl_reject *got;
    size_t n;

    for (size_t i = 0; i < sizeof raw / sizeof raw[0]; i++)
        succeed(f, log_one(f, "kind is missing", raw[i]));
    tdl_store_flush(f->store);
    const tdl_erase_request request = {.user = TDL_STR("ann-7")};
    succeed(f, tdl_store_erase(f->store, &request, f->arena, &erasure, &f->why));
    assert_non_null(memmem(erasure.receipt.at, erasure.receipt.len, "\"rejects\":2", 11));
    succeed(f, tdl_store_rejects(f->store, 9, f->arena, &got, &n, &f->why));
    assert_int_equal(n, 3);
    assert_str(got[0].raw, raw[4]);
    assert_str(got[1].raw, raw[2]);
    assert_str(got[2].raw, raw[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(what_is_kept_is_told_newest_first),
        STORE_TEST(of_a_long_one_the_beginning_is_kept),
        STORE_TEST(a_flood_is_not_kept),
        STORE_TEST(the_oldest_go),
        STORE_TEST(an_erasure_takes_those_that_hold_the_id_and_no_others),
    };
    return run_on_each_backend("store/rejects", tests);
}

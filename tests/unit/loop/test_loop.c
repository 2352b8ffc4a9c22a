#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/timestamp.h"
#include "loop/consent.h"

typedef struct fixture {
    char dir[64];
    tdl_loop *loop;
    tdl_arena *arena;
} fixture;

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *at)
{
    (void)status, (void)kind, (void)at;
    return remove(path);
}

static void open_loop(fixture *f)
{
    tdl_report why = {0};
    tdl_loop_options options = {.data_dir = f->dir, .exclusive = true, .threads = 1};
    if (tdl_loop_open(&options, &f->loop, NULL, &why))
        fail_msg("%s", why.message);
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);

    strcpy(f->dir, "/tmp/treadle-loop-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    f->arena = tdl_arena_new((size_t)8 << 20);
    open_loop(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;

    tdl_loop_close(f->loop);
    tdl_arena_free(f->arena);
    nftw(f->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(f);
    return 0;
}

static void store_event(fixture *f, const char *user, const char *item, const char *message_id,
                        const char *decision_id)
{
    tdl_event event = {.time_us = tdl_time_now(),
                       .user = tdl_str_of(user),
                       .kind = TDL_STR("view"),
                       .item = tdl_str_of(item),
                       .source = TDL_STR("test"),
                       .message_id = tdl_str_of(message_id),
                       .decision_id = tdl_str_of(decision_id)};
    tdl_report why = {0};
    if (tdl_store_append(tdl_loop_store(f->loop), &event, 1, NULL, &why))
        fail_msg("%s", why.message);
}

static tdl_decision decide(fixture *f, const char *user, size_t n)
{
    tdl_decision decision;
    tdl_report why = {0};
    tdl_buf extra = {0};
    tdl_jw w = {.out = &extra};
    tdl_ask ask = {.user = tdl_str_of(user), .n = n, .time_us = tdl_time_now()};

    tdl_jw_object(&w);
    if (tdl_loop_decide(f->loop, "recommend", &ask, f->arena, &decision, &w, &why))
        fail_msg("%s", why.message);
    tdl_jw_end_object(&w);
    tdl_buf_release(&extra);
    return decision;
}

static bool is_chosen(const tdl_decision *decision, const char *item)
{
    for (size_t i = 0; i < decision->candidates_n; i++)
        if (decision->candidates[i].chosen && tdl_str_is(decision->candidates[i].item, item))
            return true;
    return false;
}

static void every_answer_is_a_row_of_the_decision_log(void **state)
{
    fixture *f = *state;
    tdl_decision_row row;
    tdl_report why = {0};

    store_event(f, "ann", "tea", "1", NULL);
    store_event(f, "bob", "cake", "2", NULL);
    tdl_decision decision = decide(f, "ann", 3);
    assert_int_equal(tdl_store_get_decision(tdl_loop_store(f->loop), tdl_str_of(decision.id),
                                            f->arena, &row, &why),
                     TDL_OK);
    assert_true(tdl_str_is(row.decision.user, "ann"));
    assert_true(tdl_str_is(row.decision.app, "recommend"));
    assert_true(is_chosen(&row.decision, "cake"));
    assert_int_equal(row.rewards_n, 0);
}

static void an_event_that_carries_the_decision_is_its_reward(void **state)
{
    fixture *f = *state;
    tdl_decision_row row;

    store_event(f, "bob", "cake", "1", NULL);
    tdl_decision decision = decide(f, "ann", 3);
    store_event(f, "ann", "cake", "2", decision.id);
    assert_int_equal(tdl_store_get_decision(tdl_loop_store(f->loop), tdl_str_of(decision.id),
                                            f->arena, &row, NULL),
                     TDL_OK);
    assert_int_equal(row.rewards_n, 1);
    assert_true(tdl_str_is(row.rewards[0].item, "cake"));
}

static void what_a_user_just_saw_is_not_answered_again_without_training(void **state)
{
    fixture *f = *state;

    store_event(f, "bob", "cake", "1", NULL);
    store_event(f, "bob", "tea", "2", NULL);
    tdl_decision before = decide(f, "ann", 3);
    assert_true(is_chosen(&before, "cake"));
    store_event(f, "ann", "cake", "3", NULL);
    tdl_decision after = decide(f, "ann", 3);
    assert_false(is_chosen(&after, "cake"));
    assert_true(is_chosen(&after, "tea"));
}

static void state_is_rebuilt_from_the_store_when_it_opens_again(void **state)
{
    fixture *f = *state;

    store_event(f, "bob", "cake", "1", NULL);
    store_event(f, "ann", "cake", "2", NULL);
    store_event(f, "bob", "tea", "3", NULL);
    tdl_loop_close(f->loop);
    open_loop(f);
    tdl_decision decision = decide(f, "ann", 3);
    assert_false(is_chosen(&decision, "cake"));
    assert_true(is_chosen(&decision, "tea"));
}

static void say(fixture *f, const char *user, tdl_purpose purpose, bool granted)
{
    tdl_consent word = {.purpose = purpose,
                        .granted = granted,
                        .time_us = tdl_time_now(),
                        .source = TDL_STR("test")};
    tdl_report why = {0};

    if (tdl_loop_put_consent(f->loop, tdl_str_of(user), &word, &why))
        fail_msg("%s", why.message);
}

/* The text of the reasons is the application's; here it is enough that they say so. */
static bool says_no_consent(fixture *f, const tdl_decision *decision)
{
    tdl_buf reasons = {0};
    tdl_jw w = {.out = &reasons};

    assert_int_equal(tdl_loop_explain(f->loop, decision, &w, NULL), TDL_OK);
    bool says = strstr(reasons.at, "no_consent") != NULL;
    tdl_buf_release(&reasons);
    return says;
}

static void an_answer_without_consent_does_not_look_at_the_person(void **state)
{
    fixture *f = *state;
    tdl_decision_row row;

    store_event(f, "bob", "cake", "1", NULL);
    store_event(f, "bob", "tea", "2", NULL);
    store_event(f, "ann", "cake", "3", NULL);
    say(f, "ann", TDL_PURPOSE_PERSONALISATION, false);
    tdl_decision denied = decide(f, "ann", 3);
    assert_true(is_chosen(&denied, "cake")); // which ann has seen
    assert_true(says_no_consent(f, &denied));
    assert_int_equal(tdl_store_get_decision(tdl_loop_store(f->loop), tdl_str_of(denied.id),
                                            f->arena, &row, NULL),
                     TDL_OK);
    assert_true(says_no_consent(f, &row.decision));
    tdl_loop_close(f->loop);
    open_loop(f);
    denied = decide(f, "ann", 3);
    assert_true(says_no_consent(f, &denied));
    say(f, "ann", TDL_PURPOSE_PERSONALISATION, true);
    tdl_decision allowed = decide(f, "ann", 3);
    assert_false(is_chosen(&allowed, "cake"));
    assert_false(says_no_consent(f, &allowed));
}

static void consent_of_ids_that_are_joined_is_one(void **state)
{
    fixture *f = *state;
    tdl_event join = {.time_us = tdl_time_now(),
                      .user = TDL_STR("ann"),
                      .alias = TDL_STR("phone"),
                      .kind = TDL_STR("$identify"),
                      .source = TDL_STR("test"),
                      .message_id = TDL_STR("join")};

    store_event(f, "bob", "cake", "1", NULL);
    say(f, "phone", TDL_PURPOSE_PERSONALISATION, false);
    tdl_decision before = decide(f, "ann", 3);
    assert_false(says_no_consent(f, &before));
    assert_int_equal(tdl_store_append(tdl_loop_store(f->loop), &join, 1, NULL, NULL), TDL_OK);
    tdl_decision after = decide(f, "ann", 3);
    assert_true(says_no_consent(f, &after));
}

/* Its own event is dropped, and what it says is known at once all the same. */
static void words_in_an_event_hold_for_the_next_answer(void **state)
{
    fixture *f = *state;
    tdl_event e = {.time_us = tdl_time_now(),
                   .user = TDL_STR("ann"),
                   .kind = TDL_STR("$identify"),
                   .source = TDL_STR("test"),
                   .message_id = TDL_STR("words"),
                   .denies = TDL_PURPOSE_PERSONALISATION | TDL_PURPOSE_ANALYTICS};
    size_t new_n = 9;

    store_event(f, "bob", "cake", "1", NULL);
    assert_int_equal(tdl_store_append(tdl_loop_store(f->loop), &e, 1, &new_n, NULL), TDL_OK);
    assert_int_equal(new_n, 0);
    tdl_decision decision = decide(f, "ann", 3);
    assert_true(says_no_consent(f, &decision));
}

static void what_another_process_was_told_is_known_after_a_tick(void **state)
{
    fixture *f = *state;
    tdl_consent word = {.purpose = TDL_PURPOSE_PERSONALISATION,
                        .time_us = tdl_time_now(),
                        .source = TDL_STR("test")};
    char path[96];
    tdl_store *other;

    store_event(f, "bob", "cake", "1", NULL);
    snprintf(path, sizeof path, "%s/treadle.db", f->dir);
    assert_int_equal(tdl_store_open(path, NULL, &other, NULL), TDL_OK);
    assert_int_equal(tdl_store_put_consent(other, TDL_STR("ann"), &word, NULL), TDL_OK);
    assert_int_equal(tdl_loop_tick(f->loop, NULL), TDL_OK);
    tdl_decision denied = decide(f, "ann", 3), bob = decide(f, "bob", 3);
    assert_true(says_no_consent(f, &denied));
    assert_false(says_no_consent(f, &bob));
    assert_int_equal(tdl_store_put_consent_default(other, TDL_PURPOSE_PERSONALISATION, NULL),
                     TDL_OK);
    tdl_store_close(other);
    assert_int_equal(tdl_loop_tick(f->loop, NULL), TDL_OK);
    bob = decide(f, "bob", 3);
    assert_true(says_no_consent(f, &bob));
}

static void a_folder_in_use_is_refused_and_the_holder_named(void **state)
{
    fixture *f = *state;
    tdl_loop *second = NULL;
    tdl_report why = {0};
    char pid[32];
    tdl_loop_options options = {.data_dir = f->dir, .exclusive = true, .threads = 1};

    assert_int_equal(tdl_loop_open(&options, &second, NULL, &why), TDL_E_CONFLICT);
    assert_null(second);
    snprintf(pid, sizeof pid, "process %ld", (long)getpid());
    assert_non_null(strstr(why.message, pid));
}

static void an_unknown_app_is_not_found(void **state)
{
    fixture *f = *state;
    tdl_report why = {0};

    assert_int_equal(tdl_loop_train_start(f->loop, "horoscope", 1, &why), TDL_E_NOT_FOUND);
    assert_non_null(strstr(why.message, "horoscope"));
}

static void stored_events_show_in_the_rate(void **state)
{
    fixture *f = *state;
    uint32_t rate[TDL_RATE_SECONDS];
    uint64_t total = 0;

    store_event(f, "bob", "cake", "1", NULL);
    store_event(f, "bob", "cake", "1", NULL); // a duplicate is no event
    for (int64_t end_us = tdl_time_monotonic() + 2000000; tdl_time_monotonic() < end_us;)
        usleep(50000);
    tdl_loop_event_rate(f->loop, rate);
    for (size_t i = 0; i < TDL_RATE_SECONDS; i++)
        total += rate[i];
    assert_int_equal(total, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_answer_is_a_row_of_the_decision_log, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_event_that_carries_the_decision_is_its_reward, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_a_user_just_saw_is_not_answered_again_without_training,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(state_is_rebuilt_from_the_store_when_it_opens_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_answer_without_consent_does_not_look_at_the_person,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(consent_of_ids_that_are_joined_is_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(words_in_an_event_hold_for_the_next_answer, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_another_process_was_told_is_known_after_a_tick, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_folder_in_use_is_refused_and_the_holder_named, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_unknown_app_is_not_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stored_events_show_in_the_rate, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("loop/loop", tests, NULL, NULL);
}

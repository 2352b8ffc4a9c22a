/* The app as the loop sees it: open, learn, decide, train, refresh; over a real store. */
#include "stored.h"

#include <pthread.h>

#include "apps/app.h"
#include "apps/recommend/ladder.h"
#include "base/file.h"
#include "base/timestamp.h"

static const tdl_app_ops *const ops = &tdl_recommend_app;

typedef struct fixture {
    stored s;
    tdl_app *app;
    tdl_report warning;
    tdl_arena *arena;
    tdl_buf extra;
    tdl_decision decision;
} fixture;

static void learn(void *context, const tdl_event *event, int64_t seq)
{
    ops->learn_one(((fixture *)context)->app, event, seq);
}

static void open_app(fixture *f)
{
    tdl_app_context context = {.store = f->s.store, .data_dir = f->s.folder};
    tdl_report why = {0};

    f->warning = (tdl_report){0};
    expect_ok(ops->open(&context, &f->app, &f->warning, &why), &why);
    tdl_store_observe(f->s.store, learn, f);
}

static void close_app(fixture *f)
{
    tdl_store_observe(f->s.store, NULL, NULL);
    ops->close(f->app);
    f->app = NULL;
}

static void reopen(fixture *f)
{
    close_app(f);
    tdl_store_close(f->s.store);
    open_store(&f->s);
    open_app(f);
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);

    set_up_store(&f->s);
    f->arena = tdl_arena_new(8 << 20);
    open_app(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;

    close_app(f);
    tear_down_store(&f->s);
    tdl_arena_free(f->arena);
    tdl_buf_release(&f->extra);
    free(f);
    return 0;
}

static tdl_status ask(fixture *f, const tdl_ask *question, tdl_report *why)
{
    tdl_jw w = {.out = &f->extra};

    tdl_arena_reset(f->arena);
    tdl_buf_clear(&f->extra);
    f->decision = (tdl_decision){0};
    tdl_jw_object(&w);
    tdl_status st = ops->decide(f->app, question, f->arena, &f->decision, &w, why);
    if (!st)
        tdl_jw_end_object(&w);
    return st;
}

static void ask_for(fixture *f, const char *user, size_t n)
{
    tdl_ask question = {.user = tdl_str_of(user), .n = n, .time_us = 1};
    tdl_report why = {0};

    expect_ok(ask(f, &question, &why), &why);
}

static void ask_similar(fixture *f, const char *item, size_t n)
{
    tdl_ask question = {.item = tdl_str_of(item), .n = n, .time_us = 1};
    tdl_report why = {0};

    expect_ok(ask(f, &question, &why), &why);
}

/* The answer's own members; json_decref it. */
static json_t *answer(const fixture *f)
{
    tdl_report why = {0};
    json_t *parsed = NULL;

    expect_ok(tdl_json_parse(tdl_buf_view(&f->extra), TDL_JSON_REFUSE_DUPLICATES, &parsed, &why),
              &why);
    return parsed;
}

/* The reasons of the decision in full, as the API shows them; json_decref it. */
static json_t *explained(fixture *f)
{
    tdl_buf out = {0};
    tdl_jw w = {.out = &out};
    tdl_report why = {0};
    json_t *parsed = NULL;

    expect_ok(ops->explain(f->app, &f->decision, &w, &why), &why);
    expect_ok(tdl_json_parse(tdl_buf_view(&out), TDL_JSON_REFUSE_DUPLICATES, &parsed, &why), &why);
    tdl_buf_release(&out);
    return parsed;
}

static tdl_status explain_bytes(fixture *f, tdl_str bytes)
{
    tdl_buf out = {0};
    tdl_jw w = {.out = &out};
    tdl_decision decision = f->decision;

    decision.why = bytes;
    tdl_status st = ops->explain(f->app, &decision, &w, NULL);
    tdl_buf_release(&out);
    return st;
}

static void expect_answered_by(const fixture *f, const char *rung, const char *fallback)
{
    json_t *parsed = answer(f);
    const char *found = json_string_value(json_object_get(parsed, "fallback"));

    assert_string_equal(json_string_value(json_object_get(parsed, "rung")), rung);
    assert_true(fallback ? found && !strcmp(found, fallback)
                         : json_is_null(json_object_get(parsed, "fallback")));
    json_decref(parsed);
}

/* Where `item` stands among the candidates, or their number. */
static size_t find_candidate(const fixture *f, const char *item)
{
    size_t i = 0;

    while (i < f->decision.candidates_n && !tdl_str_is(f->decision.candidates[i].item, item))
        i++;
    return i;
}

static void expect_items(const fixture *f, const char *const *item, size_t n)
{
    assert_int_equal(f->decision.candidates_n, n);
    for (size_t i = 0; i < n; i++)
        if (!tdl_str_is(f->decision.candidates[i].item, item[i]))
            fail_msg("candidate %zu is %.*s, expected %s", i,
                     TDL_FMT(f->decision.candidates[i].item), item[i]);
}

/* Thirty users walk along ten items in a circle: after item k comes k + 1. */
static void store_walks(fixture *f)
{
    enum { WALKERS = 30, STEPS = 6 };
    struct {
        char user[16], item[16], message_id[24];
    } text[WALKERS * STEPS];
    tdl_event events[WALKERS * STEPS];
    char item[16];
    tdl_report why = {0};

    for (int i = 0; i < 10; i++) {
        char title[24];
        snprintf(item, sizeof item, "i%d", i);
        snprintf(title, sizeof title, "Item number %d", i);
        store_item(&f->s, item, title);
        tdl_item changed = {.id = tdl_str_of(item), .title = tdl_str_of(title)};
        ops->item_changed(f->app, &changed);
    }
    for (int u = 0; u < WALKERS; u++)
        for (int k = 0; k < STEPS; k++) {
            int n = u * STEPS + k;
            snprintf(text[n].user, sizeof text[n].user, "u%d", u);
            snprintf(text[n].item, sizeof text[n].item, "i%d", (u + k) % 10);
            snprintf(text[n].message_id, sizeof text[n].message_id, "walk %d", n);
            events[n] = (tdl_event){.time_us = 1000000LL * (k + 1),
                                    .user = tdl_str_of(text[n].user),
                                    .kind = TDL_STR("view"),
                                    .item = tdl_str_of(text[n].item),
                                    .source = TDL_STR("test"),
                                    .message_id = tdl_str_of(text[n].message_id)};
        }
    expect_ok(tdl_store_append(f->s.store, events, COUNT(events), NULL, &why), &why);
}

static json_t *train(fixture *f, bool activate)
{
    tdl_train_options options = {.seed = 1, .activate = activate};
    tdl_buf report = {0};
    tdl_report why = {0};
    json_t *parsed = NULL;

    expect_ok(ops->train(f->app, &options, &report, &why), &why);
    expect_ok(tdl_json_parse(tdl_buf_view(&report), TDL_JSON_REFUSE_DUPLICATES, &parsed, &why),
              &why);
    tdl_buf_release(&report);
    return parsed;
}

static void train_quietly(fixture *f)
{
    json_decref(train(f, true));
}

/* ---- before any model ---- */

static void an_empty_store_answers_with_nothing(void **state)
{
    fixture *f = *state;

    ask_for(f, "ann", 10);
    assert_int_equal(f->decision.candidates_n, 0);
    json_t *reasons = explained(f);
    assert_true(json_is_array(reasons) && !json_array_size(reasons));
    json_decref(reasons);
    assert_int_equal(f->decision.model_version.len, 0);
    expect_answered_by(f, "popularity", "stranger");
}

static void a_stranger_gets_what_most_users_have(void **state)
{
    const char *const expected[] = {"b", "a", "c"};
    fixture *f = *state;

    store_event(&f->s, "u1", "a", 1);
    store_event(&f->s, "u1", "b", 2);
    store_event(&f->s, "u2", "b", 3);
    store_event(&f->s, "u2", "b", 4); /* again: still one user */
    store_event(&f->s, "u3", "c", 5);
    ask_for(f, "nobody", 2);
    expect_items(f, expected, 3); /* two and a runner-up; ties by first appearance */
    expect_answered_by(f, "popularity", "stranger");
    assert_true(f->decision.candidates[0].score == 0); /* log-odds against the best of so few */
    assert_true(f->decision.candidates[1].score < 0);
}

static void without_a_model_a_known_user_is_told_so(void **state)
{
    const char *const expected[] = {"b"};
    fixture *f = *state;

    store_event(&f->s, "u1", "a", 1);
    store_event(&f->s, "u2", "b", 2);
    ask_for(f, "u1", 10);
    expect_items(f, expected, 1); /* never what the user has seen */
    expect_answered_by(f, "popularity", "no_model");
}

static void questions_out_of_range_are_refused(void **state)
{
    const tdl_ask nobody = {.n = 5}, none = {.user = TDL_STR("u"), .n = 0},
                  many = {.user = TDL_STR("u"), .n = 101};
    fixture *f = *state;
    tdl_report why = {0};

    assert_int_equal(ask(f, &nobody, &why), TDL_E_INVALID);
    assert_int_equal(ask(f, &none, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "1 to 100"));
    assert_int_equal(ask(f, &many, &why), TDL_E_INVALID);
}

static void a_request_without_memory_is_refused_and_the_next_one_served(void **state)
{
    fixture *f = *state;
    tdl_arena *enough = f->arena;
    tdl_ask question = {.user = TDL_STR("u1"), .n = 100, .time_us = 1};
    tdl_report why = {0};

    store_walks(f);
    train_quietly(f);
    for (size_t budget = 1024; budget <= 16384; budget += 1024) {
        f->arena = tdl_arena_new(budget);
        tdl_status st = ask(f, &question, &why);
        assert_true(st == TDL_OK || st == TDL_E_NO_MEMORY);
        tdl_arena_free(f->arena);
    }
    f->arena = enough;
    ask_for(f, "u1", 10);
    assert_int_equal(f->decision.candidates_n, 4);
}

/* ---- with a model ---- */

static void training_promotes_what_knows_the_order_and_says_why(void **state)
{
    fixture *f = *state;

    store_walks(f);
    json_t *report = train(f, true);
    const char *promoted = json_string_value(json_object_get(report, "promoted"));
    assert_non_null(promoted);
    assert_string_not_equal(promoted, "popularity"); /* a circle has no popular item */
    assert_int_equal(json_array_size(json_object_get(report, "evaluation")), TDL_RUNGS_N);
    assert_int_equal(json_integer_value(json_object_get(report, "users")), 30);
    assert_int_equal(json_integer_value(json_object_get(report, "items")), 10);
    ask_for(f, "u0", 2); /* has i0 to i5 */
    assert_int_equal(find_candidate(f, "i6"), 0);
    assert_non_null(strstr(f->extra.at, "\"title\":\"Item number 6\""));
    assert_true(f->decision.model_version.len > 0);
    expect_answered_by(f, promoted, NULL);
    json_decref(report);
}

static void the_answer_is_chosen_items_then_as_many_runners_up(void **state)
{
    fixture *f = *state;

    store_walks(f);
    train_quietly(f);
    ask_for(f, "u0", 2);
    assert_int_equal(f->decision.candidates_n, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_true(f->decision.candidates[i].chosen == (i < 2));
        assert_true(f->decision.candidates[i].propensity == (i < 2 ? 1 : 0));
        assert_true(f->decision.candidates[i].score <= f->decision.candidates[0].score);
    }
}

static void every_chosen_item_has_its_reasons_in_the_answer_and_in_the_row(void **state)
{
    fixture *f = *state;

    store_walks(f);
    train_quietly(f);
    ask_for(f, "u0", 3);
    json_t *row = explained(f), *given = answer(f), *items = json_object_get(given, "items");
    assert_int_equal(json_array_size(row), 3);
    assert_int_equal(json_array_size(items), 3);
    for (size_t i = 0; i < 3; i++) {
        json_t *one = json_array_get(row, i), *reasons = json_object_get(one, "reasons");
        assert_true(tdl_str_is(f->decision.candidates[i].item,
                               json_string_value(json_object_get(one, "item"))));
        assert_true(json_array_size(reasons) >= 1 && json_array_size(reasons) <= 3);
        assert_true(json_equal(reasons, json_object_get(json_array_get(items, i), "reasons")));
    }
    json_t *first = json_array_get(json_object_get(json_array_get(row, 0), "reasons"), 0);
    assert_string_equal(json_string_value(json_object_get(first, "kind")), "event");
    const char *item = json_string_value(json_object_get(first, "item"));
    assert_int_equal(find_candidate(f, item), f->decision.candidates_n); /* one of the history */
    assert_non_null(strstr(json_string_value(json_object_get(first, "title")), "Item number"));
    assert_non_null(strstr(json_string_value(json_object_get(first, "time")), "1970-01-01T"));
    json_decref(row);
    json_decref(given);
}

static void reasons_are_told_with_the_titles_of_today_and_the_times_of_then(void **state)
{
    fixture *f = *state;

    store_walks(f);
    train_quietly(f);
    ask_for(f, "u0", 1);
    json_t *then = explained(f);
    json_t *reason = json_array_get(json_object_get(json_array_get(then, 0), "reasons"), 0);
    const char *item = json_string_value(json_object_get(reason, "item"));
    tdl_item renamed = {.id = tdl_str_of(item), .title = TDL_STR("\"New\" title")};
    ops->item_changed(f->app, &renamed);
    store_event(&f->s, "u0", item, 1); /* a late event: now it stands earlier in the history */
    train_quietly(f);                  /* and another model serves */
    json_t *now = explained(f);
    json_object_set_new(reason, "title", json_string("\"New\" title"));
    assert_true(json_array_size(then) == json_array_size(now));
    for (size_t i = 1; i < json_array_size(json_object_get(json_array_get(then, 0), "reasons"));
         i++)
        assert_true(
            json_equal(json_array_get(json_object_get(json_array_get(then, 0), "reasons"), i),
                       json_array_get(json_object_get(json_array_get(now, 0), "reasons"), i)));
    assert_true(
        json_equal(reason, json_array_get(json_object_get(json_array_get(now, 0), "reasons"), 0)));
    json_decref(then);
    json_decref(now);
}

static void popular_items_are_explained_as_such(void **state)
{
    fixture *f = *state;

    store_event(&f->s, "u1", "a", 1);
    ask_for(f, "nobody", 1);
    json_t *row = explained(f), *one = json_array_get(row, 0), *expected = NULL;
    expect_ok(tdl_json_parse(TDL_STR("[{\"kind\":\"popular\",\"share\":1,\"exact\":true}]"),
                             TDL_JSON_REFUSE_DUPLICATES, &expected, NULL),
              NULL);
    assert_int_equal(json_array_size(row), 1);
    assert_string_equal(json_string_value(json_object_get(one, "item")), "a");
    assert_true(json_equal(json_object_get(one, "reasons"), expected));
    json_decref(expected);
    json_decref(row);
}

/* Before reasons were packed the row held the full JSON. */
static void rows_of_older_versions_read_as_they_were_written(void **state)
{
    static const char old[] = "[{\"item\":\"i6\",\"reasons\":[{\"kind\":\"event\",\"item\":\"i5\","
                              "\"title\":\"Item number 5\",\"time\":\"1970-01-01T00:00:06Z\","
                              "\"share\":0.5,\"exact\":true}]}]";
    fixture *f = *state;
    json_t *expected = NULL;

    ask_for(f, "nobody", 1);
    f->decision.why = tdl_str_of(old);
    json_t *row = explained(f);
    expect_ok(tdl_json_parse(tdl_str_of(old), TDL_JSON_REFUSE_DUPLICATES, &expected, NULL), NULL);
    assert_true(json_equal(row, expected));
    json_decref(expected);
    json_decref(row);
    f->decision.why = (tdl_str){0};
    row = explained(f);
    assert_true(json_is_array(row) && !json_array_size(row));
    json_decref(row);
    assert_int_equal(explain_bytes(f, TDL_STR("[{\"item\":")), TDL_E_CORRUPT);
}

/* Every beginning of a row, and every row with one byte changed: refused, or still an array. */
static void damaged_reasons_are_refused(void **state)
{
    fixture *f = *state;
    char bytes[1024];

    store_walks(f);
    train_quietly(f);
    ask_for(f, "u0", 3);
    tdl_str whole = f->decision.why;
    assert_true(whole.len < sizeof bytes);
    assert_int_equal(explain_bytes(f, whole), TDL_OK);
    for (size_t n = 1; n < whole.len; n++)
        assert_int_equal(explain_bytes(f, (tdl_str){whole.at, n}), TDL_E_CORRUPT);
    memcpy(bytes, whole.at, whole.len);
    bytes[whole.len] = 0;
    assert_int_equal(explain_bytes(f, (tdl_str){bytes, whole.len + 1}), TDL_E_CORRUPT);
    for (size_t i = 0; i < whole.len; i++)
        for (int bit = 0; bit < 8; bit++) {
            bytes[i] = (char)(bytes[i] ^ 1 << bit);
            tdl_status st = explain_bytes(f, (tdl_str){bytes, whole.len});
            assert_true(st == TDL_OK || st == TDL_E_CORRUPT);
            bytes[i] = whole.at[i];
        }
    tdl_candidate fewer = f->decision.candidates[0];
    f->decision.candidates = &fewer;
    f->decision.candidates_n = 1;
    assert_int_equal(explain_bytes(f, whole), TDL_E_CORRUPT);
}

static void an_event_changes_the_next_answer_without_training(void **state)
{
    fixture *f = *state;

    store_walks(f);
    train_quietly(f);
    ask_for(f, "u0", 1);
    assert_int_equal(find_candidate(f, "i6"), 0);
    store_event(&f->s, "u0", "i6", 100000000);
    ask_for(f, "u0", 1);
    assert_int_equal(find_candidate(f, "i6"), f->decision.candidates_n); /* gone */
    assert_int_equal(find_candidate(f, "i7"), 0);                        /* the context moved */
}

static void one_event_makes_a_stranger_a_user(void **state)
{
    fixture *f = *state;

    store_walks(f);
    train_quietly(f);
    ask_for(f, "new", 1);
    expect_answered_by(f, "popularity", "stranger");
    assert_true(f->decision.model_version.len > 0);
    store_event(&f->s, "new", "i3", 100000000);
    ask_for(f, "new", 1);
    assert_int_equal(find_candidate(f, "i4"), 0);
}

static void a_history_the_model_does_not_know_is_a_strangers(void **state)
{
    fixture *f = *state;

    store_walks(f);
    train_quietly(f);
    store_event(&f->s, "new", "came later", 100000000);
    ask_for(f, "new", 10);
    expect_answered_by(f, "popularity", "stranger");
    assert_int_equal(f->decision.candidates_n, 10);
    assert_int_equal(find_candidate(f, "came later"), 10);
}

static void where_the_model_is_silent_popular_items_follow(void **state)
{
    fixture *f = *state;

    store_walks(f);
    train_quietly(f);
    store_event(&f->s, "other", "came later", 100000000);
    ask_for(f, "u0", 10);
    assert_int_equal(f->decision.candidates_n, 5); /* i6 to i9, then the new one */
    assert_int_equal(find_candidate(f, "came later"), 4);
    for (size_t i = 0; i < 4; i++)
        assert_true(f->decision.candidates[4].score < f->decision.candidates[i].score);
    assert_non_null(strstr(f->extra.at, "\"kind\":\"popular\""));
}

static const json_t *next_new_of(fixture *f, const tdl_ask *question, json_t **ret_answer)
{
    tdl_report why = {0};

    expect_ok(ask(f, question, &why), &why);
    *ret_answer = answer(f);
    return json_object_get(*ret_answer, "next_new");
}

static double chance(const json_t *next, const char *key)
{
    assert_true(json_is_number(json_object_get(next, key)));
    return json_number_value(json_object_get(next, key));
}

static void whoever_asks_is_told_when_a_person_takes_something_new(void **state)
{
    fixture *f = *state;
    tdl_ask question = {.user = TDL_STR("u0"), .n = 3, .time_us = 7000000, .forecast = true};
    json_t *root;

    store_walks(f);
    train_quietly(f);
    const json_t *next = next_new_of(f, &question, &root);
    double week = chance(next, "within_7_days"), month = chance(next, "within_30_days");
    assert_true(week > .5 && week <= month && month <= 1); // they took something every second
    assert_string_equal(json_string_value(json_object_get(next, "last")), "1970-01-01T00:00:06Z");
    json_decref(root);
    reopen(f);
    next = next_new_of(f, &question, &root);
    expect_near(chance(next, "within_7_days"), week, 0);
    json_decref(root);
    question.time_us = INT64_MAX; // long gone
    next = next_new_of(f, &question, &root);
    assert_true(chance(next, "within_30_days") < week);
    json_decref(root);
    question.impersonal = true;
    assert_null(next_new_of(f, &question, &root));
    json_decref(root);
    question = (tdl_ask){.user = TDL_STR("nobody"), .n = 3, .time_us = 1, .forecast = true};
    assert_null(next_new_of(f, &question, &root));
    json_decref(root);
    question = (tdl_ask){.user = TDL_STR("u0"), .n = 3, .time_us = 1};
    assert_null(next_new_of(f, &question, &root));
    json_decref(root);
}

static void the_same_question_has_the_same_answer_and_context(void **state)
{
    fixture *f = *state;
    uint8_t hash[16];
    char row[4096];

    store_walks(f);
    train_quietly(f);
    ask_for(f, "u0", 3);
    memcpy(hash, f->decision.context_hash, sizeof hash);
    assert_true(f->decision.why.len < sizeof row);
    memcpy(row, f->decision.why.at, f->decision.why.len);
    reopen(f);
    assert_int_equal(f->warning.status, TDL_OK);
    ask_for(f, "u0", 3);
    assert_memory_equal(hash, f->decision.context_hash, sizeof hash);
    assert_memory_equal(row, f->decision.why.at, f->decision.why.len);
    ask_for(f, "u0", 4);
    assert_memory_not_equal(hash, f->decision.context_hash, sizeof hash);
    ask_for(f, "u10", 3); /* walked the same way at the same times, but is somebody else */
    assert_memory_not_equal(hash, f->decision.context_hash, sizeof hash);
    store_event(&f->s, "u0", "i6", 100000000);
    ask_for(f, "u0", 3);
    assert_memory_not_equal(hash, f->decision.context_hash, sizeof hash);
}

/* A late event moves an item; what serves must be what a restart would replay. */
static void late_events_are_where_a_restart_would_put_them(void **state)
{
    fixture *f = *state;
    uint8_t hash[16];

    store_walks(f);
    train_quietly(f);
    store_event(&f->s, "u0", "i8", 1500000); /* between two others */
    store_event(&f->s, "u0", "i3", 1200000); /* known, but earlier than thought */
    ask_for(f, "u0", 2);
    memcpy(hash, f->decision.context_hash, sizeof hash);
    reopen(f);
    ask_for(f, "u0", 2);
    assert_memory_equal(hash, f->decision.context_hash, sizeof hash);
}

static void titles_follow_the_catalogue(void **state)
{
    fixture *f = *state;
    tdl_item changed = {.id = TDL_STR("i6"), .title = TDL_STR("A new name")};

    store_walks(f);
    train_quietly(f);
    ops->item_changed(f->app, &changed);
    ask_for(f, "u0", 1);
    assert_non_null(strstr(f->extra.at, "\"id\":\"i6\",\"title\":\"A new name\""));
}

/* ---- similar ---- */

static void similar_items_leave_out_the_item_itself(void **state)
{
    fixture *f = *state;

    store_walks(f);
    train_quietly(f);
    ask_similar(f, "i3", 10);
    assert_int_equal(f->decision.candidates_n, 9);
    assert_int_equal(find_candidate(f, "i3"), 9);
    assert_true(find_candidate(f, "i4") < find_candidate(f, "i8")); /* next beats five away */
    assert_int_equal(f->decision.user.len, 0);
}

static void similar_to_an_unknown_item_is_not_found(void **state)
{
    const tdl_ask question = {.item = TDL_STR("no such thing"), .n = 5};
    fixture *f = *state;
    tdl_report why = {0};

    assert_int_equal(ask(f, &question, &why), TDL_E_NOT_FOUND);
    assert_non_null(strstr(why.message, "no such thing"));
}

static void similar_without_a_model_falls_back(void **state)
{
    const char *const expected[] = {"b"};
    fixture *f = *state;

    store_event(&f->s, "u1", "a", 1);
    store_event(&f->s, "u2", "b", 2);
    ask_similar(f, "a", 5);
    expect_items(f, expected, 1);
    expect_answered_by(f, "popularity", "no_model");
}

/* ---- models ---- */

static void a_trained_model_serves_after_a_restart(void **state)
{
    fixture *f = *state;
    char version[64];

    store_walks(f);
    train_quietly(f);
    ask_for(f, "u0", 1);
    snprintf(version, sizeof version, "%.*s", TDL_FMT(f->decision.model_version));
    assert_int_equal(strncmp(version, "recommend-", 10), 0);
    reopen(f);
    ask_for(f, "u0", 1);
    assert_true(tdl_str_is(f->decision.model_version, version));
    assert_int_equal(find_candidate(f, "i6"), 0);
}

static void the_row_describes_the_file(void **state)
{
    fixture *f = *state;
    tdl_model_row *rows;
    tdl_buf bytes = {0};
    tdl_report why = {0};
    char path[200];
    size_t n;

    store_walks(f);
    train_quietly(f);
    expect_ok(tdl_store_models(f->s.store, TDL_STR("recommend"), f->arena, &rows, &n, &why), &why);
    assert_int_equal(n, 1);
    assert_true(rows[0].active);
    snprintf(path, sizeof path, "%s/%.*s", f->s.folder, TDL_FMT(rows[0].path));
    expect_ok(tdl_file_read(path, 1 << 26, &bytes, &why), &why);
    assert_int_equal(rows[0].bytes, (int64_t)bytes.len);
    assert_int_equal(strlen(rows[0].hash), 64);
    assert_non_null(memmem(rows[0].report.at, rows[0].report.len, "\"promoted\"", 10));
    tdl_buf_release(&bytes);
}

static void training_without_activating_leaves_the_serving_model(void **state)
{
    fixture *f = *state;
    tdl_model_row *rows;
    tdl_report why = {0};
    size_t n;

    store_walks(f);
    json_decref(train(f, false));
    ask_for(f, "u0", 1);
    expect_answered_by(f, "popularity", "no_model");
    expect_ok(tdl_store_models(f->s.store, TDL_STR("recommend"), f->arena, &rows, &n, &why), &why);
    assert_int_equal(n, 1);
    assert_false(rows[0].active);
    expect_ok(tdl_store_activate_model(f->s.store, rows[0].version, &why), &why);
    expect_ok(ops->refresh(f->app, &why), &why);
    ask_for(f, "u0", 1);
    assert_int_equal(find_candidate(f, "i6"), 0);
}

static void evaluating_writes_nothing(void **state)
{
    fixture *f = *state;
    tdl_train_options options = {.seed = 1, .activate = true};
    tdl_buf report = {0};
    tdl_model_row *rows;
    tdl_report why = {0};
    size_t n;

    store_walks(f);
    expect_ok(ops->evaluate(f->app, &options, &report, &why), &why);
    assert_non_null(strstr(report.at, "\"evaluation\""));
    expect_ok(tdl_store_models(f->s.store, TDL_STR("recommend"), f->arena, &rows, &n, &why), &why);
    assert_int_equal(n, 0);
    ask_for(f, "u0", 1);
    expect_answered_by(f, "popularity", "no_model");
    tdl_buf_release(&report);
}

static void too_few_events_are_no_model_and_a_clear_report(void **state)
{
    fixture *f = *state;
    tdl_train_options options = {.seed = 1, .activate = true};
    tdl_buf report = {0};
    tdl_report why = {0};

    store_event(&f->s, "u1", "a", 1);
    assert_int_equal(ops->train(f->app, &options, &report, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "too few users"));
    assert_int_equal(report.len, 0);
    ask_for(f, "u2", 1);
    assert_int_equal(f->decision.candidates_n, 1);
}

static bool stop_at_once(void *context, const char *stage, double done, const char *detail)
{
    TDL_UNUSED(context);
    TDL_UNUSED(stage);
    TDL_UNUSED(done);
    TDL_UNUSED(detail);
    return false;
}

static void training_stops_on_request_and_leaves_the_serving_model(void **state)
{
    fixture *f = *state;
    tdl_train_options options = {.seed = 1, .activate = true, .progress = stop_at_once};
    tdl_buf report = {0};
    tdl_report why = {0};

    store_walks(f);
    train_quietly(f);
    assert_int_equal(ops->train(f->app, &options, &report, &why), TDL_E_STOPPED);
    ask_for(f, "u0", 1);
    assert_int_equal(find_candidate(f, "i6"), 0);
}

/* Path of the one model's file. */
static void model_path(fixture *f, char ret[200])
{
    tdl_model_row *rows;
    tdl_report why = {0};
    size_t n;

    expect_ok(tdl_store_models(f->s.store, TDL_STR("recommend"), f->arena, &rows, &n, &why), &why);
    assert_int_equal(n, 1);
    snprintf(ret, 200, "%s/%.*s", f->s.folder, TDL_FMT(rows[0].path));
}

static void a_damaged_model_file_is_a_warning_and_popularity_serves(void **state)
{
    fixture *f = *state;
    char path[200];
    tdl_report why = {0};

    store_walks(f);
    train_quietly(f);
    model_path(f, path);
    expect_ok(tdl_file_write(path, TDL_STR("not a model"), &why), &why);
    reopen(f);
    assert_int_equal(f->warning.status, TDL_E_CORRUPT);
    assert_non_null(strstr(f->warning.message, path));
    ask_for(f, "u0", 3);
    assert_int_equal(f->decision.candidates_n, 4);
    expect_answered_by(f, "popularity", "no_model");
}

static void a_missing_model_file_is_a_warning_and_training_mends_it(void **state)
{
    fixture *f = *state;
    char path[200];

    store_walks(f);
    train_quietly(f);
    model_path(f, path);
    assert_int_equal(remove(path), 0);
    reopen(f);
    assert_int_equal(f->warning.status, TDL_E_NOT_FOUND);
    train_quietly(f);
    ask_for(f, "u0", 1);
    assert_int_equal(find_candidate(f, "i6"), 0);
}

static void a_running_server_keeps_its_model_when_the_new_one_is_damaged(void **state)
{
    fixture *f = *state;
    tdl_model_row row = {.version = TDL_STR("recommend-broken"),
                         .app = TDL_STR("recommend"),
                         .path = TDL_STR("models/nowhere"),
                         .report = TDL_STR("{}"),
                         .created_us = 1,
                         .hash = "00",
                         .active = true};
    tdl_report why = {0};

    store_walks(f);
    train_quietly(f);
    expect_ok(tdl_store_put_model(f->s.store, &row, &why), &why);
    assert_true(ops->refresh(f->app, &why) != TDL_OK);
    assert_non_null(strstr(why.message, "nowhere"));
    ask_for(f, "u0", 1);
    assert_int_equal(find_candidate(f, "i6"), 0);
}

/* ---- threads ---- */

enum { ASKERS = 2, ROUNDS = 300 };

typedef struct asker {
    fixture *f;
    unsigned failures;
} asker;

static void *ask_again_and_again(void *context)
{
    asker *self = context;
    tdl_arena *arena = tdl_arena_new(8 << 20);
    char user[16];

    for (unsigned i = 0; i < ROUNDS; i++) {
        tdl_buf out = {0};
        tdl_jw w = {.out = &out};
        tdl_decision decision = {0};
        snprintf(user, sizeof user, "u%u", i % 40);
        tdl_ask question = {.user = tdl_str_of(user), .n = 5, .time_us = 1};
        tdl_arena_reset(arena);
        tdl_jw_object(&w);
        if (ops->decide(self->f->app, &question, arena, &decision, &w, NULL))
            self->failures++;
        tdl_buf_release(&out);
    }
    tdl_arena_free(arena);
    return NULL;
}

/* Run it under ThreadSanitizer: decisions beside events, titles and a swap of the model. */
static void decisions_run_beside_events_titles_and_new_models(void **state)
{
    fixture *f = *state;
    asker askers[ASKERS];
    pthread_t thread[ASKERS];
    char id[24], user[16];
    tdl_report why = {0};

    store_walks(f);
    train_quietly(f);
    for (int i = 0; i < ASKERS; i++) {
        askers[i] = (asker){.f = f};
        assert_int_equal(pthread_create(&thread[i], NULL, ask_again_and_again, &askers[i]), 0);
    }
    for (int i = 0; i < 100; i++) {
        snprintf(id, sizeof id, "new %d", i);
        snprintf(user, sizeof user, "u%d", i % 40);
        store_event(&f->s, user, id, 200000000 + i);
        tdl_item item = {.id = tdl_str_of(id), .title = TDL_STR("A title that changes")};
        ops->item_changed(f->app, &item);
    }
    train_quietly(f);
    for (int i = 0; i < ASKERS; i++) {
        pthread_join(thread[i], NULL);
        assert_int_equal(askers[i].failures, 0);
    }
    expect_ok(ops->refresh(f->app, &why), &why);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(an_empty_store_answers_with_nothing),
        CASE(a_stranger_gets_what_most_users_have),
        CASE(without_a_model_a_known_user_is_told_so),
        CASE(questions_out_of_range_are_refused),
        CASE(a_request_without_memory_is_refused_and_the_next_one_served),
        CASE(training_promotes_what_knows_the_order_and_says_why),
        CASE(the_answer_is_chosen_items_then_as_many_runners_up),
        CASE(every_chosen_item_has_its_reasons_in_the_answer_and_in_the_row),
        CASE(reasons_are_told_with_the_titles_of_today_and_the_times_of_then),
        CASE(popular_items_are_explained_as_such),
        CASE(rows_of_older_versions_read_as_they_were_written),
        CASE(damaged_reasons_are_refused),
        CASE(an_event_changes_the_next_answer_without_training),
        CASE(one_event_makes_a_stranger_a_user),
        CASE(a_history_the_model_does_not_know_is_a_strangers),
        CASE(where_the_model_is_silent_popular_items_follow),
        CASE(whoever_asks_is_told_when_a_person_takes_something_new),
        CASE(the_same_question_has_the_same_answer_and_context),
        CASE(late_events_are_where_a_restart_would_put_them),
        CASE(titles_follow_the_catalogue),
        CASE(similar_items_leave_out_the_item_itself),
        CASE(similar_to_an_unknown_item_is_not_found),
        CASE(similar_without_a_model_falls_back),
        CASE(a_trained_model_serves_after_a_restart),
        CASE(the_row_describes_the_file),
        CASE(training_without_activating_leaves_the_serving_model),
        CASE(evaluating_writes_nothing),
        CASE(too_few_events_are_no_model_and_a_clear_report),
        CASE(training_stops_on_request_and_leaves_the_serving_model),
        CASE(a_damaged_model_file_is_a_warning_and_popularity_serves),
        CASE(a_missing_model_file_is_a_warning_and_training_mends_it),
        CASE(a_running_server_keeps_its_model_when_the_new_one_is_damaged),
        CASE(decisions_run_beside_events_titles_and_new_models),
    };
    return cmocka_run_group_tests_name("recommend/recommend", tests, NULL, NULL);
}

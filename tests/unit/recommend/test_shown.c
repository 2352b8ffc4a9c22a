/* What was shown and what came of it: a log and events of which every figure was counted by hand.
 * Intervals are statsmodels 0.13 proportion_confint(method="wilson") at the n in effect. */
#include "stored.h"

#include "apps/app.h"
#include "apps/recommend/effects.h"
#include "apps/recommend/shown_answers.h"

static const tdl_app_ops *const ops = &tdl_recommend_app;

#define MINUTE INT64_C(60000000)
#define HOUR   (60 * MINUTE)
#define T0     (240 * HOUR) /* the eleventh day of 1970 */

typedef struct fixture {
    stored s;
    tdl_app *app;
    json_t *report; /* of the last question */
} fixture;

static void learn(void *context, const tdl_event *event, int64_t seq)
{
    ops->learn_one(((fixture *)context)->app, event, seq);
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    tdl_report why = {0};

    set_up_store(&f->s);
    tdl_app_context context = {.store = f->s.store, .data_dir = f->s.folder};
    store_item(&f->s, "a", "A");
    store_item(&f->s, "b", "B");
    store_item(&f->s, "c", "C");
    store_item(&f->s, "d", "D");
    expect_ok(ops->open(&context, &f->app, NULL, &why), &why);
    tdl_store_observe(f->s.store, learn, f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;

    tdl_store_observe(f->s.store, NULL, NULL);
    ops->close(f->app);
    tear_down_store(&f->s);
    json_decref(f->report);
    free(f);
    return 0;
}

/* items: a letter each; in capitals it is there by chance. Gives the decision's id. */
static const char *show(fixture *f, const char *surface, const char *user, const char *items,
                        int64_t time_us)
{
    static char id[37];
    static unsigned n;
    tdl_effects *effects = calloc(1, sizeof *effects);
    tdl_candidate candidates[8] = {{.score = 0}};
    char text[8][2], packed[512], *end;
    tdl_report why = {0};
    tdl_decision d = {.time_us = time_us,
                      .app = TDL_STR("recommend"),
                      .user = tdl_str_of(user),
                      .candidates = candidates,
                      .candidates_n = strlen(items)};

    assert_non_null(effects);
    effects->surface = tdl_str_of(surface);
    effects->slots_n = d.candidates_n;
    for (size_t i = 0; i < d.candidates_n; i++) {
        bool by_chance = items[i] < 'a';
        text[i][0] = (char)(items[i] | 0x20);
        text[i][1] = '\0';
        candidates[i] =
            (tdl_candidate){.item = tdl_str_of(text[i]), .propensity = 1, .chosen = true};
        effects->slot[i] = (tdl_slot_told){.explored = by_chance,
                                           .source = by_chance ? TDL_SOURCE_NEW : TDL_SOURCE_MODEL};
    }
    end = tdl_effects_pack(packed, effects);
    d.why = *surface ? (tdl_str){packed, (size_t)(end - packed)} : (tdl_str){0};
    snprintf(id, sizeof id, "decision-%u", ++n);
    memcpy(d.id, id, sizeof d.id);
    expect_ok(tdl_store_log_decision(f->s.store, &d, &why), &why);
    free(effects);
    return id;
}

static void happen(fixture *f, const char *user, const char *kind, const char *item, double value,
                   const char *decision, int64_t time_us)
{
    char message_id[32];
    tdl_event event = {.time_us = time_us,
                       .user = tdl_str_of(user),
                       .kind = tdl_str_of(kind),
                       .item = tdl_str_of(item),
                       .value = value,
                       .has_value = value != 0,
                       .source = TDL_STR("test"),
                       .decision_id = tdl_str_of(decision)};
    tdl_report why = {0};

    snprintf(message_id, sizeof message_id, "m%u", f->s.messages_n++);
    event.message_id = tdl_str_of(message_id);
    expect_ok(tdl_store_append(f->s.store, &event, 1, NULL, &why), &why);
}

static tdl_status ask(fixture *f, const char *surface, const char *item, int64_t from_us,
                      int64_t until_us, tdl_report *why)
{
    tdl_buf out = {0};
    tdl_jw w = {.out = &out};
    const tdl_shown_ask question = {.from_us = from_us,
                                    .until_us = until_us,
                                    .surface = tdl_str_of(surface),
                                    .item = tdl_str_of(item)};

    json_decref(f->report);
    f->report = NULL;
    tdl_status st = ops->shown(f->app, &question, &w, why);
    if (!st)
        assert_int_equal(
            tdl_json_parse(tdl_buf_view(&out), TDL_JSON_REFUSE_DUPLICATES, &f->report, NULL),
            TDL_OK);
    tdl_buf_release(&out);
    return st;
}

static const json_t *surface_at(const fixture *f, size_t at)
{
    return json_array_get(json_object_get(f->report, "surfaces"), at);
}

/* "member", "outer.member" or "list.2.member". */
static double number(const json_t *from, const char *path)
{
    char part[32];

    while (*path) {
        size_t n = strcspn(path, ".");
        snprintf(part, sizeof part, "%.*s", (int)n, path);
        from = json_is_array(from) ? json_array_get(from, strtoul(part, NULL, 10))
                                   : json_object_get(from, part);
        path += n + (path[n] == '.');
    }
    if (!json_is_number(from))
        fail_msg("%s is no number", part);
    return json_number_value(from);
}

static void expect(const json_t *from, const char *path, double wanted)
{
    double found = number(from, path);

    if (!(found > wanted - 1e-9 && found < wanted + 1e-9))
        fail_msg("%s is %.12g, not %.12g", path, found, wanted);
}

static void expect_text(const json_t *from, const char *member, const char *wanted)
{
    assert_string_equal(json_string_value(json_object_get(from, member)), wanted);
}

/* Four answers to three people; b is clicked after two of them showed it. */
static void make_day(fixture *f)
{
    happen(f, "u1", "view", "a", 0, "", T0 - HOUR);
    happen(f, "u1", "click", "b", 0, "", T0 + 30 * MINUTE); // before anything was shown
    show(f, "home", "u1", "ab", T0 + HOUR);
    happen(f, "u1", "click", "a", 0, "", T0 + 90 * MINUTE);
    show(f, "home", "u1", "bc", T0 + 2 * HOUR);
    happen(f, "u1", "click", "b", 0, "", T0 + 150 * MINUTE);
    const char *third = show(f, "home", "u2", "aC", T0 + 3 * HOUR);
    happen(f, "u2", "click", "a", 0, "", T0 + 28 * HOUR);        // the window is of 24 hours
    happen(f, "u2", "purchase", "c", 20, third, T0 + 50 * HOUR); // says itself what it is due to
    show(f, "home", "u3", "", T0 + 4 * HOUR);
}

static void rates_are_of_answers_with_intervals_for_people(void **state)
{
    fixture *f = *state;
    tdl_report why = {0};

    make_day(f);
    expect_ok(ask(f, "", "", T0, T0 + 24 * HOUR, &why), &why);
    assert_int_equal(json_array_size(json_object_get(f->report, "surfaces")), 1);
    const json_t *home = surface_at(f, 0);
    expect_text(home, "surface", "home");
    expect(home, "answers.n", 4);
    expect(home, "answers.taken", 3);
    expect(home, "answers.rate", .75);
    expect(home, "people", 3);
    // u1 2 of 2, u2 1 of 1, u3 0 of 1: (.25 + .0625 + .5625) / (4 * .75 * .25)
    expect(home, "design_effect", 7. / 6);
    expect(home, "answers.low", 0.276543966418309);
    expect(home, "answers.high", 0.959257764180941);
    expect(home, "empty", 1);
    expect(home, "slots", 6);
    expect(home, "window_seconds", 86400);
    expect_text(json_array_get(json_object_get(home, "outcomes"), 0), "kind", "click");
    expect(home, "outcomes.0.taken", 2);
    expect(home, "outcomes.0.slots", 2);
    expect(home, "outcomes.0.events", 2);
    expect(home, "outcomes.0.low", 0.115859465587548);
    expect(home, "outcomes.0.high", 0.884140534412452);
    expect_text(json_array_get(json_object_get(home, "outcomes"), 1), "kind", "purchase");
    expect(home, "outcomes.1.taken", 1);
    expect(home, "outcomes.1.value", 20);
    expect(home, "outcomes.1.slot_rate", 1. / 6);
}

static void coverage_positions_chance_and_segments_are_counted(void **state)
{
    fixture *f = *state;
    tdl_report why = {0};

    make_day(f);
    expect_ok(ask(f, "home", "", T0, T0 + 24 * HOUR, &why), &why);
    const json_t *home = surface_at(f, 0);
    expect(home, "coverage.items", 3);
    expect(home, "coverage.of", 4);
    expect(home, "coverage.gini", .25); // 0, 2, 2, 2: (-3 0 - 1 2 + 1 2 + 3 2) / (4 6)
    expect(home, "positions.0.n", 3);
    expect(home, "positions.0.taken", 2);
    expect(home, "positions.1.n", 3);
    expect(home, "positions.1.taken", 1);
    expect(home, "exploration.share", 1. / 6);
    expect(home, "exploration.by_chance.taken", 1);
    expect(home, "exploration.others.n", 5);
    expect(home, "exploration.others.taken", 2);
    expect(home, "exploration.forgone", -1); // the others of its position had none: chance won one
    expect(home, "sources.new", 1);
    expect(home, "sources.model", 5);
    expect_text(json_array_get(json_object_get(home, "segments"), 0), "history", "0");
    expect(home, "segments.0.n", 2); // u2 and u3 were strangers when they were answered
    expect(home, "segments.0.taken", 1);
    expect(home, "segments.0.items", 2);
    expect_text(json_array_get(json_object_get(home, "segments"), 1), "history", "1-4");
    expect(home, "segments.1.n", 2);
    expect(home, "segments.1.slots", 4);
    expect(home, "segments.1.items", 3);
    assert_true(json_is_null(json_object_get(home, "parity"))); // of fewer than 30 answers
    expect(home, "item_classes.0.items", 1);                    // d, which nobody has
    expect(home, "item_classes.0.n", 0);
    expect(home, "item_classes.1.items", 3);
    expect(home, "item_classes.1.share", 1);
    expect(home, "top.0.slots", 2);
    expect_text(json_array_get(json_object_get(home, "top"), 0), "id", "a");
    expect(home, "days.0.n", 4);
    expect(f->report, "catalogue.items", 4);
    assert_true(json_is_null(json_object_get(f->report, "item")));
}

static void the_last_answer_wins_whichever_surface_is_asked_about(void **state)
{
    fixture *f = *state;
    tdl_report why = {0};

    show(f, "home", "u1", "ab", T0 + HOUR);
    show(f, "cart", "u1", "b", T0 + 2 * HOUR);
    show(f, "", "u1", "b", T0 + 4 * HOUR); // later than the click
    happen(f, "u1", "click", "b", 0, "", T0 + 3 * HOUR);
    expect_ok(ask(f, "home", "", T0, T0 + 24 * HOUR, &why), &why);
    assert_int_equal(json_array_size(json_object_get(f->report, "surfaces")), 1);
    expect(surface_at(f, 0), "answers.taken", 0);
    expect_ok(ask(f, "cart", "", T0, T0 + 24 * HOUR, &why), &why);
    expect(surface_at(f, 0), "answers.taken", 1);
    expect_ok(ask(f, "", "", T0, T0 + 24 * HOUR, &why), &why);
    assert_int_equal(json_array_size(json_object_get(f->report, "surfaces")), 3);
}

static void a_log_that_is_out_of_order_by_a_moment_is_read_rightly(void **state)
{
    fixture *f = *state;
    tdl_report why = {0};

    show(f, "cart", "u1", "b", T0 + HOUR + 2);
    show(f, "home", "u1", "b", T0 + HOUR + 1);
    show(f, "home", "u1", "b", T0 + HOUR + 9);
    happen(f, "u1", "click", "b", 0, "", T0 + HOUR + 5);
    expect_ok(ask(f, "", "", T0, T0 + 24 * HOUR, &why), &why);
    expect_text(surface_at(f, 0), "surface", "home");
    expect(surface_at(f, 0), "answers.taken", 0);
    expect(surface_at(f, 1), "answers.taken", 1);
}

static void what_did_not_come_into_view_was_not_shown(void **state)
{
    fixture *f = *state;
    tdl_report why = {0};
    const char *id = show(f, "home", "u1", "abc", T0 + HOUR);

    happen(f, "u1", "impression", "b", 0, id, T0 + HOUR + MINUTE);
    expect_ok(ask(f, "home", "", T0, T0 + 24 * HOUR, &why), &why);
    expect(surface_at(f, 0), "with_views", 1);
    expect(surface_at(f, 0), "slots", 1);
    expect(surface_at(f, 0), "answers.taken", 0); // to be seen is no success
    expect(surface_at(f, 0), "positions.0.position", 2);
    assert_int_equal(json_array_size(json_object_get(surface_at(f, 0), "outcomes")), 0);
}

static void joined_ids_are_one_person(void **state)
{
    fixture *f = *state;
    tdl_event joins = {.time_us = T0 + 2 * HOUR,
                       .user = TDL_STR("u1"),
                       .alias = TDL_STR("visitor"),
                       .kind = TDL_STR("$identify"),
                       .source = TDL_STR("test"),
                       .message_id = TDL_STR("join")};
    tdl_report why = {0};

    happen(f, "visitor", "view", "d", 0, "", T0);
    show(f, "home", "visitor", "ab", T0 + HOUR);
    expect_ok(tdl_store_append(f->s.store, &joins, 1, NULL, &why), &why);
    ops->joined(f->app, TDL_STR("u1"), TDL_STR("visitor"));
    happen(f, "u1", "click", "b", 0, "", T0 + 3 * HOUR);
    expect_ok(ask(f, "home", "b", T0, T0 + 24 * HOUR, &why), &why);
    expect(surface_at(f, 0), "answers.taken", 1);
    expect(surface_at(f, 0), "item.n", 1);
    expect(surface_at(f, 0), "item.taken", 1);
    expect(f->report, "item.users", 1);
    expect(f->report, "item.events.0.n", 1);
}

static void nothing_shown_is_a_report_without_surfaces(void **state)
{
    fixture *f = *state;
    tdl_report why = {0};

    expect_ok(ask(f, "", "", T0, T0 + HOUR, &why), &why);
    assert_int_equal(json_array_size(json_object_get(f->report, "surfaces")), 0);
    expect_ok(ask(f, "home", "", T0, T0 + HOUR, &why), &why);
    expect(surface_at(f, 0), "answers.n", 0);
    assert_true(json_is_null(json_object_get(json_object_get(surface_at(f, 0), "answers"), "low")));
}

static void questions_that_make_no_sense_are_refused(void **state)
{
    fixture *f = *state;
    tdl_report why = {0};

    assert_int_equal(ask(f, "", "", T0, T0, &why), TDL_E_INVALID);
    assert_int_equal(ask(f, "", "", 0, 366 * 24 * HOUR, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "365"));
    assert_int_equal(ask(f, "shelf", "", T0, T0 + 1, &why), TDL_E_NOT_FOUND);
    assert_non_null(strstr(why.message, "\"shelf\""));
    assert_int_equal(ask(f, "", "zebra", T0, T0 + 1, &why), TDL_E_NOT_FOUND);
}

static void count_closed(void *context, const tdl_shown_answer *answer)
{
    *(size_t *)context += answer->slots_n;
}

static void without_room_the_oldest_answer_is_closed_first(void **state)
{
    size_t closed = 0;
    tdl_shown_answers *all = tdl_shown_answers_new(2500, count_closed, &closed);

    TDL_UNUSED(state);
    assert_non_null(all);
    for (int32_t i = 0; i < 3000; i++) {
        tdl_shown_answer *a = tdl_shown_answer_new(1);
        a->person = i % 7;
        a->slot[0].item = i / 7;
        a->time_us = i;
        a->until_us = i + 10000;
        assert_true(tdl_shown_answers_add(all, a));
    }
    assert_int_equal(closed, 500);
    assert_int_equal(tdl_shown_answers_early(all), 500);
    assert_null(tdl_shown_answers_find(all, 499 % 7, 499 / 7, 4000));
    assert_non_null(tdl_shown_answers_find(all, 500 % 7, 500 / 7, 4000));
    assert_null(tdl_shown_answers_find(all, 500 % 7, 500 / 7, 499));   // before it was shown
    assert_null(tdl_shown_answers_find(all, 500 % 7, 500 / 7, 10500)); // the window has passed
    tdl_shown_answers_close(all, 12000);
    assert_int_equal(closed, 2001);
    tdl_shown_answers_free(all);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(rates_are_of_answers_with_intervals_for_people),
        TEST(coverage_positions_chance_and_segments_are_counted),
        TEST(the_last_answer_wins_whichever_surface_is_asked_about),
        TEST(a_log_that_is_out_of_order_by_a_moment_is_read_rightly),
        TEST(what_did_not_come_into_view_was_not_shown),
        TEST(joined_ids_are_one_person),
        TEST(nothing_shown_is_a_report_without_surfaces),
        TEST(questions_that_make_no_sense_are_refused),
        cmocka_unit_test(without_room_the_oldest_answer_is_closed_first),
    };

    return cmocka_run_group_tests_name("recommend/shown", tests, NULL, NULL);
}

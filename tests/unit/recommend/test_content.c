/* Items by what they say of themselves, before any model has met them. Cosines are checked against
 * numpy; the rest is behaviour of the app over a real store. */
#include "stored.h"

#include "apps/app.h"
#include "apps/recommend/content.h"
#include "train/safetensors.h"

static const tdl_app_ops *const ops = &tdl_recommend_app;
static const tdl_content_weights equal = {{1, 1, 1, 1}};

/* ---- the codes of a catalogue ---- */

static tdl_content_code code_of(const char *title)
{
    tdl_content_code code;

    tdl_content_encode(tdl_str_of(title), (tdl_str){0}, NULL, &code);
    return code;
}

static void codes_lie_under_their_numbers(void **state)
{
    tdl_content *content = tdl_content_new();
    tdl_content_code mug = code_of("mug"), nothing = code_of("");

    TDL_UNUSED(state);
    assert_null(tdl_content_at(content, 0));
    assert_null(tdl_content_at(content, -1));
    tdl_content_put(content, 70000, &mug);
    tdl_content_put(content, 3, &nothing); // takes no memory
    assert_null(tdl_content_at(content, 3));
    assert_memory_equal(tdl_content_at(content, 70000), &mug, sizeof mug);
    assert_null(tdl_content_at(content, 70001));
    assert_true(tdl_content_bytes(content) < 1 << 20);
    tdl_content_put(content, 70000, &nothing); // a description that was taken back
    assert_null(tdl_content_at(content, 70000));
    tdl_content_free(content);
    tdl_content_free(NULL);
}

/* Codes by hand: cells of block 0 are (3, 4, 0 ...), (4, 3, 0 ...), (0, 5, 0 ...). numpy:
 * a = [.6, .8]; b = [.8, .6]; c = [0, 1]
 * taste of (a 30 days ago, b now) = .5 a + b; cosine with c = .9 / sqrt(1.1 ** 2 + 1 ** 2) */
static void a_taste_is_the_mean_of_what_was_had_halved_every_month(void **state)
{
    static const int8_t cell[3][2] = {{3, 4}, {4, 3}, {0, 5}};
    static const int32_t had[] = {0, 1};
    static const int64_t time_us[] = {0, TDL_CONTENT_HALF_LIFE_US};
    tdl_content *content = tdl_content_new();
    tdl_content_taste taste;
    float scores[4];

    TDL_UNUSED(state);
    for (int32_t i = 0; i < 3; i++) {
        tdl_content_code code = {.scale = {.2F}};
        code.cell[0] = cell[i][0];
        code.cell[1] = cell[i][1];
        code.square[0] = code.cell[0] * code.cell[0] + code.cell[1] * code.cell[1];
        tdl_content_put(content, i, &code);
    }
    tdl_content_taste_of(content, &equal, had, time_us, 2, &taste);
    expect_near(taste.length, 1.4866068747318506, 1e-6);
    for (int32_t i = 0; i < 4; i++)
        scores[i] = (float)tdl_content_liked(&taste, tdl_content_at(content, i));
    expect_near((double)scores[0], (1.1 * .6 + 1 * .8) / 1.4866068747318506, 1e-6);
    expect_near((double)scores[2], 0.6726727939963125, 1e-6);
    expect_near((double)scores[3], 0, 0); // says nothing
    tdl_content_taste_of(content, &equal, had, NULL, 0, &taste);
    expect_near(taste.length, 0, 0);
    expect_near(tdl_content_liked(&taste, tdl_content_at(content, 0)), 0, 0);
    tdl_content_free(content);
}

/* ---- the app ---- */

typedef struct fixture {
    stored s;
    tdl_app *app;
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
    tdl_report why = {0}, warning = {0};

    expect_ok(ops->open(&context, &f->app, &warning, &why), &why);
    tdl_store_observe(f->s.store, learn, f);
}

static void close_app(fixture *f)
{
    tdl_store_observe(f->s.store, NULL, NULL);
    ops->close(f->app);
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

/* An item as the API puts it. */
static void put(fixture *f, const char *id, const char *title, const char *kept)
{
    tdl_item item = {
        .id = tdl_str_of(id), .title = tdl_str_of(title), .attributes = tdl_str_of(kept)};
    tdl_report why = {0};

    expect_ok(tdl_store_put_items(f->s.store, &item, 1, &why), &why);
    ops->item_changed(f->app, &item);
}

static void ask(fixture *f, const tdl_ask *question)
{
    tdl_jw w = {.out = &f->extra};
    tdl_report why = {0};

    tdl_arena_reset(f->arena);
    tdl_buf_clear(&f->extra);
    f->decision = (tdl_decision){0};
    tdl_jw_object(&w);
    expect_ok(ops->decide(f->app, question, f->arena, &f->decision, &w, &why), &why);
    tdl_jw_end_object(&w);
}

static json_t *answer(const fixture *f)
{
    tdl_report why = {0};
    json_t *parsed = NULL;

    expect_ok(tdl_json_parse(tdl_buf_view(&f->extra), TDL_JSON_REFUSE_DUPLICATES, &parsed, &why),
              &why);
    return parsed;
}

/* The answer of a surface; json_decref it. */
static json_t *ask_surface(fixture *f, const char *question)
{
    tdl_report why = {0};
    json_t *parsed = NULL;

    expect_ok(tdl_json_parse(tdl_str_of(question), TDL_JSON_REFUSE_DUPLICATES, &parsed, &why),
              &why);
    ask(f, &(tdl_ask){.question = parsed, .may_wait = true, .time_us = INT64_C(1) << 50});
    json_decref(parsed);
    return answer(f);
}

/* The item of an answer that has this id; NULL: it is not in it. */
static json_t *find(const json_t *parsed, const char *id)
{
    size_t i;
    json_t *item;

    json_array_foreach(
        json_object_get(parsed, "items"), i,
        item) if (!strcmp(json_string_value(json_object_get(item, "id")), id)) return item;
    return NULL;
}

/* Mugs and clocks: forty people have five of one kind each, every item has its share of them. */
static void store_shop(fixture *f)
{
    char id[16], title[64], user[16];

    for (int i = 0; i < 12; i++) {
        snprintf(id, sizeof id, "mug%d", i);
        snprintf(title, sizeof title, "Retrospot mug number %d", i);
        put(f, id, title, "{\"$categories\": [\"kitchen\"], \"$price\": 5}");
        snprintf(id, sizeof id, "clock%d", i);
        snprintf(title, sizeof title, "Alarm clock bakelike %d", i);
        put(f, id, title, "{\"$categories\": [\"bedroom\"], \"$price\": 30}");
    }
    for (int u = 0; u < 80; u++)
        for (int k = 0; k < 5; k++) {
            snprintf(user, sizeof user, "u%d", u);
            snprintf(id, sizeof id, "%s%d", u % 2 ? "mug" : "clock", (u / 2 + k * k) % 12);
            store_event(&f->s, user, id, 1000000LL * (u + 100 * k + 1));
        }
}

/* A person's own answer goes by popularity until there is a model: content alone guesses worse. */
static void before_any_model_popularity_answers_and_new_items_stand_beside_it(void **state)
{
    fixture *f = *state;

    store_shop(f);
    put(f, "mug99", "Retrospot mug number 99", "{\"$categories\": [\"kitchen\"], \"$price\": 5}");
    ask(f, &(tdl_ask){.user = TDL_STR("u1"), .n = 5, .time_us = 1});
    json_t *parsed = answer(f);
    assert_string_equal(json_string_value(json_object_get(parsed, "rung")), "popularity");
    json_decref(parsed);
    parsed =
        ask_surface(f, "{\"surface\": \"home\", \"user\": \"u1\", \"k\": 20, \"explore\": false}");
    json_t *mug = find(parsed, "mug99");
    assert_non_null(mug);
    assert_string_equal(json_string_value(json_object_get(mug, "source")), "content");
    json_decref(parsed);
}

static void a_new_item_is_similar_the_moment_it_is_described(void **state)
{
    fixture *f = *state;

    store_shop(f);
    put(f, "mug99", "Retrospot mug number 99", "{\"$categories\": [\"kitchen\"], \"$price\": 5}");
    ask(f, &(tdl_ask){.item = TDL_STR("mug99"), .n = 5, .time_us = 1});
    assert_true(f->decision.candidates_n >= 5);
    for (size_t i = 0; i < 5; i++)
        assert_true(tdl_str_starts(f->decision.candidates[i].item, TDL_STR("mug")));
}

/* The model's file says how contents stand in the space of iALS++. */
static void expect_map(fixture *f)
{
    tdl_model_row *rows;
    size_t n;
    tdl_report why = {0};
    tdl_st_file *file = NULL;
    char path[256];

    expect_ok(tdl_store_models(f->s.store, TDL_STR("recommend"), f->arena, &rows, &n, &why), &why);
    assert_int_equal(n, 1);
    snprintf(path, sizeof path, "%s/%.*s", f->s.folder, TDL_FMT(rows[0].path));
    expect_ok(tdl_st_open(path, &file, &why), &why);
    const tdl_st_view *map = tdl_st_find(file, "ials/map");
    assert_non_null(map);
    assert_int_equal(map->shape[0], TDL_CONTENT_D + 1);
    tdl_st_free(file);
}

/* After training, without another: the item has no events and the model does not know it. */
static void a_new_item_stands_in_a_trained_answer_and_says_why(void **state)
{
    fixture *f = *state;
    tdl_train_options options = {.seed = 1, .activate = true};
    tdl_buf report = {0};
    tdl_report why = {0};

    store_shop(f);
    expect_ok(ops->train(f->app, &options, &report, &why), &why);
    tdl_buf_release(&report);
    expect_map(f);
    put(f, "mug99", "Retrospot mug number 99", "{\"$categories\": [\"kitchen\"], \"$price\": 5}");
    put(f, "clock99", "Alarm clock bakelike 99",
        "{\"$categories\": [\"bedroom\"], \"$price\": 33}");
    for (int again = 0; again < 2; again++) { // and the same after a restart
        json_t *parsed = ask_surface(
            f, "{\"surface\": \"home\", \"user\": \"u1\", \"k\": 12, \"explore\": false}");
        json_t *mug = find(parsed, "mug99");
        assert_non_null(mug);
        assert_null(find(parsed, "clock99"));
        assert_string_equal(json_string_value(json_object_get(mug, "source")), "content");
        const json_t *reason = json_array_get(json_object_get(mug, "why"), 0);
        assert_string_equal(json_string_value(json_object_get(reason, "kind")), "event");
        assert_int_equal(strncmp(json_string_value(json_object_get(reason, "item")), "mug", 3), 0);
        assert_true(json_is_false(json_object_get(reason, "exact")));
        json_decref(parsed);
        close_app(f);
        open_app(f);
    }
}

static void a_stranger_with_an_item_in_hand_gets_what_is_like_it(void **state)
{
    fixture *f = *state;

    store_shop(f);
    json_t *parsed = ask_surface(f, "{\"surface\": \"similar\", \"items\": [\"clock3\"], \"k\": 5, "
                                    "\"explore\": false}");
    size_t i;
    json_t *item;
    assert_int_equal(json_array_size(json_object_get(parsed, "items")), 5);
    json_array_foreach(json_object_get(parsed, "items"), i, item)
    {
        assert_int_equal(strncmp(json_string_value(json_object_get(item, "id")), "clock", 5), 0);
        assert_string_equal(json_string_value(json_object_get(item, "source")), "content");
    }
    json_decref(parsed);
}

/* What must not be shown is not shown for being alike. */
static void deleted_and_sold_out_items_are_not_shown_by_content(void **state)
{
    fixture *f = *state;

    store_shop(f);
    put(f, "mug98", "Retrospot mug blue", "{\"$categories\": [\"kitchen\"], \"$stock\": 0}");
    put(f, "mug97", "Retrospot mug grey", "{\"$categories\": [\"kitchen\"], \"$deleted\": true}");
    put(f, "mug96", "Retrospot mug number 96", "{\"$categories\": [\"kitchen\"], \"$price\": 5}");
    json_t *parsed =
        ask_surface(f, "{\"surface\": \"home\", \"user\": \"u1\", \"k\": 20, \"explore\": false}");
    assert_null(find(parsed, "mug98"));
    assert_null(find(parsed, "mug97"));
    assert_non_null(find(parsed, "mug96"));
    json_decref(parsed);
    ask(f, &(tdl_ask){.item = TDL_STR("mug96"), .n = 10, .time_us = 1});
    for (size_t i = 0; i < 10; i++)
        assert_false(tdl_str_is(f->decision.candidates[i].item, "mug97"));
}

/* Nobody is told by content who denies personal answers. */
static void without_consent_nothing_of_the_person_is_looked_at(void **state)
{
    fixture *f = *state;

    store_shop(f);
    ask(f, &(tdl_ask){.user = TDL_STR("u1"), .n = 5, .time_us = 1, .impersonal = true});
    json_t *parsed = answer(f);
    assert_string_equal(json_string_value(json_object_get(parsed, "rung")), "popularity");
    json_decref(parsed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_lie_under_their_numbers),
        cmocka_unit_test(a_taste_is_the_mean_of_what_was_had_halved_every_month),
        cmocka_unit_test_setup_teardown(
            before_any_model_popularity_answers_and_new_items_stand_beside_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_new_item_is_similar_the_moment_it_is_described, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_new_item_stands_in_a_trained_answer_and_says_why, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_stranger_with_an_item_in_hand_gets_what_is_like_it,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(deleted_and_sold_out_items_are_not_shown_by_content, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(without_consent_nothing_of_the_person_is_looked_at, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

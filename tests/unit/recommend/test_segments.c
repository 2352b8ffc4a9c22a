/* People parted by a trait that a surface names: read of everybody when it is named, and at the
 * start; learnt with every event in between. */
#include "stored.h"

#include "apps/recommend/serving.h"

static const tdl_app_ops *const ops = &tdl_recommend_app;

enum { PEOPLE = TDL_SEGMENT_PERSONS_MIN };

typedef struct fixture {
    stored s;
    tdl_app *app;
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

/* People of `country` who view `item`, in one commit. */
static void store_people(fixture *f, char first, const char *country, const char *item)
{
    static tdl_event events[PEOPLE];
    static char ids[PEOPLE][16];
    char traits[64];
    tdl_report why = {0};

    snprintf(traits, sizeof traits, "{\"country\":\"%s\",\"age\":4}", country);
    for (size_t i = 0; i < PEOPLE; i++) {
        snprintf(ids[i], sizeof ids[i], "%c%zu", first, i);
        events[i] = (tdl_event){.time_us = 1000,
                                .user = tdl_str_of(ids[i]),
                                .kind = TDL_STR("view"),
                                .item = tdl_str_of(item),
                                .traits = tdl_str_of(traits),
                                .source = TDL_STR("test"),
                                .message_id = tdl_str_of(ids[i])};
    }
    expect_ok(tdl_store_append(f->s.store, events, PEOPLE, NULL, &why), &why);
}

static tdl_status put_policy(fixture *f, const char *text, tdl_report *why)
{
    tdl_buf out = {0};
    tdl_jw w = {.out = &out};
    json_t *document = json_loads(text, 0, NULL);

    assert_non_null(document);
    tdl_status st = ops->settings(f->app, TDL_STR("home"), document, &w, why);
    json_decref(document);
    tdl_buf_release(&out);
    return st;
}

/* How often people of a country took an item; -1: they are too few. */
static double taken(const fixture *f, const char *country, const char *item)
{
    int32_t segment = tdl_live_segment_named(f->app->live, tdl_str_of(country));

    return segment < 0
               ? -1
               : tdl_live_popular_at(f->app->live, TDL_HALF_LIFE_NONE, segment, 2000,
                                     tdl_catalogue_find(f->app->catalogue, tdl_str_of(item)));
}

static void people_are_parted_by_the_trait_that_a_surface_names(void **state)
{
    fixture f = {0};
    tdl_report why = {0};

    TDL_UNUSED(state);
    set_up_store(&f.s);
    open_app(&f);
    store_people(&f, 'f', "FR", "baguette");
    assert_true(taken(&f, "FR", "baguette") == -1); // nobody asked for it yet
    expect_ok(put_policy(&f, "{\"version\":0,\"policy\":{\"segment\":\"country\"}}", &why), &why);
    assert_true(taken(&f, "FR", "baguette") == PEOPLE);
    assert_true(taken(&f, "DE", "pretzel") == -1);
    store_people(&f, 'd', "DE", "pretzel");
    assert_true(taken(&f, "DE", "pretzel") == PEOPLE);
    assert_true(taken(&f, "DE", "baguette") == 0);

    close_app(&f);
    tdl_store_close(f.s.store);
    open_store(&f.s);
    open_app(&f);
    assert_true(taken(&f, "FR", "baguette") == PEOPLE);
    assert_true(taken(&f, "DE", "pretzel") == PEOPLE);

    expect_ok(put_policy(&f, "{\"version\":1,\"policy\":{\"segment\":\"age\"}}", &why), &why);
    assert_true(taken(&f, "FR", "baguette") == -1);
    assert_true(taken(&f, "4", "baguette") == PEOPLE);
    expect_ok(put_policy(&f, "{\"version\":2,\"policy\":{}}", &why), &why);
    assert_int_equal(f.app->segment_len, 0);
    close_app(&f);
    tear_down_store(&f.s);
}

static void a_segment_that_is_no_name_is_refused(void **state)
{
    fixture f = {0};
    tdl_report why = {0};

    TDL_UNUSED(state);
    set_up_store(&f.s);
    open_app(&f);
    assert_int_equal(put_policy(&f, "{\"version\":0,\"policy\":{\"segment\":7}}", &why),
                     TDL_E_INVALID);
    assert_non_null(strstr(why.message, "segment"));
    close_app(&f);
    tear_down_store(&f.s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(people_are_parted_by_the_trait_that_a_surface_names),
        cmocka_unit_test(a_segment_that_is_no_name_is_refused),
    };
    return cmocka_run_group_tests_name("recommend/segments", tests, NULL, NULL);
}

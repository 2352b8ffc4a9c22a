/* Items that nobody had yet, on a shop made here: people take things of one kind, and of a kind
 * every thing is as likely. Then what a cold item says tells all that a warm one's history does,
 * and chance is 10 of the 20 or so of a kind that somebody has not. */
#include "cases.h"

#include "apps/recommend/cold_items.h"
#include "apps/recommend/content_map.h"
#include "apps/recommend/offline.h"

enum { KINDS = 5, OF_A_KIND = 25, ITEMS = KINDS * OF_A_KIND, PEOPLE = 120, STEPS = 9 };

typedef struct shop {
    tdl_feedback *feedback;
    tdl_content_code *code; /* [ITEMS] by the log's numbers */
    tdl_pool *pool;
} shop;

static void describe(shop *s, bool truly)
{
    for (size_t i = 0; i < ITEMS; i++) {
        char kept[64];
        int number = atoi(tdl_feedback_item(s->feedback, (int32_t)i).at + 1);
        snprintf(kept, sizeof kept, "{\"$tags\": [\"kind %d\"]}",
                 (truly ? number : number * 37 % 101) % KINDS);
        tdl_content_encode((tdl_str){0}, tdl_str_of(kept), NULL, &s->code[i]);
    }
}

static int set_up(void **state)
{
    shop *s = calloc(1, sizeof *s);
    tdl_rng rng = tdl_rng_make(5, 0);
    tdl_report why = {0};

    s->feedback = tdl_feedback_new();
    s->code = calloc(ITEMS, sizeof *s->code);
    s->pool = tdl_pool_new(2);
    for (size_t u = 0; u < PEOPLE; u++)
        for (size_t k = 0; k < STEPS; k++) {
            char user[16], item[16];
            size_t one = (u % KINDS) + KINDS * (size_t)tdl_rng_below(&rng, OF_A_KIND);
            snprintf(user, sizeof user, "u%zu", u);
            snprintf(item, sizeof item, "i%zu", one);
            tdl_feedback_row row = {
                tdl_str_of(user), tdl_str_of(item), {0}, (int64_t)(1 + k) * 1000000};
            expect_ok(tdl_feedback_add(s->feedback, &row, &why), &why);
        }
    expect_ok(tdl_feedback_finish(s->feedback, &why), &why);
    assert_int_equal(tdl_feedback_all(s->feedback)->items_n, ITEMS);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    shop *s = *state;

    tdl_feedback_free(s->feedback);
    tdl_pool_free(s->pool);
    free(s->code);
    free(s);
    return 0;
}

static tdl_cold_items run(const shop *s, tdl_pool *pool)
{
    const tdl_rung_contest_options options = {.seed = 1, .pool = pool};
    tdl_cold_items cold;
    tdl_report why = {0};

    expect_ok(tdl_cold_items_run(s->feedback, s->code, &options, &cold, &why), &why);
    return cold;
}

static void cold_items_that_say_what_they_are_are_found(void **state)
{
    shop *s = *state;

    describe(s, true);
    tdl_cold_items cold = run(s, NULL);
    assert_true(cold.reached);
    assert_int_equal(cold.described_n, ITEMS);
    assert_int_equal(cold.people_n + cold.tuned_n, PEOPLE);
    assert_true(cold.cold.mean >= .5 * cold.warm.mean);
    assert_true(cold.warm.mean > .15);
    for (size_t k = 0; k < TDL_COLD_WAYS_N; k++) {
        assert_true(cold.curve[k][0].cold == 0 && cold.curve[k][0].slots == 0);
        for (size_t at = 1; at < TDL_COLD_BOOSTS; at++) { // more boost: more cold, less warm
            assert_true(cold.curve[k][at].slots >= cold.curve[k][at - 1].slots - 1e-12);
            assert_true(cold.curve[k][at].cold >= cold.curve[k][at - 1].cold - 1e-12);
            assert_true(cold.curve[k][at].warm <= cold.curve[k][at - 1].warm + 1e-12);
        }
    }
}

static void cold_items_that_say_something_else_are_found_less(void **state)
{
    shop *s = *state;

    describe(s, true);
    tdl_cold_items truly = run(s, NULL);
    describe(s, false);
    tdl_cold_items wrongly = run(s, NULL);
    size_t last = TDL_COLD_BOOSTS - 1;
    assert_true(truly.curve[TDL_COLD_MAP][last].cold > 2 * wrongly.curve[TDL_COLD_MAP][last].cold);
    assert_true(truly.explained > wrongly.explained + .05);
}

static void the_pool_changes_nothing(void **state)
{
    shop *s = *state;

    describe(s, true);
    tdl_cold_items alone = run(s, NULL), many = run(s, s->pool);
    assert_memory_equal(alone.curve, many.curve, sizeof alone.curve);
    assert_true(alone.cold.low == many.cold.low && alone.boost == many.boost);
}

static void undescribed_items_are_refused_with_what_to_do(void **state)
{
    shop *s = *state;
    const tdl_rung_contest_options run_options = {.seed = 1};
    const tdl_offline_options options = {.protocol = TDL_PROTOCOL_COLD_ITEMS, .run = run_options};
    tdl_cold_items cold;
    tdl_buf out = {0};
    double ndcg10;
    tdl_report why = {0};

    assert_int_equal(tdl_cold_items_run(s->feedback, s->code, &run_options, &cold, &why),
                     TDL_E_INVALID);
    assert_non_null(strstr(why.message, "0 items"));
    assert_int_equal(tdl_offline_run(s->feedback, &options, &out, &ndcg10, &why), TDL_E_USAGE);
    assert_non_null(strstr(why.hint, "--catalogue"));
    tdl_buf_release(&out);
}

static void people_who_came_once_are_nobody_to_ask(void **state)
{
    const tdl_rung_contest_options options = {.seed = 1};
    tdl_feedback *once = tdl_feedback_new();
    tdl_content_code code[1] = {0};
    tdl_cold_items cold;
    tdl_report why = {0};
    tdl_feedback_row row = {TDL_STR("u"), TDL_STR("i"), {0}, 1};

    TDL_UNUSED(state);
    expect_ok(tdl_feedback_add(once, &row, &why), &why);
    expect_ok(tdl_feedback_finish(once, &why), &why);
    assert_int_equal(tdl_cold_items_run(once, code, &options, &cold, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "nobody came back"));
    tdl_feedback_free(once);
}

/* ---- the row "content" of the ladder ---- */

/* Everything but the last step of each person, and each asked about it. */
static void split_last(const shop *s, tdl_holdout *split)
{
    const tdl_interactions *all = tdl_feedback_all(s->feedback);
    tdl_report why = {0};

    expect_ok(tdl_holdout_init(split, ITEMS, INT64_MAX, &why), &why);
    for (size_t u = 0; u < all->users_n; u++) {
        size_t begin = all->offsets[u], n = all->offsets[u + 1] - begin - 1;
        expect_ok(tdl_holdout_train(split, all->item + begin, all->time_us + begin, n, &why), &why);
    }
    expect_ok(tdl_holdout_seal(split, &why), &why);
}

/* h_i = (n learnt_i + kappa mapped_i) / (n + kappa): worked out anew from the parts. */
static void content_stands_between_what_was_learnt_and_what_is_said(void **state)
{
    shop *s = *state;
    tdl_holdout split = {0};
    tdl_report why = {0};
    tdl_content_map *map = NULL;
    uint32_t events[ITEMS] = {0};
    void *ials = NULL, *content = NULL;
    size_t d;

    describe(s, true);
    memset(&s->code[7], 0, sizeof s->code[7]); // says nothing
    split_last(s, &split);
    tdl_fit_data data = tdl_holdout_data(&split, &tdl_rung_content);
    tdl_fit_options of_ials = {.seed = 1}, options = {.seed = 1, .content = s->code, .setting = 2};
    expect_ok(tdl_rung_ials.fit(&data, &of_ials, &ials, &why), &why);
    options.base = ials;
    expect_ok(tdl_rung_content.fit(&data, &options, &content, &why), &why);
    const float *learnt = tdl_rung_ials.vectors(ials, &d);
    for (size_t i = 0; i < data.all->offsets[data.all->users_n]; i++)
        events[data.all->item[i]]++;
    tdl_content_space space = {s->code, learnt, events, ITEMS, d};
    expect_ok(tdl_content_map_fit(&space, 0, NULL, &map, &why), &why);
    for (unsigned setting = 2; setting <= 5; setting += 3) { // 3 and 100
        double kappa = tdl_content_kappa[setting - 1];
        assert_true(tdl_rung_content.retune(content, setting));
        const float *vector = tdl_rung_content.vectors(content, &d);
        for (size_t i = 0; i < ITEMS; i++) {
            float mapped[TDL_CONTENT_MAP_D_MAX];
            double n = events[i];
            tdl_content_map_apply(map, &s->code[i], mapped);
            for (size_t k = 0; k < d; k++) {
                double from = (double)learnt[i * d + k], to = i == 7 ? from : (double)mapped[k];
                expect_near((double)vector[i * d + k], (n * from + kappa * to) / (n + kappa), 1e-5);
            }
        }
    }
    tdl_content_map_free(map);
    tdl_rung_ials.free(ials);
    tdl_rung_content.free(content);
    tdl_holdout_release(&split);
}

static const tdl_rung_entry *entry_of(const tdl_rung_contest *c, const char *name)
{
    for (size_t i = 0; i < c->entries_n; i++)
        if (!strcmp(c->entry[i].name, name))
            return &c->entry[i];
    return NULL;
}

/* Of a kind every thing is as likely, so what a thing is tells all: content is at least as good as
 * what it starts from, asked about the same targets. */
static void content_is_a_row_of_the_ladder_where_items_say_anything(void **state)
{
    shop *s = *state;
    const tdl_cut window[] = {{6000000, 7000000, 0}, {7000000, 8000000, 0}, {8000000, 9000000, 0}};
    tdl_rung_contest_options options = {.seed = 1, .in_background = true};
    tdl_rung_contest c;
    tdl_report why = {0};

    describe(s, true);
    options.content = s->code;
    expect_ok(tdl_rung_contest_cuts(s->feedback, TDL_RECOMMEND_DISCOVERY, window, COUNT(window),
                                    &options, &c, &why),
              &why);
    const tdl_rung_entry *content = entry_of(&c, "content"), *ials = entry_of(&c, "ials");
    assert_int_equal(strncmp(content->setting, "kappa ", 6), 0);
    assert_true(content->tuned_ndcg10 >= ials->tuned_ndcg10);
    assert_true(content->figures[0].ndcg[TDL_K10].mean > .1);
    tdl_rung_contest_release(&c);
}

static void content_without_descriptions_refuses(void **state)
{
    shop *s = *state;
    tdl_holdout split = {0};
    tdl_fit_options options = {.seed = 1};
    void *model = NULL;
    tdl_report why = {0};

    split_last(s, &split);
    tdl_fit_data data = tdl_holdout_data(&split, &tdl_rung_content);
    assert_int_equal(tdl_rung_content.fit(&data, &options, &model, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "nothing of themselves"));
    options.content = s->code; // all zeroed
    assert_int_equal(tdl_rung_content.fit(&data, &options, &model, &why), TDL_E_INVALID);
    assert_null(model);
    tdl_holdout_release(&split);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(cold_items_that_say_what_they_are_are_found, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(cold_items_that_say_something_else_are_found_less, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_pool_changes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(undescribed_items_are_refused_with_what_to_do, set_up,
                                        tear_down),
        cmocka_unit_test(people_who_came_once_are_nobody_to_ask),
        cmocka_unit_test_setup_teardown(content_stands_between_what_was_learnt_and_what_is_said,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(content_is_a_row_of_the_ladder_where_items_say_anything,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(content_without_descriptions_refuses, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The behaviour model on made-up people who go round a circle of items, so that what comes next is
 * known: after item i comes i + 1. Losses have their reference values in tests/unit/nn. */
#include "cases.h"

#include "apps/recommend/behaviour_net.h"
#include "base/rng.h"

enum { PEOPLE = 60, EACH = 24, ITEMS = 20, WINDOW = 40 };

static const tdl_behaviour_params SMALL = {.d = 16,
                                           .blocks = 2,
                                           .heads = 2,
                                           .hidden = 16,
                                           .window = WINDOW,
                                           .drop = .1,
                                           .rate = 2e-2,
                                           .batch = 8,
                                           .epochs = 30,
                                           .patience = 30};

typedef struct circle {
    size_t offsets[PEOPLE + 1];
    int32_t item[PEOPLE * EACH];
    int64_t time_us[PEOPLE * EACH];
    tdl_interactions all;
    tdl_behaviour *model; /* fitted with the softmax over all items */
} circle;

static tdl_behaviour *fit_from(const circle *c, const tdl_behaviour_params *params, tdl_pool *pool,
                               uint64_t seed)
{
    const tdl_fit_data data = {&c->all, c->offsets + 1};
    tdl_fit_options options = {.seed = seed, .params = params, .pool = pool};
    tdl_behaviour *model = NULL;
    tdl_report why = {0};

    expect_ok(tdl_behaviour_fit(&data, &options, &model, &why), &why);
    return model;
}

static tdl_behaviour *fit(const circle *c, const tdl_behaviour_params *params, tdl_pool *pool)
{
    return fit_from(c, params, pool, 3);
}

static int set_up(void **state)
{
    circle *c = calloc(1, sizeof *c);

    for (size_t u = 0; u <= PEOPLE; u++)
        c->offsets[u] = u * EACH;
    for (size_t i = 0; i < PEOPLE * EACH; i++) {
        c->item[i] = (int32_t)((7 * (i / EACH) + i % EACH) % ITEMS);
        c->time_us[i] = (int64_t)(i % EACH) * 5000000;
    }
    c->all = (tdl_interactions){PEOPLE, ITEMS, c->offsets, c->item, c->time_us};
    c->model = fit(c, &SMALL, NULL);
    *state = c;
    return 0;
}

static int tear_down(void **state)
{
    circle *c = *state;

    tdl_behaviour_free(c->model);
    free(c);
    return 0;
}

static void scores_of(const tdl_behaviour *m, const int32_t *item, const int64_t *time_us, size_t n,
                      float *ret)
{
    const tdl_history h = {item, time_us, n};
    tdl_arena *scratch = tdl_arena_new(1 << 20);

    assert_int_equal(tdl_rung_behaviour.score(m, &h, scratch, ret), TDL_OK);
    tdl_arena_free(scratch);
}

static size_t best_of(const float *scores)
{
    size_t best = 0;

    for (size_t i = 1; i < ITEMS; i++)
        best = scores[i] > scores[best] ? i : best;
    return best;
}

/* Of the 20 places of the circle, how often what comes next is named first. */
static size_t right_of(const tdl_behaviour *m)
{
    size_t right = 0;

    for (int32_t from = 0; from < ITEMS; from++) {
        int32_t item[5];
        int64_t time_us[5];
        float scores[ITEMS];
        for (int32_t i = 0; i < 5; i++) {
            item[i] = (from + i) % ITEMS;
            time_us[i] = i * 5000000;
        }
        scores_of(m, item, time_us, 5, scores);
        right += best_of(scores) == (size_t)(from + 5) % ITEMS;
    }
    return right;
}

static int by_size(const void *left, const void *right)
{
    const size_t *a = left, *b = right;

    return (*a > *b) - (*a < *b);
}

static void what_follows_in_every_history_is_learnt_by_each_loss(void **state)
{
    const circle *c = *state;
    tdl_behaviour_params params = SMALL;

    assert_int_equal(right_of(c->model), ITEMS);
    params.negatives = 12;
    tdl_behaviour *sampled = fit(c, &params, NULL);
    assert_in_range(right_of(sampled), ITEMS - 2, ITEMS);
    tdl_behaviour_free(sampled);
    params.calibrated = true;
    params.t = .75;
    // one seed in ten lies below 18: the middle of five does not
    size_t right[5];
    for (size_t i = 0; i < 5; i++) {
        tdl_behaviour *calibrated = fit_from(c, &params, NULL, 3 + i);
        right[i] = right_of(calibrated);
        tdl_behaviour_free(calibrated);
    }
    qsort(right, 5, sizeof *right, by_size);
    print_message("gBCE, right of %d over five seeds: %zu to %zu\n", ITEMS, right[0], right[4]);
    assert_in_range(right[2], ITEMS - 2, ITEMS);
}

static void a_fit_does_not_depend_on_threads(void **state)
{
    const circle *c = *state;
    tdl_pool *pool = tdl_pool_new(3);
    tdl_behaviour_params params = SMALL;

    params.epochs = 2;
    params.negatives = 12;
    tdl_behaviour *one = fit(c, &params, NULL), *three = fit(c, &params, pool);
    assert_memory_equal(one->values.value, three->values.value, one->values.n * sizeof(float));
    tdl_behaviour_free(one);
    tdl_behaviour_free(three);
    tdl_pool_free(pool);
}

/* The bar is 1e-6; here the order inside a group is put right before it is read. */
static void the_order_inside_a_group_changes_no_bit(void **state)
{
    const circle *c = *state;
    const int32_t one[] = {3, 4, 9, 5, 17, 6}, other[] = {4, 3, 17, 5, 9, 6};
    const int64_t time_us[] = {0, 0, 9000000, 9000000, 9000000, 12000000};
    float before[ITEMS], after[ITEMS];

    for (size_t n = 2; n <= 6; n += n == 2 ? 3 : 1) {
        scores_of(c->model, one, time_us, n, before);
        scores_of(c->model, other, time_us, n, after);
        assert_memory_equal(before, after, sizeof before);
    }
}

static void whoever_did_nothing_or_unknown_things_is_told_nothing(void **state)
{
    const circle *c = *state;
    const int32_t unknown[] = {ITEMS, -1, INT32_MAX};
    const int64_t time_us[] = {0, 1, 2};
    float scores[ITEMS];

    scores_of(c->model, NULL, NULL, 0, scores);
    for (size_t i = 0; i < ITEMS; i++)
        assert_true(scores[i] == 0);
    scores_of(c->model, unknown, time_us, 3, scores);
    for (size_t i = 0; i < ITEMS; i++)
        assert_true(scores[i] == 0);
}

/* ---- windows ---- */

typedef struct window {
    int32_t room[3 * WINDOW];
    size_t at[WINDOW];
    tdl_behaviour_tokens t;
} window;

static const window *window_of(window *w, const int32_t *item, const int64_t *time_us, size_t n)
{
    w->t = (tdl_behaviour_tokens){.item = w->room,
                                  .gap = w->room + WINDOW,
                                  .position = w->room + 2 * WINDOW,
                                  .at = w->at,
                                  .cap = WINDOW};
    tdl_behaviour_window_of(&(tdl_history){item, time_us, n}, ITEMS, &w->t);
    return w;
}

/* min(31, floor(log2(1 + seconds))) by hand. */
static void gaps_fall_into_powers_of_two(void **state)
{
    TDL_UNUSED(state);
    assert_int_equal(tdl_behaviour_gap(-5), 0);
    assert_int_equal(tdl_behaviour_gap(999999), 0);
    assert_int_equal(tdl_behaviour_gap(1000000), 1);
    assert_int_equal(tdl_behaviour_gap(2999999), 1);
    assert_int_equal(tdl_behaviour_gap(3000000), 2);
    assert_int_equal(tdl_behaviour_gap(86400 * INT64_C(1000000)), 16);
    assert_int_equal(tdl_behaviour_gap(INT64_MAX), 31);
}

/* Between three quarters and all of the window, and the same whatever stood before. */
static void a_window_depends_on_the_newest_events_only(void **state)
{
    enum { N = 300 };
    static int32_t item[N];
    static int64_t time_us[N];
    size_t begins = 0, before = SIZE_MAX;
    window w, later;

    TDL_UNUSED(state);
    for (size_t i = 0; i < N; i++) {
        item[i] = (int32_t)(i * 7 % ITEMS);
        time_us[i] = (int64_t)(i * 1000003);
    }
    for (size_t n = WINDOW + 1; n <= N; n++) {
        window_of(&w, item, time_us, n);
        assert_in_range(w.t.n, WINDOW * 3 / 4, WINDOW);
        assert_int_equal(w.at[w.t.n - 1], n - 1);
        size_t cut = n - WINDOW;
        window_of(&later, item + cut - 1, time_us + cut - 1, n - cut + 1);
        assert_int_equal(later.t.n, w.t.n);
        assert_memory_equal(later.t.item, w.t.item, w.t.n * sizeof *w.t.item);
        begins += w.at[0] != before;
        before = w.at[0];
    }
    assert_in_range(begins, 1, (N - WINDOW) / 2); // else nothing could be gone on from
}

static void endless_groups_are_looked_at_in_part(void **state)
{
    enum { N = 5000 };
    static int32_t item[N], turned[N];
    static int64_t time_us[N];
    window w, other;

    TDL_UNUSED(state);
    for (size_t i = 0; i < N; i++) {
        item[i] = turned[N - 1 - i] = (int32_t)(i % ITEMS);
        time_us[i] = 77;
    }
    window_of(&w, item, time_us, N);
    assert_int_equal(w.t.n, TDL_BEHAVIOUR_GROUP_MAX);
    assert_int_equal(w.t.last, 0);
    window_of(&other, turned, time_us, N);
    assert_memory_equal(w.t.item, other.t.item, w.t.n * sizeof *w.t.item);
}

/* ---- states ---- */

static void expect_same_vector(tdl_behaviour_states *states, const tdl_behaviour *m,
                               const int32_t *item, const int64_t *time_us, size_t n)
{
    const tdl_history h = {item, time_us, n};
    float whole[TDL_BEHAVIOUR_D_MAX], kept[TDL_BEHAVIOUR_D_MAX];

    assert_int_equal(tdl_behaviour_state_vector(NULL, m, &h, whole), TDL_OK);
    assert_int_equal(tdl_behaviour_state_vector(states, m, &h, kept), TDL_OK);
    assert_memory_equal(whole, kept, m->params.d * sizeof *whole);
}

/* 150 events, some of them ties and some late: each answer has the bits of a whole pass. */
static void going_on_has_the_bits_of_a_whole_pass(void **state)
{
    enum { N = 150 };
    const circle *c = *state;
    tdl_behaviour_states *states = tdl_behaviour_states_new(1 << 20);
    int32_t item[N];
    int64_t time_us[N];
    tdl_rng rng = tdl_rng_make(5, 5);

    for (size_t n = 0; n < N;) {
        int64_t at_us = n ? time_us[n - 1] + (int64_t)tdl_rng_below(&rng, 3) * 40000000 : 0;
        size_t place = n;
        if (n > 4 && tdl_rng_below(&rng, 20) == 0) // late: goes before the last three
            place = n - 3, at_us = time_us[n - 3];
        memmove(item + place + 1, item + place, (n - place) * sizeof *item);
        memmove(time_us + place + 1, time_us + place, (n - place) * sizeof *time_us);
        item[place] = (int32_t)tdl_rng_below(&rng, ITEMS);
        time_us[place] = at_us;
        n++;
        expect_same_vector(states, c->model, item, time_us, n);
        expect_same_vector(states, c->model, item, time_us, n); // nothing new
    }
    tdl_behaviour_states_free(states);
}

static void an_event_costs_one_token_and_its_group(void **state)
{
    const circle *c = *state;
    tdl_behaviour_states *states = tdl_behaviour_states_new(1 << 20);
    const int32_t item[] = {1, 2, 3, 4, 9, 5};
    const int64_t time_us[] = {0, 10, 20, 30, 30, 40};
    const size_t cost[] = {1, 1, 1, 1, 2, 1}; // the group of 4 grows to {4, 9}
    size_t passed = 0;

    for (size_t n = 1; n <= 6; n++) {
        expect_same_vector(states, c->model, item, time_us, n);
        assert_int_equal(tdl_behaviour_states_passed(states) - passed, cost[n - 1]);
        passed = tdl_behaviour_states_passed(states);
    }
    expect_same_vector(states, c->model, item, time_us, 6); // asked again: nothing
    assert_int_equal(tdl_behaviour_states_passed(states), passed);
    tdl_behaviour_states_free(states);
}

static void memory_is_bounded_and_can_be_forgotten(void **state)
{
    const circle *c = *state;
    size_t one = 0;
    tdl_behaviour_states *states = tdl_behaviour_states_new(100000);

    for (int32_t u = 0; u < 200; u++) {
        const int32_t item[] = {u % ITEMS, 3};
        const int64_t time_us[] = {u, 500};
        expect_same_vector(states, c->model, item, time_us, 2);
        one = u == 0 ? tdl_behaviour_states_bytes(states) : one;
        assert_in_range(tdl_behaviour_states_bytes(states), one, 100000);
    }
    assert_int_equal(tdl_behaviour_states_n(states), 100000 / one);
    tdl_behaviour_states_forget(states);
    assert_int_equal(tdl_behaviour_states_n(states), 0);
    assert_int_equal(tdl_behaviour_states_bytes(states), 0);
    tdl_behaviour_states_free(states);
}

typedef struct asker {
    const circle *c;
    tdl_behaviour_states *states;
    float expected[ITEMS][TDL_BEHAVIOUR_D_MAX];
    bool wrong[8];
} asker;

static void ask(void *context, size_t begin, size_t end, unsigned part)
{
    asker *a = context;
    float found[TDL_BEHAVIOUR_D_MAX];

    for (size_t i = begin; i < end; i++) {
        const int32_t item[] = {(int32_t)(i % ITEMS), 2};
        const int64_t time_us[] = {(int64_t)(i % ITEMS), 50};
        const tdl_history h = {item, time_us, 2};
        if (tdl_behaviour_state_vector(a->states, a->c->model, &h, found) ||
            memcmp(found, a->expected[i % ITEMS], a->c->model->params.d * sizeof *found) != 0)
            a->wrong[part] = true;
    }
}

static void threads_may_ask_for_one_person_at_once(void **state)
{
    asker a = {.c = *state, .states = tdl_behaviour_states_new(1 << 20)};
    tdl_pool *pool = tdl_pool_new(4);

    for (int32_t i = 0; i < ITEMS; i++) {
        const int32_t item[] = {i, 2};
        const int64_t time_us[] = {i, 50};
        const tdl_history h = {item, time_us, 2};
        assert_int_equal(tdl_behaviour_state_vector(NULL, a.c->model, &h, a.expected[i]), TDL_OK);
    }
    tdl_pool_run(pool, 2000, 1, ask, &a);
    for (size_t i = 0; i < COUNT(a.wrong); i++)
        assert_false(a.wrong[i]);
    tdl_pool_free(pool);
    tdl_behaviour_states_free(a.states);
}

/* ---- the rung ---- */

/* On a circle, what comes next is said by the last event. */
static void the_event_that_says_what_comes_next_is_the_reason(void **state)
{
    const circle *c = *state;
    const int32_t history[] = {12, 5, 6, 7};
    tdl_reason reasons[3];
    size_t n = explain(&tdl_rung_behaviour, c->model, history, 4, 8, reasons, 3);

    assert_in_range(n, 1, 3);
    assert_int_equal(reasons[0].kind, TDL_REASON_EVENT);
    assert_int_equal(reasons[0].at, 3);
    assert_false(reasons[0].exact);
    assert_true(reasons[0].share > 0 && reasons[0].share <= 1);
    assert_int_equal(explain(&tdl_rung_behaviour, c->model, history, 0, 8, reasons, 3), 0);
}

static void a_reloaded_model_answers_with_the_same_bits(void **state)
{
    const circle *c = *state;
    const int32_t history[] = {12, 5, 6, 7};
    tdl_behaviour *loaded = reload(&tdl_rung_behaviour, c->model, ITEMS);
    float before[ITEMS], after[ITEMS];

    score(&tdl_rung_behaviour, c->model, history, 4, before);
    for (int i = 0; i < 2; i++) { // the second time from what it has kept
        score(&tdl_rung_behaviour, loaded, history, 4, after);
        assert_memory_equal(before, after, sizeof before);
    }
    assert_int_equal(tdl_rung_behaviour.similar(c->model, 4, before), TDL_OK);
    assert_int_equal(tdl_rung_behaviour.similar(loaded, 4, after), TDL_OK);
    assert_memory_equal(before, after, sizeof before);
    assert_true(tdl_rung_behaviour.bytes(loaded) > ITEMS * SMALL.d * sizeof(float));
    tdl_behaviour_free(loaded);
}

/* What a change of one number of the file is answered with. */
static void expect_refused(const tdl_behaviour *model, size_t items_n, const char *what)
{
    tdl_st_writer *writer = tdl_st_writer_new();
    tdl_buf bytes = {0};
    tdl_st_file *file = NULL;
    tdl_report why = {0};
    void *loaded = NULL;

    tdl_rung_behaviour.save(model, writer);
    expect_ok(tdl_st_encode(writer, &bytes, &why), &why);
    tdl_st_writer_free(writer);
    expect_ok(tdl_st_parse(tdl_buf_view(&bytes), &file, &why), &why);
    assert_int_equal(tdl_rung_behaviour.load(file, items_n, &loaded, &why), TDL_E_CORRUPT);
    if (!strstr(why.message, what))
        fail_msg("%s does not speak of '%s'", why.message, what);
    tdl_st_free(file);
    tdl_buf_release(&bytes);
}

static void files_that_cannot_be_are_refused(void **state)
{
    circle *c = *state;
    tdl_behaviour *m = c->model;
    float *value = tdl_params_value(&m->values, m->item_table);
    const float whole = value[3];

    expect_refused(m, ITEMS + 1, "behaviour/item");
    value[3] = NAN;
    expect_refused(m, ITEMS, "not finite");
    value[3] = whole;
    for (size_t i = 0; i < 6; i++) {
        const double bad[] = {0, -1, 1e9, 2.5, NAN}, kept = m->saved[i];
        for (size_t k = 0; k < COUNT(bad); k++) {
            m->saved[i] = bad[k];
            expect_refused(m, ITEMS, "behaviour/sizes");
        }
        m->saved[i] = kept;
    }
    m->saved[1] = 16; // blocks that the file does not hold
    expect_refused(m, ITEMS, "the file holds");
    m->saved[1] = 2;
}

/* ---- sizes ---- */

static void a_log_that_would_take_hours_is_refused_with_the_hours(void **state)
{
    enum { MANY = 3000000 };
    const size_t offsets[] = {0, 1000};
    int32_t item[1000] = {0};
    int64_t time_us[1000] = {0};
    const tdl_interactions all = {1, MANY, offsets, item, time_us};
    const tdl_fit_data data = {&all, offsets + 1};
    tdl_behaviour_params params = {.epochs = 1000000};
    tdl_report why = {0};

    TDL_UNUSED(state);
    assert_int_equal(tdl_behaviour_choose(&data, &params, &why), TDL_E_TOO_LARGE);
    assert_non_null(strstr(why.message, "hours"));
}

static void one_item_and_nobody_are_data_too(void **state)
{
    const size_t none[] = {0}, one_offsets[] = {0, 1};
    const int32_t item[] = {0};
    const int64_t time_us[] = {0};
    const tdl_interactions nobody = {0, 1, none, NULL, NULL},
                           one = {1, 1, one_offsets, item, time_us};
    float scores[1];

    TDL_UNUSED(state);
    void *model = fit_all(&tdl_rung_behaviour, &one);
    score(&tdl_rung_behaviour, model, item, 1, scores);
    assert_true(scores[0] > 0);
    tdl_rung_behaviour.free(model);
    const tdl_fit_data data = {&nobody, none};
    tdl_fit_options options = {.seed = 1};
    tdl_report why = {0};
    expect_ok(tdl_rung_behaviour.fit(&data, &options, &model, &why), &why);
    tdl_rung_behaviour.free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_follows_in_every_history_is_learnt_by_each_loss),
        cmocka_unit_test(a_fit_does_not_depend_on_threads),
        cmocka_unit_test(the_order_inside_a_group_changes_no_bit),
        cmocka_unit_test(whoever_did_nothing_or_unknown_things_is_told_nothing),
        cmocka_unit_test(gaps_fall_into_powers_of_two),
        cmocka_unit_test(a_window_depends_on_the_newest_events_only),
        cmocka_unit_test(endless_groups_are_looked_at_in_part),
        cmocka_unit_test(going_on_has_the_bits_of_a_whole_pass),
        cmocka_unit_test(an_event_costs_one_token_and_its_group),
        cmocka_unit_test(memory_is_bounded_and_can_be_forgotten),
        cmocka_unit_test(threads_may_ask_for_one_person_at_once),
        cmocka_unit_test(the_event_that_says_what_comes_next_is_the_reason),
        cmocka_unit_test(a_reloaded_model_answers_with_the_same_bits),
        cmocka_unit_test(files_that_cannot_be_are_refused),
        cmocka_unit_test(a_log_that_would_take_hours_is_refused_with_the_hours),
        cmocka_unit_test(one_item_and_nobody_are_data_too),
    };
    return cmocka_run_group_tests_name("behaviour", tests, set_up, tear_down);
}

/* Who serves which surface: chosen on the store's own log, kept with the model, and answered by.
 *
 * Slow: each training fits every model several times.
 */
#include "stored.h"

#include "apps/app.h"
#include "apps/recommend/blend_feature.h"
#include "apps/recommend/feedback_store.h"
#include "apps/recommend/rung_blend.h"
#include "apps/recommend/serving.h"
#include "apps/recommend/what_if.h"

static const tdl_app_ops *const ops = &tdl_recommend_app;

enum { USERS = 215, CLUSTERS = 5, EACH = 20, ORDERS = 10, ITEMS = CLUSTERS * EACH };
static const int64_t DAY_US = INT64_C(86400000000), BEGAN_US = INT64_C(1700000000000000);

typedef struct fixture {
    stored s;
    tdl_app *app;
    tdl_arena *arena;
    tdl_buf extra, report;
    tdl_decision decision;
    int64_t asked_us;
} fixture;

static void learn(void *context, const tdl_event *event, int64_t seq)
{
    ops->learn_one(((fixture *)context)->app, event, seq);
}

static void open_app(fixture *f)
{
    tdl_app_context context = {.store = f->s.store, .data_dir = f->s.folder};
    tdl_report why = {0};

    expect_ok(ops->open(&context, &f->app, NULL, &why), &why);
    tdl_store_observe(f->s.store, learn, f);
}

static void close_app(fixture *f)
{
    tdl_store_observe(f->s.store, NULL, NULL);
    ops->close(f->app);
}

/* An order of two items that follow each other in the user's part of the shop, and now and then one
 * of another part, every twelve days, the users spread over them. */
static void store_orders(fixture *f, int users_n)
{
    tdl_event *events = calloc((size_t)users_n * ORDERS * 3, sizeof *events);
    char(*text)[4][48] = calloc((size_t)users_n * ORDERS * 3, sizeof *text);
    tdl_report why = {0};
    size_t n = 0;

    for (int u = 0; u < users_n; u++)
        for (int k = 0; k < ORDERS; k++)
            for (int i = 0; i < 3; i++) {
                int cluster = i < 2 ? u % CLUSTERS : (u + k) % CLUSTERS;
                int at = i < 2 ? (u / CLUSTERS + 2 * k + i) % EACH : (7 * u + 3 * k) % EACH;
                if (i == 2 && (u + k) % 3)
                    continue;
                snprintf(text[n][0], 48, "u%d", u);
                snprintf(text[n][1], 48, "i%d", cluster * EACH + at);
                snprintf(text[n][2], 48, "m%zu", n);
                snprintf(text[n][3], 48, "{\"order_id\":\"o%d-%d\"}", u, k);
                events[n] = (tdl_event){.time_us = BEGAN_US + (12 * k + u % 12) * DAY_US + u,
                                        .user = tdl_str_of(text[n][0]),
                                        .kind = TDL_STR("purchase"),
                                        .item = tdl_str_of(text[n][1]),
                                        .source = TDL_STR("test"),
                                        .message_id = tdl_str_of(text[n][2]),
                                        .properties = tdl_str_of(text[n][3])};
                n++;
            }
    expect_ok(tdl_store_append(f->s.store, events, n, NULL, &why), &why);
    f->asked_us = BEGAN_US + (12 * ORDERS + 1) * DAY_US;
    free(events);
    free(text);
}

static void train(fixture *f)
{
    tdl_train_options options = {.seed = 5, .activate = true};
    tdl_report why = {0};

    tdl_buf_clear(&f->report);
    expect_ok(ops->train(f->app, &options, &f->report, &why), &why);
}

static fixture *new_fixture(int users_n)
{
    fixture *f = calloc(1, sizeof *f);

    set_up_store(&f->s);
    f->arena = tdl_arena_new((size_t)32 << 20);
    open_app(f);
    store_orders(f, users_n);
    train(f);
    return f;
}

static int set_up(void **state)
{
    *state = new_fixture(USERS);
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;

    close_app(f);
    tear_down_store(&f->s);
    tdl_arena_free(f->arena);
    tdl_buf_release(&f->extra);
    tdl_buf_release(&f->report);
    free(f);
    return 0;
}

static json_t *parse(const tdl_buf *text)
{
    tdl_report why = {0};
    json_t *parsed = NULL;

    expect_ok(tdl_json_parse(tdl_buf_view(text), TDL_JSON_REFUSE_DUPLICATES, &parsed, &why), &why);
    return parsed;
}

/* json_decref what is given. With a policy it is a preview. */
static json_t *ask(fixture *f, const char *question)
{
    tdl_report why = {0};
    json_t *parsed = NULL;
    tdl_jw w = {.out = &f->extra};

    expect_ok(tdl_json_parse(tdl_str_of(question), TDL_JSON_REFUSE_DUPLICATES, &parsed, &why),
              &why);
    tdl_ask one = {.question = parsed,
                   .time_us = f->asked_us,
                   .may_wait = true,
                   .preview = json_object_get(parsed, "policy") != NULL};
    tdl_arena_reset(f->arena);
    tdl_buf_clear(&f->extra);
    f->decision = (tdl_decision){.id = "01900000-0000-7000-8000-000000000001"};
    tdl_jw_object(&w);
    expect_ok(ops->decide(f->app, &one, f->arena, &f->decision, &w, &why), &why);
    tdl_jw_end_object(&w);
    json_decref(parsed);
    return parse(&f->extra);
}

static const char *text_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    return value ? json_string_value(value) : NULL;
}

static const json_t *surface_of(const json_t *report, const char *name)
{
    size_t i;
    json_t *one;

    json_array_foreach(json_object_get(report, "surfaces"), i,
                       one) if (!strcmp(text_of(one, "surface"), name)) return one;
    fail_msg("no surface %s", name);
    return NULL;
}

static const tdl_contender *contender(const char *name)
{
    for (size_t i = 0; i < tdl_contenders_n; i++)
        if (!strcmp(tdl_contenders[i].name, name))
            return &tdl_contenders[i];
    fail_msg("there is no contender %s", name);
    return NULL;
}

/* ---- the report ---- */

static void the_report_says_who_serves_each_surface_and_why(void **state)
{
    fixture *f = *state;
    json_t *report = parse(&f->report);
    const json_t *home = surface_of(report, "home"), *cart = surface_of(report, "cart"),
                 *similar = surface_of(report, "similar");

    assert_string_equal(text_of(home, "task"), "discovery");
    assert_int_equal(json_integer_value(json_object_get(home, "people")), USERS);
    assert_string_equal(text_of(home, "reason"), "proven_better");
    /* what beats the simpler one does so by an interval above 0 */
    assert_true(json_number_value(json_object_get(home, "difference_low")) > 0);
    assert_true(json_array_size(json_object_get(home, "parts")) >= 1);
    assert_string_equal(text_of(surface_of(report, "email"), "serves"), text_of(home, "serves"));
    assert_string_equal(text_of(cart, "task"), "cart");
    assert_true(json_is_true(
        json_object_get(json_array_get(json_object_get(cart, "parts"), 0), "baskets")));
    assert_string_equal(text_of(similar, "reason"), "not_measured");
    assert_true(json_integer_value(json_object_get(report, "memory_bytes")) > 0);
    assert_int_equal(json_array_size(json_object_get(report, "tasks")), TDL_RECOMMEND_TASKS_N);
    json_decref(report);
}

static void what_the_report_says_serves_is_what_answers(void **state)
{
    fixture *f = *state;
    json_t *report = parse(&f->report);
    json_t *home = ask(f, "{\"surface\":\"home\",\"user\":\"u3\",\"explore\":false}");

    assert_string_equal(text_of(home, "serves"), text_of(surface_of(report, "home"), "serves"));
    assert_true(json_is_null(json_object_get(home, "fallback")));
    json_decref(home);
    json_t *cart = ask(f, "{\"surface\":\"cart\",\"items\":[\"i3\"],\"k\":3,\"explore\":false}");
    assert_string_equal(text_of(cart, "serves"), text_of(surface_of(report, "cart"), "serves"));
    /* in a cart with i3, i2 or i4 is next to it in every order of these users */
    const char *first = text_of(json_array_get(json_object_get(cart, "items"), 0), "id");
    assert_true(!strcmp(first, "i2") || !strcmp(first, "i4"));
    json_decref(cart);
    json_decref(report);
}

static void with_too_few_people_the_ladders_choice_serves(void **state)
{
    fixture *f = new_fixture(30);
    json_t *report = parse(&f->report);
    const json_t *home = surface_of(report, "home");
    void *fixture_of_this_test = f;

    TDL_UNUSED(state);
    assert_string_equal(text_of(home, "reason"), "too_few_people");
    assert_string_equal(text_of(home, "serves"), text_of(report, "promoted"));
    assert_int_equal(json_integer_value(json_object_get(home, "people")), 30);
    json_t *answer = ask(f, "{\"surface\":\"home\",\"user\":\"u3\",\"explore\":false}");
    assert_string_equal(text_of(answer, "serves"), text_of(report, "promoted"));
    json_decref(answer);
    json_decref(report);
    tear_down(&fixture_of_this_test);
}

/* ---- answers of a blend ---- */

#define PLAIN                                                                                      \
    "\"policy\":{\"seen\":\"never\",\"diversity\":{\"kind\":\"off\"},\"explore\":{\"kind\":"       \
    "\"off\"}}"

/* Let all parts that learnt from people answer "discovery", with weights of our own. */
static const tdl_lineup *blend_all(fixture *f)
{
    tdl_lineup *lineup = &f->app->serving->snapshot->lineup;
    tdl_mix *mix = &lineup->task[TDL_RECOMMEND_DISCOVERY];

    *mix = (tdl_mix){0};
    for (size_t i = 0; i < lineup->parts_n && mix->n < TDL_RUNG_BLEND_MAX; i++) {
        if (lineup->part[i].baskets)
            continue;
        mix->part[mix->n] = i;
        mix->weight[mix->n] = .4 + .3 * (double)mix->n;
        mix->n++;
    }
    assert_true(mix->n >= 2);
    return lineup;
}

/* The history of a user as offline questions have it, in the snapshot's numbers. */
static void offline_question(const tdl_feedback *feedback, const tdl_snapshot *snapshot,
                             const char *user, int32_t *item, int64_t *time_us, tdl_question *ret)
{
    const tdl_interactions *all = tdl_feedback_all(feedback);
    size_t n = 0, first_n = 0;

    for (size_t u = 0; u < all->users_n; u++) {
        if (!tdl_str_is(tdl_feedback_user(feedback, (int32_t)u), user))
            continue;
        for (size_t at = all->offsets[u]; at < all->offsets[u + 1]; at++, n++) {
            int32_t number = 0;
            while (
                !tdl_str_eq(snapshot->item_id[number], tdl_feedback_item(feedback, all->item[at])))
                number++;
            item[n] = number;
            time_us[n] = all->time_us[at];
        }
    }
    int32_t *first = item + n;
    int64_t *first_us = time_us + n;
    for (size_t i = 0; i < n; i++) {
        bool had = false;
        for (size_t k = 0; k < first_n; k++)
            had |= first[k] == item[i];
        if (had)
            continue;
        first[first_n] = item[i];
        first_us[first_n++] = time_us[i];
    }
    *ret = (tdl_question){.items_n = snapshot->items_n,
                          .history = {item, time_us, n},
                          .first = {first, first_us, first_n}};
}

/* Independent of the serving code: rung_blend.c over the snapshot's own models, and the history as
 * the offline reader of the store lays it out. Scores there begin at 1; only differences count. */
static void served_scores_are_the_offline_blends(void **state)
{
    fixture *f = *state;
    const tdl_lineup *lineup = blend_all(f);
    const tdl_mix *mix = &lineup->task[TDL_RECOMMEND_DISCOVERY];
    const tdl_snapshot *snapshot = f->app->serving->snapshot;
    tdl_feedback *feedback = tdl_feedback_new();
    tdl_rung_blend offline = {.n = mix->n};
    tdl_report why = {0};
    char question[512], user[16];

    expect_ok(tdl_feedback_add_store(feedback, f->s.store, (tdl_str){0}, "", &why), &why);
    expect_ok(tdl_feedback_finish(feedback, &why), &why);
    for (size_t i = 0; i < mix->n; i++) {
        const tdl_part *part = &lineup->part[mix->part[i]];
        offline.part[i] = (tdl_fitted_rung){part->contender->rung, part->model};
        offline.own[i] = part->contender->own;
        offline.weight[i] = mix->weight[i];
    }
    for (int u = 0; u < 40; u++) {
        int32_t item[2 * 3 * ORDERS], number[ITEMS];
        int64_t time_us[2 * 3 * ORDERS];
        float scores[ITEMS];
        tdl_question q;
        size_t at;
        json_t *one;
        snprintf(user, sizeof user, "u%d", u);
        offline_question(feedback, snapshot, user, item, time_us, &q);
        tdl_arena *scratch = tdl_arena_new((size_t)8 << 20);
        expect_ok(tdl_rung_blend_score(&offline, &q, scratch, scores), &why);
        tdl_arena_free(scratch);
        snprintf(question, sizeof question,
                 "{\"surface\":\"home\",\"user\":\"%s\",\"k\":20,\"explore\":false," PLAIN "}",
                 user);
        json_t *answer = ask(f, question);
        const json_t *items = json_object_get(answer, "items");
        assert_string_equal(text_of(answer, "serves"), "blend");
        assert_int_equal(json_array_size(items), 20);
        double base = 0, worst = INFINITY;
        bool answered[ITEMS] = {0};
        json_array_foreach(items, at, one)
        {
            number[at] = 0;
            while (!tdl_str_is(snapshot->item_id[number[at]], text_of(one, "id")))
                number[at]++;
            double served = json_number_value(json_object_get(one, "score")),
                   expected = (double)scores[number[at]];
            if (!at)
                base = served - expected;
            expect_near(served - base, expected, 2e-3);
            worst = fmin(worst, expected);
            answered[number[at]] = true;
        }
        /* nobody who may be shown was better than the last of them */
        for (size_t i = 0; i < ITEMS; i++) {
            bool had = false;
            for (size_t k = 0; k < q.first.n; k++)
                had |= q.first.item[k] == (int32_t)i;
            if (!had && !answered[i] && (double)scores[i] > worst + 2e-3)
                fail_msg("%s: item %zu has %g offline, the last answered %g", user, i,
                         (double)scores[i], worst);
        }
        json_decref(answer);
    }
    tdl_feedback_free(feedback);
}

/* A scan of vectors is another way to the same answer: below TDL_SCAN_ITEMS_MIN items each is
 * scored.
 */
static void a_scan_answers_as_scoring_every_item_does(void **state)
{
    fixture *f = *state;
    tdl_lineup *lineup = &f->app->serving->snapshot->lineup;
    const size_t items_n = f->app->serving->snapshot->items_n;
    tdl_mix *mix = &lineup->task[TDL_RECOMMEND_DISCOVERY];
    const tdl_contender *ials = contender("ials");
    size_t offsets[USERS + 1];
    int32_t item[USERS * 4];
    int64_t time_us[USERS * 4];
    tdl_report why = {0};

    for (size_t u = 0; u < USERS; u++)
        for (size_t k = 0; k < 4; k++) {
            offsets[u] = 4 * u;
            item[4 * u + k] = (int32_t)((7 * u + k) % items_n);
            time_us[4 * u + k] = (int64_t)k;
        }
    offsets[USERS] = USERS * 4;
    const tdl_interactions all = {USERS, items_n, offsets, item, time_us};
    blend_all(f);
    assert_true(mix->n < TDL_RUNG_BLEND_MAX);
    lineup->part[lineup->parts_n] =
        (tdl_part){.contender = ials, .model = fit_all(ials->rung, &all)};
    mix->part[mix->n] = lineup->parts_n++;
    mix->weight[mix->n++] = 1.3;
    for (int alone = 0; alone < 2; alone++) {
        if (alone) {
            *mix = (tdl_mix){.n = 1, .part = {lineup->parts_n - 1}, .weight = {1}};
            tdl_scan_free(lineup->part[lineup->parts_n - 1].scan);
            lineup->part[lineup->parts_n - 1].scan = NULL;
        }
        json_t *every = ask(f, "{\"surface\":\"home\",\"user\":\"u11\",\"k\":30," PLAIN "}");
        expect_ok(tdl_lineup_index(lineup, items_n, 1, &why), &why);
        assert_non_null(lineup->part[lineup->parts_n - 1].scan);
        json_t *scanned = ask(f, "{\"surface\":\"home\",\"user\":\"u11\",\"k\":30," PLAIN "}");
        const json_t *one = json_object_get(every, "items"),
                     *other = json_object_get(scanned, "items");
        assert_int_equal(json_array_size(one), json_array_size(other));
        for (size_t i = 0; i < json_array_size(one); i++) {
            assert_string_equal(text_of(json_array_get(one, i), "id"),
                                text_of(json_array_get(other, i), "id"));
            expect_near(json_number_value(json_object_get(json_array_get(one, i), "score")),
                        json_number_value(json_object_get(json_array_get(other, i), "score")),
                        1e-4);
        }
        json_decref(every);
        json_decref(scanned);
    }
}

/* The row alone gives the score again: what each part added, and what silence is worth. */
static void a_row_keeps_what_each_part_said(void **state)
{
    fixture *f = *state;
    const tdl_lineup *lineup = blend_all(f);
    const tdl_mix *mix = &lineup->task[TDL_RECOMMEND_DISCOVERY];
    tdl_buf out = {0};
    tdl_jw w = {.out = &out};
    tdl_report why = {0};
    double silence = 0;
    size_t i, k;
    json_t *one, *part;

    json_t *answer = ask(f, "{\"surface\":\"home\",\"user\":\"u7\",\"explore\":false}");
    expect_ok(ops->explain(f->app, &f->decision, &w, &why), &why);
    json_t *row = parse(&out);
    for (k = 0; k < mix->n; k++)
        silence += mix->weight[k] * tdl_blend_feature(0, 1);
    assert_int_equal(json_array_size(row), 10);
    json_array_foreach(row, i, one)
    {
        const json_t *told = json_array_get(json_object_get(answer, "items"), i),
                     *parts = json_object_get(one, "parts");
        double sum = 0, shares = 0, most = 0;
        const char *largest = NULL;
        assert_string_equal(text_of(one, "item"), text_of(told, "id"));
        assert_true(json_equal(parts, json_object_get(told, "parts")));
        assert_int_equal(json_array_size(parts), mix->n);
        json_array_foreach(parts, k, part)
        {
            double added = json_number_value(json_object_get(part, "log_odds"));
            sum += added;
            shares += json_number_value(json_object_get(part, "share"));
            if (added > most) {
                most = added;
                largest = text_of(part, "model");
            }
        }
        expect_near(shares, 1, 1e-5);
        if (!strcmp(text_of(told, "source"), "popularity") ||
            !strcmp(text_of(told, "source"), "new"))
            continue;
        expect_near(json_number_value(json_object_get(told, "score")), sum + silence, 1e-5);
        assert_string_equal(text_of(told, "source"), largest);
    }
    tdl_buf_release(&out);
    json_decref(row);
    json_decref(answer);
}

static void a_damaged_row_of_a_blend_is_refused(void **state)
{
    fixture *f = *state;

    blend_all(f);
    json_decref(ask(f, "{\"surface\":\"home\",\"user\":\"u7\",\"explore\":false}"));
    for (size_t n = 1; n < f->decision.why.len; n++) {
        tdl_buf out = {0};
        tdl_jw w = {.out = &out};
        tdl_decision cut = f->decision;
        cut.why.len = n;
        assert_int_equal(ops->explain(f->app, &cut, &w, NULL), TDL_E_CORRUPT);
        tdl_buf_release(&out);
    }
}

static void a_restart_answers_the_same(void **state)
{
    fixture *f = *state;
    char question[160];
    tdl_buf before[12] = {0};

    for (int again = 0; again < 2; again++) {
        for (int u = 0; u < 12; u++) {
            snprintf(question, sizeof question,
                     u < 6 ? "{\"surface\":\"home\",\"user\":\"u%d\"}"
                           : "{\"surface\":\"cart\",\"items\":[\"i%d\"]}",
                     u);
            json_decref(ask(f, question));
            if (!again)
                tdl_buf_str(&before[u], tdl_buf_view(&f->extra));
            else if (!tdl_str_eq(tdl_buf_view(&before[u]), tdl_buf_view(&f->extra)))
                fail_msg("before %.*s\nafter %.*s", TDL_FMT(tdl_buf_view(&before[u])),
                         TDL_FMT(tdl_buf_view(&f->extra)));
        }
        close_app(f);
        tdl_store_close(f->s.store);
        open_store(&f->s);
        open_app(f);
    }
    for (int u = 0; u < 12; u++)
        tdl_buf_release(&before[u]);
}

/* A new item that one user takes is answered to the next, without training: directed counts learn
 * with the event, and the blend has them. */
static void a_blend_answers_what_came_after_its_training(void **state)
{
    fixture *f = *state;
    bool there = false;
    size_t i;
    json_t *one;

    blend_all(f);
    f->s.messages_n = 1000000; // orders have the first
    for (int u = 0; u < 8; u++) {
        char user[16];
        snprintf(user, sizeof user, "late%d", u);
        store_event(&f->s, user, "i0", f->asked_us - 2 * DAY_US);
        store_event(&f->s, user, "brand-new", f->asked_us - DAY_US);
    }
    store_event(&f->s, "fresh", "i0", f->asked_us - 1);
    json_t *answer =
        ask(f, "{\"surface\":\"home\",\"user\":\"fresh\",\"k\":100,\"explore\":false," PLAIN "}");
    json_array_foreach(json_object_get(answer, "items"), i, one)
    {
        if (strcmp(text_of(one, "id"), "brand-new"))
            continue;
        size_t k;
        json_t *part;
        json_array_foreach(json_object_get(one, "parts"), k,
                           part) if (!strcmp(text_of(part, "model"), "directed")) there |=
            json_number_value(json_object_get(part, "score")) > 0;
    }
    assert_true(there);
    json_decref(answer);
}

static void put_policy(fixture *f, const char *surface, const char *policy)
{
    tdl_buf out = {0};
    tdl_jw w = {.out = &out};
    tdl_report why = {0};
    json_t *document = NULL;

    expect_ok(tdl_json_parse(tdl_str_of(policy), TDL_JSON_REFUSE_DUPLICATES, &document, &why),
              &why);
    expect_ok(ops->settings(f->app, tdl_str_of(surface), document, &w, &why), &why);
    json_decref(document);
    tdl_buf_release(&out);
}

/* By the formula of an epsilon slot: a slot has eps / m, and the best of the m left 1 - eps more.
 */
static void propensities_of_a_blend_are_those_it_was_drawn_from(void **state)
{
    fixture *f = *state;
    bool explored = false;
    size_t i;
    json_t *one;

    blend_all(f);
    put_policy(f, "home",
               "{\"version\":0,\"policy\":{\"seen\":\"never\",\"diversity\":{\"kind\":\"off\"},"
               "\"explore\":{\"kind\":\"epsilon\",\"epsilon\":0.5,\"from_slot\":1,"
               "\"new_items\":{\"impressions\":0,\"share\":0}}}}");
    json_t *answer = ask(f, "{\"surface\":\"home\",\"user\":\"u9\",\"k\":10}");
    tdl_buf out = {0};
    tdl_jw w = {.out = &out};
    tdl_report why = {0};
    expect_ok(ops->explain(f->app, &f->decision, &w, &why), &why);
    json_t *row = parse(&out);
    json_array_foreach(json_object_get(answer, "items"), i, one)
    {
        const json_t *slot = json_object_get(json_array_get(row, i), "slot");
        double m = (double)json_integer_value(json_object_get(slot, "pool"));
        bool best = !json_is_true(json_object_get(slot, "explored"));
        explored |= !best;
        assert_true(m > 20);
        expect_near(json_number_value(json_object_get(one, "propensity")), .5 / m + (best ? .5 : 0),
                    1e-9);
    }
    assert_true(explored); // of ten slots at one in two
    json_decref(row);
    json_decref(answer);
    tdl_buf_release(&out);
}

static void a_stranger_is_answered_by_who_serves_strangers(void **state)
{
    fixture *f = *state;
    tdl_lineup *lineup = &f->app->serving->snapshot->lineup;
    tdl_part *part = &lineup->part[lineup->parts_n];
    size_t items_n = f->app->serving->snapshot->items_n, i;
    const size_t offsets[] = {0, 1};
    const tdl_interactions all = {1, items_n, offsets, (const int32_t[]){0}, (const int64_t[]){1}};
    json_t *one;

    *part =
        (tdl_part){.contender = &tdl_contenders[0], .model = fit_all(tdl_contenders[0].rung, &all)};
    lineup->task[TDL_RECOMMEND_STRANGERS] =
        (tdl_mix){.n = 1, .part = {lineup->parts_n++}, .weight = {1}};
    json_t *answer = ask(f, "{\"surface\":\"home\",\"user\":\"nobody\",\"explore\":false}");
    assert_string_equal(text_of(answer, "serves"), "recent-popularity");
    assert_string_equal(text_of(answer, "fallback"), "stranger");
    json_array_foreach(json_object_get(answer, "items"), i, one) assert_string_equal(
        text_of(json_array_get(json_object_get(one, "why"), 0), "kind"), "popular");
    json_decref(answer);
}

/* Taken twice counts twice, and both times are told: by hand, two halves, the later one first. */
static void own_history_is_explained_by_each_time_it_happened(void **state)
{
    fixture *f = *state;
    tdl_lineup *lineup = &f->app->serving->snapshot->lineup;
    const size_t offsets[] = {0, 1};
    const tdl_interactions all = {1, f->app->serving->snapshot->items_n, offsets,
                                  (const int32_t[]){0}, (const int64_t[]){1}};

    lineup->part[lineup->parts_n] =
        (tdl_part){.contender = contender("own-history"), .model = fit_all(&tdl_rung_own, &all)};
    lineup->task[TDL_RECOMMEND_NEXT] =
        (tdl_mix){.n = 1, .part = {lineup->parts_n++}, .weight = {1}};
    f->s.messages_n = 2000000; // orders have the first
    store_event(&f->s, "again", "i5", f->asked_us - 9 * DAY_US);
    store_event(&f->s, "again", "i6", f->asked_us - 8 * DAY_US);
    store_event(&f->s, "again", "i5", f->asked_us - 7 * DAY_US);
    json_t *answer = ask(f, "{\"surface\":\"home\",\"user\":\"again\",\"k\":2,\"explain\":3,"
                            "\"policy\":{\"seen\":\"0d\",\"diversity\":{\"kind\":\"off\"}}}");
    const json_t *items = json_object_get(answer, "items"), *first = json_array_get(items, 0),
                 *why = json_object_get(first, "why");
    assert_string_equal(text_of(answer, "serves"), "own-history");
    assert_string_equal(text_of(first, "id"), "i5");
    assert_string_equal(text_of(json_array_get(items, 1), "id"), "i6");
    assert_int_equal(json_array_size(why), 2);
    for (size_t i = 0; i < 2; i++) {
        const json_t *one = json_array_get(why, i);
        assert_string_equal(text_of(one, "item"), "i5");
        expect_near(json_number_value(json_object_get(one, "share")), .5, 1e-9);
    }
    assert_true(strcmp(text_of(json_array_get(why, 0), "time"),
                       text_of(json_array_get(why, 1), "time")) > 0);
    json_decref(answer);
}

/* ---- rungs that a policy names ---- */

#define NAMED(rungs)                                                                               \
    "\"policy\":{\"seen\":\"never\",\"diversity\":{\"kind\":\"off\"},\"explore\":{\"kind\":"       \
    "\"off\"},\"rungs\":" rungs "}}"

/* Saved, or why not. */
static tdl_status save(fixture *f, const char *surface, const char *document, tdl_report *why)
{
    json_t *parsed = json_loads(document, 0, NULL);
    tdl_buf out = {0};
    tdl_jw w = {.out = &out};

    assert_non_null(parsed);
    tdl_status st = ops->settings(f->app, tdl_str_of(surface), parsed, &w, why);
    json_decref(parsed);
    tdl_buf_release(&out);
    return st;
}

/* markov is in the ladder alone, no task's mix has it. */
static void a_rung_that_the_policy_names_answers_alone(void **state)
{
    fixture *f = *state;
    json_t *answer = ask(f, "{\"surface\":\"home\",\"user\":\"u3\",\"k\":3," NAMED("[\"markov\"]"));
    json_t *items = json_object_get(answer, "items"), *item;
    size_t i;

    assert_string_equal(text_of(answer, "serves"), "markov");
    assert_true(json_is_null(json_object_get(answer, "fallback")));
    assert_int_equal(json_array_size(items), 3);
    json_array_foreach(items, i, item) assert_string_equal(text_of(item, "source"), "markov");
    json_decref(answer);
    answer = ask(f, "{\"surface\":\"similar\",\"items\":[\"i3\"]," NAMED("[\"ease\"]"));
    assert_string_equal(text_of(answer, "serves"), "ease");
    json_decref(answer);
}

static void several_named_rungs_answer_together_and_say_what_each_added(void **state)
{
    fixture *f = *state;
    json_t *answer =
        ask(f, "{\"surface\":\"home\",\"user\":\"u3\",\"k\":5," NAMED("[\"markov\",\"ease\"]"));
    json_t *item;
    size_t i;

    assert_string_equal(text_of(answer, "serves"), "blend");
    json_array_foreach(json_object_get(answer, "items"), i, item)
    {
        json_t *parts = json_object_get(item, "parts");
        double markov = json_number_value(json_object_get(json_array_get(parts, 0), "log_odds"));
        double ease = json_number_value(json_object_get(json_array_get(parts, 1), "log_odds"));
        assert_int_equal(json_array_size(parts), 2);
        assert_string_equal(text_of(json_array_get(parts, 0), "model"), "markov");
        assert_string_equal(text_of(json_array_get(parts, 1), "model"), "ease");
        assert_string_equal(text_of(item, "source"), ease > markov ? "ease" : "markov");
    }
    assert_true(i > 0);
    json_decref(answer);
}

static void rungs_that_no_model_or_this_model_has_are_refused_by_name(void **state)
{
    static const struct {
        const char *surface, *rungs, *message;
    } cases[] = {
        {"email", "[\"marcov\"]", "there is no rung \"marcov\""},
        {"email", "[\"ease\", \"ease\"]", "\"ease\" is named twice"},
        {"email", "[]", "rungs is \"auto\", or an array"},
        {"email", "\"ease\"", "rungs is \"auto\", or an array"},
        {"email", "[3]", "rungs[0]"},
        {"email", "[\"ease\", \"own-history\"]",
         "rungs[1]: the model that serves has no \"own-history\"; it has popularity, item-knn"},
        {"similar", "[\"popularity\"]",
         "no \"popularity\" that knows what is similar; it has item"},
    };
    fixture *f = *state;
    const tdl_lineup kept = f->app->serving->snapshot->lineup;

    f->app->serving->snapshot->lineup = (tdl_lineup){0}; /* the ladder is all there is */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char document[200];
        tdl_report why = {0};
        snprintf(document, sizeof document, "{\"version\":0,\"policy\":{\"rungs\":%s}}",
                 cases[i].rungs);
        assert_int_equal(save(f, cases[i].surface, document, &why), TDL_E_INVALID);
        if (!strstr(why.message, cases[i].message))
            fail_msg("%s: %s", cases[i].rungs, why.message);
    }
    f->app->serving->snapshot->lineup = kept;
}

/* A later model may lack what was named: then the measured one answers, and it is said. */
static void without_the_named_rung_the_measured_one_answers(void **state)
{
    fixture *f = *state;
    tdl_snapshot *snapshot = f->app->serving->snapshot;
    size_t markov = tdl_ladder_find(TDL_STR("markov"));
    void *model = snapshot->model[markov];
    tdl_report why = {0};

    expect_ok(save(f, "email", "{\"version\":0,\"policy\":{\"rungs\":[\"markov\"]}}", &why), &why);
    snapshot->model[markov] = NULL;
    json_t *answer = ask(f, "{\"surface\":\"email\",\"user\":\"u3\"}");
    snapshot->model[markov] = model;
    assert_string_equal(text_of(answer, "fallback"), "no_rung");
    assert_string_not_equal(text_of(answer, "serves"), "markov");
    json_decref(answer);
    answer = ask(f, "{\"surface\":\"email\",\"user\":\"u3\"}");
    assert_string_equal(text_of(answer, "serves"), "markov");
    json_decref(answer);
    expect_ok(save(f, "email", "{\"version\":1,\"policy\":{\"rungs\":\"auto\"}}", &why), &why);
}

/* ---- what each part alone would have earned ---- */

/* Forty answers in which chance had a part, the third item of every second one clicked. */
static void answer_and_click(fixture *f)
{
    for (int i = 0; i < 40; i++) {
        char question[300], message_id[24];
        snprintf(question, sizeof question,
                 "{\"surface\":\"cart\",\"user\":\"u%d\",\"items\":[\"i%d\"],\"k\":4}", i, i % 6);
        json_decref(ask(f, question));
        snprintf(f->decision.id, sizeof f->decision.id, "01900000-0000-7000-9000-0000000001%02u",
                 (unsigned)i % 100);
        f->decision.app = TDL_STR("recommend");
        f->decision.time_us = f->asked_us;
        tdl_report why = {0};
        expect_ok(tdl_store_log_decision(f->s.store, &f->decision, &why), &why);
        snprintf(message_id, sizeof message_id, "click %d", i);
        tdl_event click = {.time_us = f->asked_us + 1000000,
                           .user = f->decision.user,
                           .kind = TDL_STR("click"),
                           .item = f->decision.candidates[2].item,
                           .source = TDL_STR("test"),
                           .message_id = tdl_str_of(message_id),
                           .decision_id = tdl_str_of(f->decision.id)};
        if (i % 2)
            expect_ok(tdl_store_append(f->s.store, &click, 1, NULL, &why), &why);
    }
    tdl_store_flush(f->s.store);
}

/* The estimate itself is held against the truth in test_what_if.c. */
static void the_report_says_what_each_part_alone_would_have_earned(void **state)
{
    fixture *f = *state;
    tdl_shown_ask asked = {.from_us = f->asked_us - DAY_US, .until_us = f->asked_us + DAY_US};
    tdl_what_if *what_if = tdl_what_if_new(TDL_WHAT_IF_SLOTS_MAX);
    tdl_buf out = {0};
    tdl_jw w = {.out = &out};
    tdl_report why = {0};

    answer_and_click(f);
    expect_ok(ops->shown(f->app, &asked, &w, &why), &why);
    json_t *report = parse(&out);
    const json_t *cart = surface_of(report, "cart"), *parts = json_object_get(cart, "what_if"),
                 *one;
    size_t i;
    expect_ok(tdl_what_if_read(what_if, f->s.store, TDL_STR("cart"), asked.from_us, &why), &why);
    assert_true(json_array_size(parts) >= 1);
    assert_true(json_is_null(json_object_get(cart, "what_if_missing")));
    json_array_foreach(parts, i, one)
    {
        tdl_off_policy o;
        expect_ok(tdl_what_if_estimate(what_if, tdl_str_of(text_of(one, "model")), &o, &why), &why);
        assert_int_equal(json_integer_value(json_object_get(one, "slots")), o.rows_n);
        assert_int_equal(o.rows_n, 80); /* slots 3 and 4 are those of chance */
        assert_true(fabs(json_number_value(json_object_get(one, "earned")) - .25) < 1e-9);
        assert_true(fabs(json_number_value(json_object_get(one, "value")) -
                         o.estimate[TDL_DR].value) < 1e-9);
        assert_true(json_number_value(json_object_get(one, "low")) <= o.estimate[TDL_DR].value);
        assert_non_null(text_of(one, "verdict"));
    }
    tdl_what_if_free(what_if);
    tdl_buf_release(&out);
    json_decref(report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_report_says_who_serves_each_surface_and_why),
        cmocka_unit_test(what_the_report_says_serves_is_what_answers),
        cmocka_unit_test(a_restart_answers_the_same),
        cmocka_unit_test(served_scores_are_the_offline_blends),
        cmocka_unit_test(a_scan_answers_as_scoring_every_item_does),
        cmocka_unit_test(a_row_keeps_what_each_part_said),
        cmocka_unit_test(a_damaged_row_of_a_blend_is_refused),
        cmocka_unit_test(propensities_of_a_blend_are_those_it_was_drawn_from),
        cmocka_unit_test(a_stranger_is_answered_by_who_serves_strangers),
        cmocka_unit_test(a_blend_answers_what_came_after_its_training),
        cmocka_unit_test(own_history_is_explained_by_each_time_it_happened),
        cmocka_unit_test(with_too_few_people_the_ladders_choice_serves),
        cmocka_unit_test(a_rung_that_the_policy_names_answers_alone),
        cmocka_unit_test(several_named_rungs_answer_together_and_say_what_each_added),
        cmocka_unit_test(rungs_that_no_model_or_this_model_has_are_refused_by_name),
        cmocka_unit_test(without_the_named_rung_the_measured_one_answers),
        cmocka_unit_test(the_report_says_what_each_part_alone_would_have_earned),
    };
    return cmocka_run_group_tests_name("recommend/lineup", tests, set_up, tear_down);
}

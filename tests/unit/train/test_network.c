/* The rung "network" (apps/recommend/network.c): what a fitted network promises. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "apps/recommend/rung.h"
#include "base/file.h"

/* Users walk round a circle of items, each from another place: what follows item i is i + 1. */
enum { ITEMS = 40, USERS = 80, STEPS = 24, ALL = USERS * STEPS, EPOCHS = 120 };

typedef struct walks {
    size_t offsets[USERS + 1], end[USERS];
    int32_t item[ALL];
    int64_t time_us[ALL];
    bool validate[USERS];
    tdl_interactions all;
} walks;

static walks *W;
static void *MODEL; /* fitted on all of them */
static tdl_arena *SCRATCH;

static const tdl_rung_ops *const OPS = &tdl_rung_network;

static void make_walks(walks *w)
{
    for (size_t u = 0; u < USERS; u++) {
        w->offsets[u + 1] = (u + 1) * STEPS;
        w->end[u] = w->offsets[u + 1];
        w->validate[u] = true;
        for (size_t i = 0; i < STEPS; i++) {
            w->item[u * STEPS + i] = (int32_t)((u * 7 + i) % ITEMS);
            w->time_us[u * STEPS + i] = (int64_t)i;
        }
    }
    w->all = (tdl_interactions){USERS, ITEMS, w->offsets, w->item, w->time_us};
}

static tdl_status fit(tdl_fit_options *options, void **ret, tdl_report *why)
{
    const tdl_fit_data data = {&W->all, W->end};

    return OPS->fit(&data, options, ret, why);
}

static int set_up(void **state)
{
    tdl_fit_options options = {.seed = 1, .epochs = EPOCHS};

    TDL_UNUSED(state);
    W = calloc(1, sizeof *W);
    SCRATCH = tdl_arena_new(1 << 20);
    if (!W || !SCRATCH)
        return -1;
    make_walks(W);
    return fit(&options, &MODEL, NULL) ? -1 : 0;
}

static int tear_down(void **state)
{
    TDL_UNUSED(state);
    OPS->free(MODEL);
    OPS->free(NULL);
    tdl_arena_free(SCRATCH);
    free(W);
    return 0;
}

static void score(const void *model, const int32_t *item, size_t n, float *ret)
{
    static const int64_t time_us[64];

    tdl_arena_reset(SCRATCH);
    assert_int_equal(OPS->score(model, &(tdl_history){item, time_us, n}, SCRATCH, ret), TDL_OK);
}

static size_t best_of(const float *scores)
{
    size_t best = 0;

    for (size_t i = 1; i < ITEMS; i++)
        best = scores[i] > scores[best] ? i : best;
    return best;
}

/* ---- scores ---- */

static void the_rule_of_the_data_is_learnt(void **state)
{
    size_t right = 0;

    TDL_UNUSED(state);
    for (int32_t start = 0; start < ITEMS; start++) {
        float scores[ITEMS];
        int32_t item[6];

        for (int32_t i = 0; i < 6; i++)
            item[i] = (start + i) % ITEMS;
        score(MODEL, item, 6, scores);
        right += best_of(scores) == (size_t)(start + 6) % ITEMS;
    }
    assert_true(right >= ITEMS - 2);
}

static void scores_are_probabilities(void **state)
{
    const int32_t item[] = {3, 4, 5};
    float scores[ITEMS];
    double sum = 0;

    TDL_UNUSED(state);
    score(MODEL, item, 3, scores);
    for (size_t i = 0; i < ITEMS; i++) {
        assert_true(scores[i] > 0);
        sum += (double)scores[i];
    }
    assert_true(fabs(sum - 1) < 1e-5);
}

static void without_a_history_there_is_nothing_to_say(void **state)
{
    float scores[ITEMS];

    TDL_UNUSED(state);
    score(MODEL, NULL, 0, scores);
    for (size_t i = 0; i < ITEMS; i++)
        assert_true(scores[i] == 0);
}

static void only_the_last_twenty_events_count(void **state)
{
    int32_t item[30];
    float a[ITEMS], b[ITEMS];

    TDL_UNUSED(state);
    for (int32_t i = 0; i < 30; i++)
        item[i] = i;
    score(MODEL, item, 30, a);
    item[9] = 35;
    score(MODEL, item, 30, b);
    assert_memory_equal(a, b, sizeof a);
    item[10] = 36;
    score(MODEL, item, 30, b);
    assert_memory_not_equal(a, b, sizeof a);
}

/* Users with one item each teach nothing but how often it was chosen. */
static void with_nothing_to_learn_from_scores_follow_popularity(void **state)
{
    const size_t offsets[] = {0, 1, 2, 3, 4, 5, 6}, end[] = {1, 2, 3, 4, 5, 6};
    const int32_t item[] = {2, 2, 2, 0, 0, 1};
    const int64_t time_us[6] = {0};
    const tdl_interactions all = {6, 4, offsets, item, time_us};
    const tdl_fit_data data = {&all, end};
    tdl_fit_options options = {.seed = 1};
    void *model = NULL;
    float scores[4];

    TDL_UNUSED(state);
    assert_int_equal(OPS->fit(&data, &options, &model, NULL), TDL_OK);
    score(model, item, 1, scores);
    assert_true(scores[2] > scores[0] && scores[0] > scores[1] && scores[1] > scores[3]);
    OPS->free(model);
}

/* ---- fitting ---- */

static bool refuse_to_go_on(void *context, const char *stage, double done, const char *detail)
{
    size_t *calls = context;

    assert_string_equal(stage, "network");
    assert_true(done >= 0 && done <= 1);
    TDL_UNUSED(detail);
    return ++*calls < 4;
}

static void progress_can_stop_a_fit(void **state)
{
    size_t calls = 0;
    tdl_fit_options options = {
        .seed = 1, .epochs = 50, .progress = refuse_to_go_on, .progress_context = &calls};
    void *model = NULL;

    TDL_UNUSED(state);
    assert_int_equal(fit(&options, &model, NULL), TDL_E_STOPPED);
    assert_null(model);
    assert_int_equal(calls, 4);
}

/* The last item is held out; the rule holds for it too, so more epochs can only help. */
static void validation_tells_the_epochs_a_refit_needs(void **state)
{
    tdl_fit_options options = {.seed = 1, .epochs = 6, .validate = W->validate};
    void *model = NULL;

    TDL_UNUSED(state);
    for (size_t u = 0; u < USERS; u++)
        W->end[u]--;
    tdl_status st = fit(&options, &model, NULL);
    for (size_t u = 0; u < USERS; u++)
        W->end[u]++;
    assert_int_equal(st, TDL_OK);
    assert_int_equal(options.ret_epochs, 6);
    OPS->free(model);
}

/* ---- files ---- */

static char PATH[96];

static void save(const void *model)
{
    tdl_st_writer *writer = tdl_st_writer_new();

    snprintf(PATH, sizeof PATH, "/tmp/treadle-network-%ld.safetensors", (long)getpid());
    OPS->save(model, writer);
    assert_int_equal(tdl_st_write(writer, PATH, NULL), TDL_OK);
    tdl_st_writer_free(writer);
}

static void a_saved_network_gives_the_same_bits_when_loaded(void **state)
{
    const int32_t item[] = {11, 12, 30};
    float before[ITEMS], after[ITEMS];
    tdl_st_file *file = NULL;
    void *model = NULL;

    TDL_UNUSED(state);
    save(MODEL);
    assert_int_equal(tdl_st_open(PATH, &file, NULL), TDL_OK);
    assert_int_equal(OPS->load(file, ITEMS, &model, NULL), TDL_OK);
    tdl_st_free(file); // the model must not live off the file
    unlink(PATH);
    score(MODEL, item, 3, before);
    score(model, item, 3, after);
    assert_memory_equal(before, after, sizeof before);
    assert_int_equal(OPS->bytes(MODEL), OPS->bytes(model));
    OPS->free(model);
}

static void fits_have_the_same_bytes_on_any_number_of_threads(void **state)
{
    tdl_buf first = {0};

    TDL_UNUSED(state);
    for (unsigned threads = 1; threads <= 3; threads++) {
        tdl_fit_options options = {.seed = 5, .epochs = 2, .pool = tdl_pool_new(threads)};
        tdl_buf bytes = {0};
        void *model = NULL;

        assert_int_equal(fit(&options, &model, NULL), TDL_OK);
        save(model);
        assert_int_equal(tdl_file_read(PATH, 1 << 24, threads == 1 ? &first : &bytes, NULL),
                         TDL_OK);
        if (threads > 1) {
            assert_int_equal(first.len, bytes.len);
            assert_memory_equal(first.at, bytes.at, first.len);
        }
        unlink(PATH);
        tdl_buf_release(&bytes);
        OPS->free(model);
        tdl_pool_free(options.pool);
    }
    tdl_buf_release(&first);
}

static void refuse_load(tdl_str bytes, size_t items_n, const char *says)
{
    tdl_st_file *file = NULL;
    tdl_report why = {0};
    void *model = NULL;

    assert_int_equal(tdl_st_parse(bytes, &file, NULL), TDL_OK);
    if (OPS->load(file, items_n, &model, &why) != TDL_E_CORRUPT || !strstr(why.message, says))
        fail_msg("\"%s\" does not say \"%s\"", why.message, says);
    assert_null(model);
    tdl_st_free(file);
}

static void damaged_or_foreign_files_are_refused_by_tensor(void **state)
{
    const float nan = NAN;
    tdl_buf bytes = {0};
    tdl_st_file *file = NULL;
    const tdl_st_view *table;

    TDL_UNUSED(state);
    save(MODEL);
    assert_int_equal(tdl_file_read(PATH, 1 << 24, &bytes, NULL), TDL_OK);
    unlink(PATH);
    refuse_load(tdl_buf_view(&bytes), ITEMS + 1, "network/in_table is [40][48], expected [41][48]");
    refuse_load(TDL_STR("\002\0\0\0\0\0\0\0{}"), ITEMS, "network/recency");

    assert_int_equal(tdl_st_parse(tdl_buf_view(&bytes), &file, NULL), TDL_OK);
    assert_int_equal(tdl_st_get(file, "network/out_table", TDL_F32, 2, &table, NULL), TDL_OK);
    size_t at = (size_t)((const char *)table->data - bytes.at);
    assert_true(at + 4 <= bytes.len); // malloc is aligned: no copy was made
    tdl_st_free(file);
    memcpy(bytes.at + at, &nan, sizeof nan);
    refuse_load(tdl_buf_view(&bytes), ITEMS, "network/out_table: value 0 is not finite");
    tdl_buf_release(&bytes);
}

/* ---- explaining ---- */

static size_t explain(const tdl_history *history, int32_t item, tdl_reason *ret, size_t max)
{
    size_t n;

    OPS->explain(MODEL, history, &item, 1, SCRATCH, ret, max, &n);
    return n;
}

static void reasons_are_events_of_the_window_largest_share_first(void **state)
{
    static const int64_t time_us[30];
    int32_t item[30];
    tdl_reason reason[30];
    double sum = 0;

    TDL_UNUSED(state);
    for (int32_t i = 0; i < 30; i++)
        item[i] = i;
    tdl_arena_reset(SCRATCH);
    tdl_history history = {item, time_us, 30};
    size_t n = explain(&history, 30, reason, 30);
    assert_true(n >= 1 && n <= 20);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(reason[i].kind, TDL_REASON_EVENT);
        assert_true(reason[i].at >= 10 && reason[i].at < 30);
        assert_false(reason[i].exact);
        assert_true(reason[i].share > 0 && (i == 0 || reason[i].share <= reason[i - 1].share));
        sum += reason[i].share;
    }
    assert_true(fabs(sum - 1) < 1e-9);
    assert_int_equal(reason[0].at, 29); // item 29 is what 30 follows
    assert_int_equal(explain(&history, 30, reason, 1), 1);
    assert_int_equal(explain(&history, 30, reason, 0), 0);
    history.n = 0;
    assert_int_equal(explain(&history, 30, reason, 30), 0);
}

static void similarity_is_a_cosine(void **state)
{
    float scores[ITEMS];

    TDL_UNUSED(state);
    assert_int_equal(OPS->similar(MODEL, 7, scores), TDL_OK);
    assert_true(fabs((double)scores[7] - 1) < 1e-6);
    for (size_t i = 0; i < ITEMS; i++)
        assert_true(fabs((double)scores[i]) <= 1 + 1e-6);
    assert_int_equal(best_of(scores), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rule_of_the_data_is_learnt),
        cmocka_unit_test(scores_are_probabilities),
        cmocka_unit_test(without_a_history_there_is_nothing_to_say),
        cmocka_unit_test(only_the_last_twenty_events_count),
        cmocka_unit_test(with_nothing_to_learn_from_scores_follow_popularity),
        cmocka_unit_test(progress_can_stop_a_fit),
        cmocka_unit_test(validation_tells_the_epochs_a_refit_needs),
        cmocka_unit_test(a_saved_network_gives_the_same_bits_when_loaded),
        cmocka_unit_test(fits_have_the_same_bytes_on_any_number_of_threads),
        cmocka_unit_test(damaged_or_foreign_files_are_refused_by_tensor),
        cmocka_unit_test(reasons_are_events_of_the_window_largest_share_first),
        cmocka_unit_test(similarity_is_a_cosine),
    };

    return cmocka_run_group_tests_name("train/network", tests, set_up, tear_down);
}

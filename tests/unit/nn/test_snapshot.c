/* Snapshots for serving; built in float. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nn/layers.h"
#include "nn/mlp.h"
#include "nn/snapshot.h"

enum { ROWS = 4, IN = 19, CLASSES = 6 };

static float X[ROWS * IN];
static const tdl_nn_batch BATCH = {.rows = ROWS, .x = X};
static const tdl_run RUN = {0};

static int set_up(void **state)
{
    TDL_UNUSED(state);
    for (size_t i = 0; i < ROWS * IN; i++)
        X[i] = (float)((i * 7) % 11) / 11 - 0.5F;
    return 0;
}

static void open_model(tdl_mlp *model, uint64_t seed)
{
    const tdl_mlp_config config = {.in = IN,
                                   .hidden = {{13, TDL_ACT_RELU, 0.5}, {8, TDL_ACT_TANH, 0}},
                                   .hidden_n = 2,
                                   .out = CLASSES};
    const tdl_plan_options plan = {.rows = ROWS, .backward = true};

    assert_int_equal(tdl_mlp_init(model, &config, NULL), TDL_OK);
    tdl_mlp_start(model, seed);
    assert_int_equal(tdl_net_plan(&model->net, &plan, NULL), TDL_OK);
}

static tdl_nn_snapshot *snapshot_of(const tdl_net *net, tdl_precision precision)
{
    const tdl_nn_snapshot_options options = {.precision = precision, .rows = ROWS};
    tdl_nn_snapshot *ret = NULL;
    tdl_report why = {0};

    if (tdl_nn_snapshot_new(net, &options, &ret, &why))
        fail_msg("%s", why.message);
    return ret;
}

static void publish(tdl_nn_serving *serving, const tdl_net *net)
{
    tdl_nn_snapshot *snapshot = snapshot_of(net, TDL_PRECISION_F32);

    assert_int_equal(tdl_nn_serving_publish(serving, snapshot, NULL), TDL_OK);
    tdl_nn_snapshot_release(snapshot);
}

static void scores_of(tdl_net *net, int value, float ret[ROWS * CLASSES])
{
    assert_int_equal(tdl_net_forward(net, &BATCH, &RUN, NULL), TDL_OK);
    assert_non_null(tdl_net_value(net, value));
    memcpy(ret, tdl_net_value(net, value), ROWS * CLASSES * sizeof *ret);
}

static void served_scores(tdl_nn_serving *serving, int value, float ret[ROWS * CLASSES])
{
    tdl_nn_reader reader;

    assert_int_equal(tdl_nn_serving_acquire(serving, &reader, NULL), TDL_OK);
    scores_of(reader.net, value, ret);
    tdl_nn_reader_release(&reader);
}

/* ---- the hash ---- */

static void add_and_fill(tdl_params *params, bool weights_first)
{
    static const float W[] = {0.5F, -1, 2, 0.25F, 3, -0.125F}, B[] = {1, 2, 3};
    int first = tdl_params_add(params, weights_first ? "w" : "b", weights_first ? 2 : 1, 3, true);
    int second = tdl_params_add(params, weights_first ? "b" : "w", weights_first ? 1 : 2, 3, true);

    assert_int_equal(tdl_params_seal(params, NULL), TDL_OK);
    memcpy(tdl_params_value(params, weights_first ? first : second), W, sizeof W);
    memcpy(tdl_params_value(params, weights_first ? second : first), B, sizeof B);
}

/* Expected: Python's hashlib.blake2b(digest_size=32) over the bytes that params_hash.h names. */
static void the_hash_is_blake2b_in_the_order_of_names(void **state)
{
    TDL_UNUSED(state);
    for (int weights_first = 0; weights_first < 2; weights_first++) {
        uint8_t hash[TDL_HASH_BYTES];
        char text[TDL_HASH_TEXT];
        tdl_params params = {0};

        add_and_fill(&params, weights_first);
        assert_int_equal(tdl_params_hash(&params, hash, NULL), TDL_OK);
        tdl_hash_text(hash, text);
        assert_string_equal(text,
                            "366138c55c4a6e658634f072483ed412c3aa8426edc8242f1ddc4b7ba1107058");
        tdl_params_release(&params);
    }
}

static void one_weight_changes_the_hash_and_its_return_restores_it(void **state)
{
    uint8_t before[TDL_HASH_BYTES], after[TDL_HASH_BYTES];
    tdl_params params = {0};

    TDL_UNUSED(state);
    add_and_fill(&params, true);
    assert_int_equal(tdl_params_hash(&params, before, NULL), TDL_OK);
    tdl_params_value(&params, 0)[4] = -3;
    assert_int_equal(tdl_params_hash(&params, after, NULL), TDL_OK);
    assert_memory_not_equal(before, after, sizeof before);
    tdl_params_value(&params, 0)[4] = 3;
    assert_int_equal(tdl_params_hash(&params, after, NULL), TDL_OK);
    assert_memory_equal(before, after, sizeof before);
    tdl_params_release(&params);
}

/* ---- one snapshot ---- */

static void a_snapshot_gives_the_bits_of_its_net_and_keeps_them_while_that_changes(void **state)
{
    float before[ROWS * CLASSES], after[ROWS * CLASSES];
    tdl_nn_serving serving = {0};
    tdl_mlp model;

    TDL_UNUSED(state);
    open_model(&model, 3);
    int scores = model.scores;
    scores_of(&model.net, scores, before);
    publish(&serving, &model.net);
    tdl_mlp_start(&model, 4); // training goes on
    served_scores(&serving, scores, after);
    assert_memory_equal(before, after, sizeof before);
    tdl_mlp_release(&model); // and ends
    served_scores(&serving, scores, after);
    assert_memory_equal(before, after, sizeof before);
    tdl_nn_serving_close(&serving);
}

static void a_low_precision_snapshot_is_smaller_and_has_the_same_hash(void **state)
{
    tdl_mlp model;

    TDL_UNUSED(state);
    open_model(&model, 3);
    tdl_nn_snapshot *f32 = snapshot_of(&model.net, TDL_PRECISION_F32);
    tdl_nn_snapshot *int8 = snapshot_of(&model.net, TDL_PRECISION_INT8);
    assert_memory_equal(tdl_nn_snapshot_hash(f32), tdl_nn_snapshot_hash(int8), TDL_HASH_BYTES);
    assert_true(tdl_nn_snapshot_bytes(int8) < tdl_nn_snapshot_bytes(f32));
    assert_int_equal(tdl_nn_snapshot_precision(int8), TDL_PRECISION_INT8);
    tdl_nn_snapshot_release(f32);
    tdl_nn_snapshot_release(int8);
    tdl_nn_snapshot_release(NULL);
    tdl_mlp_release(&model);
}

/* The sizes of category columns are the model's own; AddressSanitizer sees it when they are read.
 */
static void a_snapshot_needs_nothing_of_a_net_that_is_gone(void **state)
{
    const int32_t category[] = {1, 2};
    const float number[] = {0.5F};
    const tdl_nn_snapshot_options options = {.rows = 1};
    size_t *sizes = malloc(2 * sizeof *sizes);
    tdl_params params = {0};
    tdl_net net = {.params = &params};
    tdl_nn_serving serving = {0};
    tdl_nn_snapshot *snapshot = NULL;
    tdl_nn_reader reader;

    TDL_UNUSED(state);
    assert_non_null(sizes);
    sizes[0] = 2;
    sizes[1] = 3;
    const tdl_feature_config features = {.numbers = 1, .categories = 2, .category_sizes = sizes};
    int weights = tdl_params_add(&params, "weights", 1, 4, true);
    int bias = tdl_params_add(&params, "bias", 3, 4, false);
    int tables = tdl_params_add(&params, "tables", 5, 4, true);
    int value = tdl_net_feature_tokens(&net, &features, TDL_NONE, weights, bias, tables);
    assert_int_equal(tdl_params_seal(&params, NULL), TDL_OK);
    assert_int_equal(tdl_nn_snapshot_new(&net, &options, &snapshot, NULL), TDL_OK);
    assert_int_equal(tdl_nn_serving_publish(&serving, snapshot, NULL), TDL_OK);
    tdl_nn_snapshot_release(snapshot);
    tdl_net_release(&net);
    tdl_params_release(&params);
    free(sizes);
    assert_int_equal(tdl_nn_serving_acquire(&serving, &reader, NULL), TDL_OK);
    const tdl_nn_batch batch = {.rows = 1, .x = number, .category = category};
    assert_int_equal(tdl_net_forward(reader.net, &batch, &RUN, NULL), TDL_OK);
    assert_non_null(tdl_net_value(reader.net, value));
    tdl_nn_reader_release(&reader);
    tdl_nn_serving_close(&serving);
}

static void what_cannot_be_planned_is_refused(void **state)
{
    const tdl_nn_snapshot_options options = {.rows = ROWS, .budget = 16};
    tdl_net empty = {.params = &(tdl_params){0}};
    tdl_nn_snapshot *snapshot = NULL;
    tdl_mlp model;

    TDL_UNUSED(state);
    open_model(&model, 1);
    assert_int_equal(tdl_nn_snapshot_new(&model.net, &options, &snapshot, NULL), TDL_E_TOO_LARGE);
    assert_int_equal(tdl_nn_snapshot_new(&empty, &options, &snapshot, NULL), TDL_E_INVALID);
    assert_null(snapshot);
    tdl_mlp_release(&model);
}

/* ---- publishing ---- */

static void where_nothing_is_served_there_is_nothing_to_acquire(void **state)
{
    tdl_nn_serving serving = {0};
    tdl_nn_reader reader = {0};
    tdl_report why = {0};

    TDL_UNUSED(state);
    assert_int_equal(tdl_nn_serving_acquire(&serving, &reader, &why), TDL_E_NOT_FOUND);
    assert_int_equal(tdl_nn_serving_roll_back(&serving, &why), TDL_E_NOT_FOUND);
    tdl_nn_reader_release(&reader);
    tdl_nn_serving_close(&serving);
}

static void rolling_back_serves_the_one_before_and_again_the_newer(void **state)
{
    float first[ROWS * CLASSES], second[ROWS * CLASSES], now[ROWS * CLASSES];
    tdl_nn_serving serving = {0};
    tdl_mlp model;

    TDL_UNUSED(state);
    open_model(&model, 3);
    int scores = model.scores;
    publish(&serving, &model.net);
    served_scores(&serving, scores, first);
    assert_int_equal(tdl_nn_serving_roll_back(&serving, NULL), TDL_E_NOT_FOUND);
    tdl_mlp_start(&model, 4);
    publish(&serving, &model.net);
    served_scores(&serving, scores, second);
    assert_memory_not_equal(first, second, sizeof first);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(tdl_nn_serving_roll_back(&serving, NULL), TDL_OK);
        served_scores(&serving, scores, now);
        assert_memory_equal(now, i % 2 ? second : first, sizeof now);
    }
    tdl_nn_serving_close(&serving);
    tdl_mlp_release(&model);
}

static void a_reader_keeps_its_snapshot_through_any_publishing_and_the_end(void **state)
{
    float before[ROWS * CLASSES], after[ROWS * CLASSES];
    tdl_nn_serving serving = {0};
    tdl_nn_reader reader;
    tdl_mlp model;

    TDL_UNUSED(state);
    open_model(&model, 3);
    publish(&serving, &model.net);
    assert_int_equal(tdl_nn_serving_acquire(&serving, &reader, NULL), TDL_OK);
    scores_of(reader.net, model.scores, before);
    for (uint64_t seed = 4; seed < 8; seed++) {
        tdl_mlp_start(&model, seed);
        publish(&serving, &model.net);
    }
    tdl_nn_serving_close(&serving);
    scores_of(reader.net, model.scores, after);
    assert_memory_equal(before, after, sizeof before);
    tdl_nn_reader_release(&reader);
    tdl_mlp_release(&model);
}

/* ---- many readers; `make tsan` runs this under ThreadSanitizer ---- */

enum { READERS = 6, MODELS = 3, ROUNDS = 300 };

typedef struct crowd {
    tdl_nn_serving serving;
    int scores;
    float expected[MODELS][ROWS * CLASSES];
    uint8_t hash[MODELS][TDL_HASH_BYTES];
    atomic_bool over;
    atomic_int wrong;
} crowd;

static bool is_right(const crowd *c, const tdl_nn_reader *reader)
{
    for (size_t m = 0; m < MODELS; m++)
        if (!memcmp(c->hash[m], tdl_nn_snapshot_hash(reader->snapshot), TDL_HASH_BYTES))
            return !memcmp(c->expected[m], tdl_net_value(reader->net, c->scores),
                           sizeof c->expected[m]);
    return false;
}

static void *read_on(void *context)
{
    crowd *c = context;

    while (!atomic_load(&c->over)) {
        tdl_nn_reader reader;

        if (tdl_nn_serving_acquire(&c->serving, &reader, NULL) ||
            tdl_net_forward(reader.net, &BATCH, &RUN, NULL) || !is_right(c, &reader))
            atomic_fetch_add(&c->wrong, 1);
        tdl_nn_reader_release(&reader);
    }
    return NULL;
}

static void readers_get_whole_snapshots_while_others_are_published(void **state)
{
    static crowd c;
    tdl_nn_snapshot *snapshot[MODELS];
    pthread_t thread[READERS];

    TDL_UNUSED(state);
    for (size_t m = 0; m < MODELS; m++) {
        tdl_mlp model;

        open_model(&model, 10 + m);
        c.scores = model.scores;
        snapshot[m] = snapshot_of(&model.net, TDL_PRECISION_F32);
        memcpy(c.hash[m], tdl_nn_snapshot_hash(snapshot[m]), TDL_HASH_BYTES);
        scores_of(&model.net, model.scores, c.expected[m]);
        tdl_mlp_release(&model);
    }
    assert_int_equal(tdl_nn_serving_publish(&c.serving, snapshot[0], NULL), TDL_OK);
    for (size_t t = 0; t < READERS; t++)
        assert_int_equal(pthread_create(&thread[t], NULL, read_on, &c), 0);
    for (size_t i = 0; i < ROUNDS; i++) {
        tdl_status st = i % 5 == 4 ? tdl_nn_serving_roll_back(&c.serving, NULL)
                                   : tdl_nn_serving_publish(&c.serving, snapshot[i % MODELS], NULL);
        assert_int_equal(st, TDL_OK);
        sched_yield();
    }
    atomic_store(&c.over, true);
    for (size_t t = 0; t < READERS; t++)
        pthread_join(thread[t], NULL);
    assert_int_equal(atomic_load(&c.wrong), 0);
    tdl_nn_serving_close(&c.serving);
    for (size_t m = 0; m < MODELS; m++)
        tdl_nn_snapshot_release(snapshot[m]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_hash_is_blake2b_in_the_order_of_names),
        cmocka_unit_test(one_weight_changes_the_hash_and_its_return_restores_it),
        cmocka_unit_test(a_snapshot_gives_the_bits_of_its_net_and_keeps_them_while_that_changes),
        cmocka_unit_test(a_low_precision_snapshot_is_smaller_and_has_the_same_hash),
        cmocka_unit_test(a_snapshot_needs_nothing_of_a_net_that_is_gone),
        cmocka_unit_test(what_cannot_be_planned_is_refused),
        cmocka_unit_test(where_nothing_is_served_there_is_nothing_to_acquire),
        cmocka_unit_test(rolling_back_serves_the_one_before_and_again_the_newer),
        cmocka_unit_test(a_reader_keeps_its_snapshot_through_any_publishing_and_the_end),
        cmocka_unit_test(readers_get_whole_snapshots_while_others_are_published),
    };

    return cmocka_run_group_tests_name("nn/snapshot", tests, set_up, NULL);
}

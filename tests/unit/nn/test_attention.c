/* What attention promises, against its definition (attention_case.h) and against itself. Built
 * twice: float to 1e-5, double to 1e-9. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "attention_case.h"

#ifdef TDL_REAL_DOUBLE
static const double TOLERANCE = 1e-9;
#else
static const double TOLERANCE = 1e-5;
#endif

enum { IDS = 9, HEADS = 4, D_HEAD = 5, OUT = HEADS * D_HEAD, COLS = 2 * OUT + 1, TOKENS_MAX = 400 };

/* Queries of 4 heads, a column of nobody, keys and values of 2. */
static const tdl_attention_config CONFIG = {.heads = HEADS,
                                            .kv_heads = 2,
                                            .d_head = D_HEAD,
                                            .q_at = 0,
                                            .k_at = OUT + 1,
                                            .v_at = OUT + 1 + OUT / 2,
                                            .silu_n = 70};
static const tdl_run RUN = {0};

static int32_t id[TOKENS_MAX], position[TOKENS_MAX];
static int64_t time_s[TOKENS_MAX];
static tdl_real got[TOKENS_MAX * OUT], other[TOKENS_MAX * OUT];
static double expected[TOKENS_MAX * OUT];

/* Rows of 1, 63, 0, 64, 65 and 129 tokens: at and beside the edges of tiles. */
enum { ROWS = 6 };
static const size_t OFFSETS[ROWS + 1] = {0, 1, 64, 64, 128, 193, 322};
static const uint64_t EXAMPLE[ROWS] = {11, 4, 90, 2, 17, 8};

/* Some events of a row share a position: 0, 0, 1, 1, 1, 3, ... */
static tdl_nn_batch make_batch(void)
{
    for (size_t r = 0; r < ROWS; r++)
        for (size_t i = OFFSETS[r], at = 0; i < OFFSETS[r + 1]; i++, at++) {
            id[i] = (int32_t)((at * at + 3 * r) % 13 % IDS);
            position[i] = (int32_t)(at / 2 + at % 7 / 3 + at / 5);
            position[i] = at && position[i] < position[i - 1] ? position[i - 1] : position[i];
            time_s[i] = (int64_t)(at * at * at * 5 + r);
        }
    return (tdl_nn_batch){
        .rows = ROWS, .offsets = OFFSETS, .id = {id}, .time_s = time_s, .example = EXAMPLE};
}

static void check_definition(const tdl_attention_config *config, const tdl_nn_batch *batch,
                             size_t distance_max)
{
    attention_case c;

    open_attention(&c, config, IDS, COLS, distance_max);
    run_attention(&c, batch, TOKENS_MAX, &RUN, got);
    for (size_t r = 0; r < ROWS; r++) {
        size_t begin = OFFSETS[r], n = (OFFSETS[r + 1] - begin) * OUT;

        define_attention(&c, batch, r, expected);
        for (size_t i = 0; i < n; i++)
            if (!(fabs((double)got[begin * OUT + i] - expected[i]) <= TOLERANCE))
                fail_msg("row %zu, token %zu, column %zu: %.12g, expected %.12g", r, i / OUT,
                         i % OUT, (double)got[begin * OUT + i], expected[i]);
    }
    close_attention(&c);
}

static void it_is_what_its_definition_says_at_the_edges_of_tiles(void **state)
{
    tdl_nn_batch batch = make_batch();

    TDL_UNUSED(state);
    for (int score = TDL_SCORE_SOFTMAX; score <= TDL_SCORE_SILU; score++)
        for (int mask = TDL_MASK_CAUSAL; mask <= TDL_MASK_PREFIX; mask++) {
            tdl_attention_config config = CONFIG;

            config.score = (tdl_score)score;
            config.mask = (tdl_mask)mask;
            config.prefix = 70;
            check_definition(&config, &batch, 0);
            check_definition(&config, &batch, 129);
        }
}

/* spec/recommend.md: a token sees every token of its own and earlier groups. */
static void tokens_at_one_position_see_each_other(void **state)
{
    tdl_nn_batch batch = make_batch();
    tdl_attention_config config = CONFIG;

    TDL_UNUSED(state);
    batch.position = position;
    check_definition(&config, &batch, 0);
    check_definition(&config, &batch, 200);
}

static void bias_by_time_is_what_its_definition_says(void **state)
{
    tdl_nn_batch batch = make_batch();
    tdl_attention_config config = CONFIG;

    TDL_UNUSED(state);
    config.score = TDL_SCORE_SILU;
    config.time_buckets = 16;
    check_definition(&config, &batch, 129);
    config.time_buckets = 60;
    check_definition(&config, &batch, 0);
}

/* Two rows of the last tile exchange places: so do their outputs, and nothing else changes. */
static void without_positions_it_is_permutation_equivariant(void **state)
{
    enum { N = 65 };
    const size_t offsets[] = {0, N};
    tdl_attention_config config = CONFIG;
    tdl_nn_batch batch = make_batch();
    attention_case c;

    TDL_UNUSED(state);
    config.mask = TDL_MASK_BIDIRECTIONAL;
    batch.rows = 1;
    batch.offsets = offsets;
    open_attention(&c, &config, IDS, COLS, 0);
    run_attention(&c, &batch, N, &RUN, got);
    for (size_t i = 0; i < N / 2; i++) {
        int32_t kept = id[i];

        id[i] = id[N - 1 - i];
        id[N - 1 - i] = kept;
    }
    run_attention(&c, &batch, N, &RUN, other);
    for (size_t i = 0; i < N; i++)
        for (size_t x = 0; x < OUT; x++)
            assert_true(fabs((double)got[i * OUT + x] - (double)other[(N - 1 - i) * OUT + x]) <
                        TOLERANCE);
    close_attention(&c);
}

/* The order within a group carries nothing. */
static void a_permuted_group_changes_no_score_outside_it(void **state)
{
    tdl_nn_batch batch = make_batch();
    const size_t offsets[] = {0, 7};
    const int32_t groups[] = {0, 1, 1, 1, 2, 2, 3};
    attention_case c;

    TDL_UNUSED(state);
    batch.rows = 1;
    batch.offsets = offsets;
    batch.position = groups;
    open_attention(&c, &CONFIG, IDS, COLS, 0);
    for (int32_t i = 0; i < 7; i++)
        id[i] = i;
    run_attention(&c, &batch, 7, &RUN, got);
    id[1] = 3;
    id[3] = 1;
    run_attention(&c, &batch, 7, &RUN, other);
    for (size_t i = 0; i < 7; i++)
        for (size_t x = 0; x < OUT; x++) {
            size_t from = i == 1 ? 3 : i == 3 ? 1 : i;

            assert_true(fabs((double)got[i * OUT + x] - (double)other[from * OUT + x]) < TOLERANCE);
        }
    close_attention(&c);
}

/* Token `at` becomes NaN, or infinite: the bits of what is before it stay. */
static void check_future(size_t at, tdl_real value, const tdl_attention_config *config)
{
    enum { N = 130 };
    const size_t offsets[] = {0, N};
    tdl_nn_batch batch = make_batch();
    attention_case c;

    batch.rows = 1;
    batch.offsets = offsets;
    open_attention(&c, config, IDS, COLS, 0);
    for (size_t i = 0; i < N; i++)
        id[i] = (int32_t)(i % (IDS - 1));
    run_attention(&c, &batch, N, &RUN, got);
    id[at] = IDS - 1;
    for (size_t x = 0; x < COLS; x++)
        tdl_params_value(&c.params, c.table)[(IDS - 1) * COLS + x] = value;
    run_attention(&c, &batch, N, &RUN, other);
    assert_memory_equal(got, other, at * OUT * sizeof *got);
    for (size_t i = at; i < N && isnan(value); i++)
        assert_true(isnan(other[i * OUT]));
    close_attention(&c);
}

static void a_future_that_is_no_number_leaves_the_past_alone(void **state)
{
    tdl_attention_config config = CONFIG;

    TDL_UNUSED(state);
    for (int score = TDL_SCORE_SOFTMAX; score <= TDL_SCORE_SILU; score++)
        for (size_t at = 0; at < 130; at += 13) {
            config.score = (tdl_score)score;
            check_future(at, NAN, &config);
            check_future(at, INFINITY, &config);
        }
}

/* Each row of the batch by itself gives the bits it gives among others, dropout included. */
static void a_row_has_the_same_bits_alone(void **state)
{
    const tdl_run run = {.seed = 5, .step = 2, .training = true};
    tdl_nn_batch batch = make_batch();
    tdl_attention_config config = CONFIG;
    attention_case c;

    TDL_UNUSED(state);
    config.drop = 0.3;
    batch.position = position;
    open_attention(&c, &config, IDS, COLS, 200);
    run_attention(&c, &batch, TOKENS_MAX, &run, got);
    for (size_t r = 0; r < ROWS; r++) {
        size_t n = OFFSETS[r + 1] - OFFSETS[r];
        const size_t offsets[] = {0, n};
        tdl_nn_batch alone = batch;

        alone.rows = 1;
        alone.offsets = offsets;
        alone.id[0] = id + OFFSETS[r];
        alone.position = position + OFFSETS[r];
        alone.example = EXAMPLE + r;
        run_attention(&c, &alone, TOKENS_MAX, &run, other);
        assert_memory_equal(got + OFFSETS[r] * OUT, other, n * OUT * sizeof *got);
    }
    close_attention(&c);
}

/* Forward, and the gradients of table and biases. */
static void no_bit_depends_on_the_number_of_threads(void **state)
{
    const unsigned threads[] = {1, 2, 3, 8};
    static int32_t target[TOKENS_MAX];
    tdl_nn_batch batch = make_batch();
    tdl_attention_config config = CONFIG;
    tdl_real *first = NULL;
    attention_case c;

    TDL_UNUSED(state);
    for (size_t i = 0; i < TOKENS_MAX; i++)
        target[i] = (int32_t)(i % OUT);
    batch.target = target;
    config.drop = 0.2;
    config.time_buckets = 16;
    open_attention(&c, &config, IDS, COLS, 129);
    tdl_net_keep(&c.net, c.out);
    tdl_net_softmax_ce(&c.net, c.out, NULL);
    const tdl_plan_options options = {.rows = ROWS, .tokens = TOKENS_MAX, .backward = true};
    assert_int_equal(tdl_net_plan(&c.net, &options, NULL), TDL_OK);
    for (size_t t = 0; t < 4; t++) {
        tdl_run run = {.training = true, .pool = tdl_pool_new(threads[t])};

        memset(c.params.grad, 0, c.params.n * sizeof *c.params.grad);
        run_attention(&c, &batch, TOKENS_MAX, &run, t ? other : got);
        assert_int_equal(tdl_net_backward(&c.net, &batch, &run, 1, NULL), TDL_OK);
        if (t == 0) {
            first = malloc(c.params.n * sizeof *first);
            memcpy(first, c.params.grad, c.params.n * sizeof *first);
        } else {
            assert_memory_equal(got, other, OFFSETS[ROWS] * OUT * sizeof *got);
            assert_memory_equal(first, c.params.grad, c.params.n * sizeof *first);
        }
        tdl_pool_free(run.pool);
    }
    free(first);
    close_attention(&c);
}

/* Heads that share keys are heads whose keys are copies. */
static void shared_key_heads_are_repeated_key_heads(void **state)
{
    tdl_nn_batch batch = make_batch();
    tdl_attention_config config = CONFIG;
    attention_case shared, repeated;

    TDL_UNUSED(state);
    open_attention(&shared, &config, IDS, COLS, 0);
    run_attention(&shared, &batch, TOKENS_MAX, &RUN, got);
    config.kv_heads = HEADS;
    config.k_at = OUT;
    config.v_at = 2 * OUT;
    open_attention(&repeated, &config, IDS, 3 * OUT, 0);
    for (size_t i = 0; i < IDS; i++) {
        const tdl_real *from = tdl_params_value(&shared.params, shared.table) + i * COLS;
        tdl_real *to = tdl_params_value(&repeated.params, repeated.table) + i * 3 * OUT;

        memcpy(to, from, OUT * sizeof *to);
        for (size_t h = 0; h < HEADS; h++) {
            memcpy(to + OUT + h * D_HEAD, from + CONFIG.k_at + h / 2 * D_HEAD, D_HEAD * sizeof *to);
            memcpy(to + 2 * OUT + h * D_HEAD, from + CONFIG.v_at + h / 2 * D_HEAD,
                   D_HEAD * sizeof *to);
        }
    }
    run_attention(&repeated, &batch, TOKENS_MAX, &RUN, other);
    assert_memory_equal(got, other, OFFSETS[ROWS] * OUT * sizeof *got);
    close_attention(&shared);
    close_attention(&repeated);
}

static void when_the_first_token_alone_asks_it_gets_what_it_got_among_others(void **state)
{
    tdl_nn_batch batch = make_batch();
    tdl_attention_config config = CONFIG;
    attention_case all, first;

    TDL_UNUSED(state);
    config.mask = TDL_MASK_BIDIRECTIONAL;
    open_attention(&all, &config, IDS, COLS, 0);
    run_attention(&all, &batch, TOKENS_MAX, &RUN, got);
    config.first_only = true;
    open_attention(&first, &config, IDS, COLS, 0);
    run_attention(&first, &batch, TOKENS_MAX, &RUN, other);
    for (size_t r = 0; r < ROWS; r++)
        if (OFFSETS[r] < OFFSETS[r + 1])
            assert_memory_equal(got + OFFSETS[r] * OUT, other + r * OUT, OUT * sizeof *got);
        else
            for (size_t x = 0; x < OUT; x++)
                assert_true(other[r * OUT + x] == 0);
    close_attention(&all);
    close_attention(&first);
}

/* Mean over draws: each weight is kept with probability .7 and then scaled. */
static void dropped_weights_keep_their_mean(void **state)
{
    enum { N = 8, DRAWS = 4000 };
    const size_t offsets[] = {0, N};
    tdl_nn_batch batch = make_batch();
    tdl_attention_config config = CONFIG;
    double sum[OUT] = {0};
    attention_case c;

    TDL_UNUSED(state);
    config.drop = 0.3;
    batch.rows = 1;
    batch.offsets = offsets;
    open_attention(&c, &config, IDS, COLS, 0);
    define_attention(&c, &batch, 0, expected);
    for (uint64_t step = 0; step < DRAWS; step++) {
        const tdl_run run = {.seed = 3, .step = step, .training = true};

        run_attention(&c, &batch, N, &run, got);
        for (size_t x = 0; x < OUT; x++)
            sum[x] += (double)got[(N - 1) * OUT + x] / DRAWS;
    }
    // values are below 2.5 and weights sum to 1: a standard deviation is at most 1.64 / sqrt(4000)
    for (size_t x = 0; x < OUT; x++)
        assert_true(fabs(sum[x] - expected[(N - 1) * OUT + x]) < 5 * 1.64 / sqrt(DRAWS));
    close_attention(&c);
}

/* Scores of one tile are all there ever is: memory grows with the tokens, not with their square. */
static void memory_grows_with_the_tokens(void **state)
{
    size_t bytes[2];

    TDL_UNUSED(state);
    for (size_t i = 0; i < 2; i++) {
        const tdl_plan_options options = {.rows = 1, .tokens = (size_t)1024 << i, .backward = true};
        attention_case c;

        open_attention(&c, &CONFIG, IDS, COLS, 0);
        tdl_net_softmax_ce(&c.net, c.out, NULL);
        assert_int_equal(tdl_net_measure(&c.net, &options, &bytes[i], NULL), TDL_OK);
        close_attention(&c);
    }
    assert_true(bytes[1] <= 2 * bytes[0] + 4096);
}

static void check_refused(tdl_attention_config config, size_t distance_max, const char *message)
{
    tdl_report why = {0};
    attention_case c;

    open_attention(&c, &config, IDS, COLS, distance_max);
    assert_int_equal(plan(&c.net, 1, false, &why), TDL_E_INVALID);
    if (!strstr(why.message, message))
        fail_msg("\"%s\" does not say \"%s\"", why.message, message);
    close_attention(&c);
}

static void shapes_it_cannot_have_are_refused_in_words(void **state)
{
    tdl_attention_config config = CONFIG;

    TDL_UNUSED(state);
    config.kv_heads = 3;
    check_refused(config, 0, "4 heads cannot share 3 key heads");
    config = CONFIG;
    config.v_at = 40;
    check_refused(config, 0, "values in 2 heads of 5 columns from column 40 on, the input has 41");
    config = CONFIG;
    config.drop = 1;
    check_refused(config, 0, "rate 1 is not in [0, 1)");
    config = CONFIG;
    config.d_head = 257;
    check_refused(config, 0, "heads of 257 columns, not 1 to 256");
    config = CONFIG;
    config.score = TDL_SCORE_SILU;
    config.silu_n = 0;
    check_refused(config, 0, "silu_n 0 is not above 0");
}

static void batches_it_cannot_read_are_refused(void **state)
{
    const size_t offsets[] = {0, 4};
    const int32_t falling[] = {0, 2, 1, 3}, far[] = {0, 1, 2, 9};
    tdl_nn_batch batch = make_batch();
    tdl_attention_config config = CONFIG;
    tdl_report why = {0};
    attention_case c;

    TDL_UNUSED(state);
    batch.rows = 1;
    batch.offsets = offsets;
    config.time_buckets = 4;
    open_attention(&c, &config, IDS, COLS, 4);
    run_attention(&c, &batch, 64, &RUN, got);
    batch.position = falling;
    assert_int_equal(tdl_net_forward(&c.net, &batch, &RUN, &why), TDL_E_INVALID);
    assert_string_equal(why.message, "row 0, entry 2: position 1 after 2");
    batch.position = far;
    assert_int_equal(tdl_net_forward(&c.net, &batch, &RUN, &why), TDL_E_INVALID);
    assert_string_equal(why.message, "row 0: a distance of 9 tokens, 'distance' reaches to 3");
    batch.position = NULL;
    batch.time_s = NULL;
    assert_int_equal(tdl_net_forward(&c.net, &batch, &RUN, &why), TDL_E_INVALID);
    close_attention(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_what_its_definition_says_at_the_edges_of_tiles),
        cmocka_unit_test(tokens_at_one_position_see_each_other),
        cmocka_unit_test(bias_by_time_is_what_its_definition_says),
        cmocka_unit_test(without_positions_it_is_permutation_equivariant),
        cmocka_unit_test(a_permuted_group_changes_no_score_outside_it),
        cmocka_unit_test(a_future_that_is_no_number_leaves_the_past_alone),
        cmocka_unit_test(a_row_has_the_same_bits_alone),
        cmocka_unit_test(no_bit_depends_on_the_number_of_threads),
        cmocka_unit_test(shared_key_heads_are_repeated_key_heads),
        cmocka_unit_test(when_the_first_token_alone_asks_it_gets_what_it_got_among_others),
        cmocka_unit_test(dropped_weights_keep_their_mean),
        cmocka_unit_test(memory_grows_with_the_tokens),
        cmocka_unit_test(shapes_it_cannot_have_are_refused_in_words),
        cmocka_unit_test(batches_it_cannot_read_are_refused),
    };

    return cmocka_run_group_tests_name("nn/attention", tests, NULL, NULL);
}

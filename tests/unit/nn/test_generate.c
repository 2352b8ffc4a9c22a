/* Decoding with a cache: each token is the best of one pass over all tokens before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "nn/generate.h"
#include "nn/init.h"
#include "nn/transformer.h"

enum { VOCABULARY = 23, MAX_LEN = 12 };

/* learned: positions from a table, else rotary ones behind normed queries and keys */
static void start(tdl_transformer *model, bool learned)
{
    const tdl_transformer_config config = {.core = {.n_layer = 2,
                                                    .d_model = 16,
                                                    .n_head = 4,
                                                    .n_kv_head = 2,
                                                    .d_ff = 24,
                                                    .max_len = MAX_LEN,
                                                    .qk_norm = !learned,
                                                    .rope_base = learned ? 0 : 10000},
                                           .vocabulary = VOCABULARY,
                                           .position =
                                               learned ? TDL_POSITION_LEARNED : TDL_POSITION_NONE,
                                           .head = TDL_HEAD_TIED};
    const tdl_plan_options plan = {.rows = 1, .tokens = MAX_LEN};
    tdl_report why;

    assert_int_equal(tdl_transformer_init(model, &config, &why), TDL_OK);
    for (int i = 0; i < model->params.slices_n; i++)
        tdl_init_slice(&model->params, i, TDL_INIT_GAUSSIAN, 0.5, 3);
    assert_int_equal(tdl_net_plan(&model->net, &plan, &why), TDL_OK);
}

static int32_t best_after(tdl_transformer *model, const int32_t *token, size_t n)
{
    const size_t offsets[] = {0, n};
    const tdl_nn_batch batch = {.rows = 1, .offsets = offsets, .id = {token}};
    tdl_report why;
    int32_t best = 0;

    assert_int_equal(tdl_net_forward(&model->net, &batch, &(tdl_run){0}, &why), TDL_OK);
    const tdl_real *score = tdl_net_value(&model->net, model->scores) + (n - 1) * VOCABULARY;
    for (int32_t i = 1; i < VOCABULARY; i++)
        best = score[i] > score[best] ? i : best;
    return best;
}

static void check_decoding(bool learned)
{
    int32_t token[MAX_LEN] = {7, 1, 19};
    tdl_transformer model;
    tdl_kv_cache *cache;
    tdl_report why;

    start(&model, learned);
    assert_int_equal(tdl_kv_cache_new(&model.net, 1, MAX_LEN, &cache, &why), TDL_OK);
    const tdl_generate g = {.net = &model.net, .scores = model.scores, .cache = cache};
    assert_int_equal(tdl_generate_greedy(&g, token, 3, 4, token + 3, &why), TDL_OK);
    assert_int_equal(tdl_kv_cache_length(cache, 0), 6);
    assert_int_equal(tdl_generate_greedy(&g, token + 6, 1, 5, token + 7, &why), TDL_OK);
    for (size_t n = 3; n < MAX_LEN; n++)
        assert_int_equal(token[n], best_after(&model, token, n));
    tdl_kv_cache_free(cache);
    tdl_transformer_release(&model);
}

static void goes_on_as_one_pass_would_with_learned_positions(void **state)
{
    TDL_UNUSED(state);
    check_decoding(true);
}

static void goes_on_as_one_pass_would_with_rotary_positions(void **state)
{
    TDL_UNUSED(state);
    check_decoding(false);
}

static void a_full_cache_an_empty_prompt_and_unkept_scores_are_refused(void **state)
{
    int32_t token[MAX_LEN + 4] = {7, 1};
    tdl_transformer model;
    tdl_kv_cache *cache;
    tdl_report why;

    TDL_UNUSED(state);
    start(&model, false);
    assert_int_equal(tdl_kv_cache_new(&model.net, 1, 5, &cache, &why), TDL_OK);
    tdl_generate g = {.net = &model.net, .scores = model.scores, .cache = cache};
    assert_int_equal(tdl_generate_greedy(&g, token, 0, 1, token, &why), TDL_E_INVALID);
    assert_int_equal(tdl_generate_greedy(&g, token, 2, 5, token + 2, &why), TDL_E_TOO_LARGE);
    assert_int_equal(tdl_kv_cache_length(cache, 0), 5);
    g.scores = model.embedded;
    assert_int_equal(tdl_generate_greedy(&g, token, 1, 1, token + 2, &why), TDL_E_INVALID);
    tdl_kv_cache_free(cache);
    tdl_transformer_release(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_on_as_one_pass_would_with_learned_positions),
        cmocka_unit_test(goes_on_as_one_pass_would_with_rotary_positions),
        cmocka_unit_test(a_full_cache_an_empty_prompt_and_unkept_scores_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "nn/generate.h"

static int32_t best_of(size_t n, const tdl_real *score)
{
    size_t best = 0;

    for (size_t i = 1; i < n; i++)
        if (score[i] > score[best])
            best = i;
    return (int32_t)best;
}

/* Read n tokens; the scores after the last, [vocabulary]. */
static tdl_status read_tokens(const tdl_generate *g, const int32_t *token, size_t n,
                              const tdl_real **ret_scores, tdl_report *why)
{
    const size_t offsets[] = {0, n};
    const tdl_nn_batch batch = {.rows = 1, .offsets = offsets, .id = {token}};
    const tdl_run run = {.cache = g->cache, .pool = g->pool};
    tdl_status st = tdl_net_forward(g->net, &batch, &run, why);

    if (!st)
        *ret_scores =
            tdl_net_value(g->net, g->scores) + (n - 1) * g->net->node[g->scores].shapes.out_cols;
    return st;
}

tdl_status tdl_generate_greedy(const tdl_generate *g, const int32_t *prompt, size_t prompt_n,
                               size_t n, int32_t *ret, tdl_report *why)
{
    const tdl_node *node = &g->net->node[g->scores];

    if (!prompt_n)
        return TDL_FAIL(why, TDL_E_INVALID, "an empty prompt: there is nothing to go on from");
    if (!tdl_net_has_value(g->net, g->scores) || node->shapes.out_per_row != TDL_RAGGED)
        return TDL_FAIL(why, TDL_E_INVALID, "the scores are not kept, or not those of each token");
    for (size_t i = 0; i < n; i++) {
        const tdl_real *scores = NULL;
        tdl_status st = i ? read_tokens(g, ret + i - 1, 1, &scores, why)
                          : read_tokens(g, prompt, prompt_n, &scores, why);
        if (st)
            return st;
        ret[i] = best_of(node->shapes.out_cols, scores);
    }
    return TDL_OK;
}

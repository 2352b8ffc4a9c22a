/* A net as its log hears of it: the ops, the slices they read, and shapes, by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "nn/transformer.h"
#include "train/graph.h"
#include "train/tb.h"

static void describe(void *context, const tdl_graph_node *node, size_t n)
{
    tdl_tb_describe_graph(context, node, n);
}

static const tdl_transformer_config config = {.core = {.n_layer = 1,
                                                       .d_model = 4,
                                                       .n_head = 1,
                                                       .norm = TDL_NORM_LAYER_PLAIN,
                                                       .rope_base = 100},
                                              .vocabulary = 5,
                                              .head = TDL_HEAD_CLASS,
                                              .outputs = 3};

static const char EXPECTED[] =
    "token/table = parameter() [5, 4]\n"
    "token/embed.0 = embed(token/table) [*, 4]\n"
    "token/norm.1 = norm(token/embed.0) [*, 4]\n"
    "layer/0/qkv/weight = parameter() [4, 12]\n"
    "layer/0/qkv/linear.2 = linear(token/norm.1, layer/0/qkv/weight) [*, 12]\n"
    "layer/0/qkv/rope.3 = rope(layer/0/qkv/linear.2) [*, 12]\n"
    "layer/0/qkv/attention.4 = attention(layer/0/qkv/rope.3) [*, 4]\n"
    "layer/0/attn_out/weight = parameter() [4, 4]\n"
    "layer/0/attn_out/linear.5 = linear(layer/0/qkv/attention.4, token/embed.0, "
    "layer/0/attn_out/weight) [*, 4]\n"
    "layer/0/attn_out/norm.6 = norm(layer/0/attn_out/linear.5) [*, 4]\n"
    "layer/0/attn_out/pool.7 = pool(layer/0/attn_out/norm.6) [*, 4]\n"
    "head/weight = parameter() [4, 3]\n"
    "head/linear.8 = linear(layer/0/attn_out/pool.7, head/weight) [*, 3]\n"
    "head/softmax_ce.9 = softmax_ce(head/linear.8) [*, 2]\n";

static void ops_stand_behind_what_they_read_in_the_groups_of_their_slices(void **state)
{
    tdl_buf text = {0};
    const tdl_train_log log = {.context = &text, .graph = describe};
    tdl_transformer model;
    tdl_report why;

    (void)state;
    assert_int_equal(tdl_transformer_init(&model, &config, &why), TDL_OK);
    assert_int_equal(tdl_net_infer(&model.net, &why), TDL_OK);
    tdl_graph_tell(&model.net, &log);
    tdl_buf_char(&text, '\0');
    assert_string_equal(text.at, EXPECTED);
    tdl_buf_release(&text);
    tdl_transformer_release(&model);
}

static void a_log_that_hears_no_graphs_is_told_none(void **state)
{
    const tdl_net net = {.params = NULL};

    (void)state;
    tdl_graph_tell(&net, NULL);
    tdl_graph_tell(&net, &(tdl_train_log){0});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ops_stand_behind_what_they_read_in_the_groups_of_their_slices),
        cmocka_unit_test(a_log_that_hears_no_graphs_is_told_none),
    };

    return cmocka_run_group_tests_name("train/graph", tests, NULL, NULL);
}

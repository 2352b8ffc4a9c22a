/* Writes small ONNX models of every layer, whose weights models.mjs computes again by the same
 * rule.
 *
 *   write_onnx_models FOLDER
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "train/onnx_layers.h"

static tdl_arena *weights;

/* n numbers in -1/4..1/4: weight(seed, i) of models.mjs */
static const float *fill(size_t seed, size_t n)
{
    float *w = tdl_arena_alloc(weights, n, sizeof *w);

    for (size_t i = 0; w && i < n; i++)
        w[i] = (float)(((double)((i * 7919 + seed * 104729) % 2003) - 1001) / 4004);
    return w;
}

static const char *linear(tdl_onnx *g, const char *scope, const char *x, size_t in, size_t out,
                          size_t seed)
{
    tdl_onnx_scope(g, scope);
    return tdl_onnx_linear(g, x, in, out, fill(seed, in * out), fill(seed + 1, out));
}

static const char *norm(tdl_onnx *g, const char *scope, const char *x, size_t width, size_t seed)
{
    tdl_onnx_scope(g, scope);
    return tdl_onnx_layer_norm(g, x, width, fill(seed, width), fill(seed + 1, width), 1e-5F);
}

static void output(tdl_onnx *g, const char *x, const char *name, size_t rank,
                   const tdl_onnx_dim *dims)
{
    tdl_onnx_output(g, tdl_onnx_rename(g, x, name), TDL_ONNX_F32, rank, dims);
}

/* ---- models; each is built again, by hand and in double, in models.mjs ---- */

static void activations(tdl_onnx *g)
{
    static const char *const names[] = {"identity", "relu", "leaky_relu", "tanh",
                                        "sigmoid",  "silu", "gelu_erf",   "gelu_tanh"};
    const tdl_onnx_dim *shape = TDL_ONNX_DIMS(TDL_ONNX_VARYING("batch"), TDL_ONNX_FIXED(8));
    const char *x = tdl_onnx_input(g, "x", TDL_ONNX_F32, 2, shape);

    for (int i = TDL_ONNX_IDENTITY; i <= TDL_ONNX_GELU_TANH; i++)
        output(g, tdl_onnx_activate(g, x, (tdl_onnx_activation)i, 0.1F), names[i], 2, shape);
    output(g, tdl_onnx_softmax(g, x), "softmax", 2, shape);
    output(g, norm(g, "norm", x, 8, 40), "layer_norm", 2, shape);
    tdl_onnx_scope(g, "plain");
    output(g, tdl_onnx_layer_norm(g, x, 8, NULL, NULL, 1e-5F), "plain_norm", 2, shape);
    tdl_onnx_scope(g, "rms");
    output(g, tdl_onnx_rms_norm(g, x, 8, fill(42, 8), 1e-6F), "rms_norm", 2, shape);
    output(g, tdl_onnx_slice(g, x, -1, 2, 5), "slice", 2,
           TDL_ONNX_DIMS(TDL_ONNX_VARYING("batch"), TDL_ONNX_FIXED(3)));
}

static void mlp(tdl_onnx *g)
{
    const char *x = tdl_onnx_input(g, "x", TDL_ONNX_F32, 2,
                                   TDL_ONNX_DIMS(TDL_ONNX_VARYING("batch"), TDL_ONNX_FIXED(5)));

    x = tdl_onnx_activate(g, linear(g, "0", x, 5, 7, 1), TDL_ONNX_GELU_TANH, 0);
    x = tdl_onnx_activate(g, linear(g, "1", x, 7, 6, 3), TDL_ONNX_RELU, 0);
    x = tdl_onnx_softmax(g, linear(g, "2", x, 6, 3, 5));
    output(g, x, "probability", 2, TDL_ONNX_DIMS(TDL_ONNX_VARYING("batch"), TDL_ONNX_FIXED(3)));
}

static void cnn(tdl_onnx *g)
{
    const char *x = tdl_onnx_input(g, "image", TDL_ONNX_F32, 4,
                                   TDL_ONNX_DIMS(TDL_ONNX_VARYING("batch"), TDL_ONNX_FIXED(2),
                                                 TDL_ONNX_FIXED(8), TDL_ONNX_FIXED(8)));

    tdl_onnx_scope(g, "conv.0");
    x = tdl_onnx_conv_2d(g, x,
                         &(tdl_onnx_conv){.channels = 2,
                                          .filters = 3,
                                          .side = 3,
                                          .stride = 1,
                                          .pad = 1,
                                          .w = fill(1, 3 * 2 * 9),
                                          .b = fill(2, 3)});
    x = tdl_onnx_max_pool(g, tdl_onnx_activate(g, x, TDL_ONNX_RELU, 0), 2, 2);
    tdl_onnx_scope(g, "conv.1");
    x = tdl_onnx_conv_2d(g, x,
                         &(tdl_onnx_conv){.channels = 3,
                                          .filters = 4,
                                          .side = 2,
                                          .stride = 2,
                                          .pad = 0,
                                          .w = fill(3, 4 * 3 * 4)});
    x = linear(g, "head", tdl_onnx_flatten(g, x), 16, 3, 4);
    output(g, x, "logits", 2, TDL_ONNX_DIMS(TDL_ONNX_VARYING("batch"), TDL_ONNX_FIXED(3)));
}

/* Queries, keys and values of one input, attention, and the way out: width 8, two heads of 4. */
static const char *attention(tdl_onnx *g, const char *x, const char *mask, size_t seed)
{
    const char *q = linear(g, "q", x, 8, 8, seed), *k = linear(g, "k", x, 8, 8, seed + 2);
    const char *v = linear(g, "v", x, 8, 8, seed + 4);
    const tdl_onnx_attention shape = {.heads = 2, .kv_heads = 2, .head_width = 4, .mask = mask};

    return linear(g, "o", tdl_onnx_attend(g, q, k, v, &shape), 8, 8, seed + 6);
}

static const char *feed_forward(tdl_onnx *g, const char *x, tdl_onnx_activation activation,
                                size_t seed)
{
    x = tdl_onnx_activate(g, linear(g, "up", x, 8, 16, seed), activation, 0);
    return linear(g, "down", x, 16, 8, seed + 2);
}

static const tdl_onnx_dim *ragged(void)
{
    static const tdl_onnx_dim dims[] = {TDL_ONNX_VARYING("batch"), TDL_ONNX_VARYING("length")};

    return dims;
}

static void bert(tdl_onnx *g)
{
    const tdl_onnx_dim *pooled = TDL_ONNX_DIMS(TDL_ONNX_VARYING("batch"), TDL_ONNX_FIXED(8));
    const char *tokens = tdl_onnx_input(g, "tokens", TDL_ONNX_I64, 2, ragged());
    const char *lengths = tdl_onnx_input(g, "lengths", TDL_ONNX_I64, 1, ragged());
    const char *table = tdl_onnx_table(g, "wte", 11, 8, fill(1, 88));
    const char *places = tdl_onnx_table(g, "wpe", 6, 8, fill(2, 48));
    const char *x = tdl_onnx_plus(g, tdl_onnx_embed(g, tokens, table),
                                  tdl_onnx_embed(g, tdl_onnx_positions(g, tokens), places));

    x = norm(g, "norm.0", x, 8, 3);
    const char *mask = tdl_onnx_mask(g, x, lengths, false);
    x = norm(g, "norm.1", tdl_onnx_plus(g, x, attention(g, x, mask, 10)), 8, 5);
    x = norm(g, "norm.2", tdl_onnx_plus(g, x, feed_forward(g, x, TDL_ONNX_GELU_ERF, 20)), 8, 7);
    output(
        g, tdl_onnx_score(g, x, table), "logits", 3,
        TDL_ONNX_DIMS(TDL_ONNX_VARYING("batch"), TDL_ONNX_VARYING("length"), TDL_ONNX_FIXED(11)));
    output(g, tdl_onnx_pool(g, x, lengths, TDL_ONNX_FIRST), "first", 2, pooled);
    output(g, tdl_onnx_pool(g, x, lengths, TDL_ONNX_LAST), "last", 2, pooled);
    output(g, tdl_onnx_pool(g, x, lengths, TDL_ONNX_MEAN), "mean", 2, pooled);
}

static const char *llama_attention(tdl_onnx *g, const char *x, const char *mask,
                                   const tdl_onnx_rope *rope)
{
    const tdl_onnx_attention shape = {.heads = 4,
                                      .kv_heads = 2,
                                      .head_width = 4,
                                      .mask = mask,
                                      .rope = rope,
                                      .q_gain = fill(2, 4),
                                      .k_gain = fill(3, 4),
                                      .norm_eps = 1e-6F};

    tdl_onnx_scope(g, "q");
    const char *q = tdl_onnx_linear(g, x, 16, 16, fill(4, 256), NULL);
    tdl_onnx_scope(g, "k");
    const char *k = tdl_onnx_linear(g, x, 16, 8, fill(5, 128), NULL);
    tdl_onnx_scope(g, "v");
    const char *v = tdl_onnx_linear(g, x, 16, 8, fill(6, 128), NULL);
    tdl_onnx_scope(g, "o");
    return tdl_onnx_linear(g, tdl_onnx_attend(g, q, k, v, &shape), 16, 16, fill(7, 256), NULL);
}

static const char *swiglu(tdl_onnx *g, const char *x)
{
    tdl_onnx_scope(g, "gate");
    const char *gate = tdl_onnx_linear(g, x, 16, 12, fill(8, 192), NULL);
    tdl_onnx_scope(g, "up");
    const char *up = tdl_onnx_linear(g, x, 16, 12, fill(9, 192), NULL);
    tdl_onnx_scope(g, "down");
    const char *inner = tdl_onnx_times(g, tdl_onnx_activate(g, gate, TDL_ONNX_SILU, 0), up);
    return tdl_onnx_linear(g, inner, 12, 16, fill(10, 192), NULL);
}

static const char *rms(tdl_onnx *g, const char *scope, const char *x, size_t seed)
{
    tdl_onnx_scope(g, scope);
    return tdl_onnx_rms_norm(g, x, 16, fill(seed, 16), 1e-6F);
}

static void llama(tdl_onnx *g)
{
    const char *tokens = tdl_onnx_input(g, "tokens", TDL_ONNX_I64, 2, ragged());
    const char *lengths = tdl_onnx_input(g, "lengths", TDL_ONNX_I64, 1, ragged());
    const char *x = tdl_onnx_embed(g, tokens, tdl_onnx_table(g, "wte", 11, 16, fill(1, 176)));
    const char *mask = tdl_onnx_mask(g, x, lengths, true);
    const tdl_onnx_rope rope = tdl_onnx_rope_tables(g, x, 32, 4, 10000);

    x = tdl_onnx_plus(g, x, llama_attention(g, rms(g, "norm.0", x, 11), mask, &rope));
    x = tdl_onnx_plus(g, x, swiglu(g, rms(g, "norm.1", x, 12)));
    tdl_onnx_scope(g, "head");
    x = tdl_onnx_linear(g, rms(g, "norm.2", x, 13), 16, 11, fill(14, 176), NULL);
    output(
        g, x, "logits", 3,
        TDL_ONNX_DIMS(TDL_ONNX_VARYING("batch"), TDL_ONNX_VARYING("length"), TDL_ONNX_FIXED(11)));
}

static void vit(tdl_onnx *g)
{
    const char *x = tdl_onnx_input(g, "image", TDL_ONNX_F32, 4,
                                   TDL_ONNX_DIMS(TDL_ONNX_VARYING("batch"), TDL_ONNX_FIXED(2),
                                                 TDL_ONNX_FIXED(4), TDL_ONNX_FIXED(6)));

    x = linear(g, "patch", tdl_onnx_patchify(g, x, (tdl_onnx_image){2, 4, 6}, 2), 8, 8, 1);
    tdl_onnx_scope(g, "class");
    x = tdl_onnx_prepend(g, x, 8, fill(3, 8));
    x = tdl_onnx_plus(g, x, tdl_onnx_table(g, "wpe", 7, 8, fill(4, 56)));
    x = tdl_onnx_plus(g, x, attention(g, norm(g, "norm.0", x, 8, 5), NULL, 10));
    x = tdl_onnx_plus(g, x, feed_forward(g, norm(g, "norm.1", x, 8, 7), TDL_ONNX_GELU_ERF, 20));
    x = tdl_onnx_pool(g, norm(g, "norm.2", x, 8, 30), NULL, TDL_ONNX_FIRST);
    output(g, linear(g, "head", x, 8, 3, 32), "logits", 2,
           TDL_ONNX_DIMS(TDL_ONNX_VARYING("batch"), TDL_ONNX_FIXED(3)));
}

/* Three numbers and one category; the whole, and its last token, pooled without lengths. */
static void table(tdl_onnx *g)
{
    const tdl_onnx_dim *pooled = TDL_ONNX_DIMS(TDL_ONNX_VARYING("batch"), TDL_ONNX_FIXED(8));
    const char *numbers = tdl_onnx_input(
        g, "numbers", TDL_ONNX_F32, 2, TDL_ONNX_DIMS(TDL_ONNX_VARYING("batch"), TDL_ONNX_FIXED(3)));
    const char *category =
        tdl_onnx_input(g, "category", TDL_ONNX_I64, 2,
                       TDL_ONNX_DIMS(TDL_ONNX_VARYING("batch"), TDL_ONNX_FIXED(1)));

    tdl_onnx_scope(g, "numbers_in");
    const char *x = tdl_onnx_feature_affine(g, numbers, 3, 8, fill(1, 24), fill(2, 24));
    const char *kinds = tdl_onnx_table(g, "kinds", 5, 8, fill(3, 40));
    x = tdl_onnx_concat(g, x, tdl_onnx_embed(g, category, kinds), 1);
    tdl_onnx_scope(g, "class");
    x = tdl_onnx_prepend(g, x, 8, fill(4, 8));
    x = tdl_onnx_plus(g, x, attention(g, x, NULL, 10));
    output(g, tdl_onnx_pool(g, x, NULL, TDL_ONNX_MEAN), "mean", 2, pooled);
    output(g, tdl_onnx_pool(g, x, NULL, TDL_ONNX_LAST), "last", 2, pooled);
}

/* Positions counted from the end, one learned row before the sequence, scaled items. */
static void items(tdl_onnx *g)
{
    const char *ids = tdl_onnx_input(g, "items", TDL_ONNX_I64, 2, ragged());
    const char *lengths = tdl_onnx_input(g, "lengths", TDL_ONNX_I64, 1, ragged());
    const char *places = tdl_onnx_table(g, "wpe", 9, 8, fill(2, 72));
    const char *x = tdl_onnx_embed(g, ids, tdl_onnx_table(g, "item", 11, 8, fill(1, 88)));

    x = tdl_onnx_plus(g, tdl_onnx_scale(g, x, 2.5F),
                      tdl_onnx_embed(g, tdl_onnx_positions_from_end(g, x, lengths), places));
    tdl_onnx_scope(g, "user");
    x = tdl_onnx_prepend(g, x, 8, fill(3, 8));
    lengths = tdl_onnx_lengthen(g, lengths, 1);
    x = tdl_onnx_plus(g, x, attention(g, x, tdl_onnx_mask(g, x, lengths, true), 10));
    output(g, tdl_onnx_pool(g, x, lengths, TDL_ONNX_LAST), "last", 2,
           TDL_ONNX_DIMS(TDL_ONNX_VARYING("batch"), TDL_ONNX_FIXED(8)));
    output(g, tdl_onnx_pool(g, x, lengths, TDL_ONNX_MEAN), "mean", 2,
           TDL_ONNX_DIMS(TDL_ONNX_VARYING("batch"), TDL_ONNX_FIXED(8)));
}

static tdl_status write_model(const char *folder, const char *name, void (*build)(tdl_onnx *),
                              tdl_report *why)
{
    tdl_onnx *g = tdl_onnx_new(name);
    char path[4096];

    if (g)
        build(g);
    snprintf(path, sizeof path, "%s/%s.onnx", folder, name);
    tdl_status st = tdl_onnx_write(g, path, why);
    tdl_onnx_free(g);
    return st;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*build)(tdl_onnx *);
    } models[] = {{"activations", activations},
                  {"mlp", mlp},
                  {"cnn", cnn},
                  {"bert", bert},
                  {"llama", llama},
                  {"vit", vit},
                  {"table", table},
                  {"items", items}};
    tdl_report why = {0};
    int failed = 0;

    weights = tdl_arena_new(1 << 20);
    if (argc != 2 || !weights) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        if (write_model(argv[1], models[i].name, models[i].build, &why)) {
            fprintf(stderr, "%s: %s\n", models[i].name, why.message);
            failed = 1;
        }
    tdl_arena_free(weights);
    return failed;
}

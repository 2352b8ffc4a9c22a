/* The ops: each is one entry of a table, with its forward and backward side by side.
 *
 * A value is a matrix [rows][cols]. How its rows come about is its `per_row`: one for each token of
 * the batch (TDL_RAGGED), or `per_row` for each row of the batch: 1 for a pooled vector, 1 + 9 for
 * an image of nine patches and a class token. Ops that look across rows (attention, pool) look
 * across those of one batch row.
 *
 * Forward reads the values `in` and the parameters `param` and writes `out`. Backward reads d_out,
 * the gradient of its output, and gives those of its inputs and parameters:
 *     d_in[i]     NULL: nobody wants it. Else written, or, with d_in_add[i], added to, because
 *                 another reader of the value has been there: a later op, or this one for an
 *                 input behind i. An op gives them from the last input to the first
 *     d_param[i]  NULL: frozen or absent. Else added to
 * It may spoil d_out.
 *
 * Results never depend on the pool, nor on which rows share a batch.
 */
#ifndef TDL_NN_OP_H
#define TDL_NN_OP_H

#include "nn/batch.h"
#include "nn/params.h"

enum { TDL_OP_INPUTS_MAX = 4, TDL_OP_PARAMS_MAX = 4, TDL_RAGGED = 0 };

/* ---- what an op is asked to be ---- */

typedef enum tdl_norm_kind {
    TDL_NORM_LAYER,       /* (x - mean) / sqrt(variance + eps) * gain + bias */
    TDL_NORM_LAYER_PLAIN, /* without gain and bias */
    TDL_NORM_RMS          /* x / sqrt(mean x^2 + eps) * gain */
} tdl_norm_kind;

typedef enum tdl_mask { TDL_MASK_CAUSAL, TDL_MASK_BIDIRECTIONAL, TDL_MASK_PREFIX } tdl_mask;
typedef enum tdl_score { TDL_SCORE_SOFTMAX, TDL_SCORE_SILU } tdl_score;

/* Queries, keys and values are columns of one input, each heads * d_head wide. */
typedef struct tdl_attention_config {
    size_t heads, kv_heads, d_head;
    size_t q_at, k_at, v_at; /* first column of each */
    tdl_score score;
    tdl_mask mask;
    size_t prefix;       /* TDL_MASK_PREFIX: tokens that all may see */
    double scale;        /* of q . k; 0 = 1 / sqrt(d_head); scores by silu take 1 */
    double silu_n;       /* what scores by silu are divided by: a constant, never the batch's */
    size_t time_buckets; /* of the relative bias in time; 0 = none */
    double drop;         /* rate of dropout of the weights */
    bool first_only;     /* only the first token of a row asks: out has one row per batch row */
} tdl_attention_config;

typedef struct tdl_rope_config {
    size_t heads, d_head, at; /* `heads` heads from column `at` on are turned */
    double base;
    size_t max_len; /* tokens of a row, for programs that need to know; 0 = not said */
} tdl_rope_config;

typedef struct tdl_qk_norm_config {
    size_t heads, kv_heads, d_head; /* query heads from column `at` on, key heads behind them */
    size_t at;
} tdl_qk_norm_config;

typedef enum tdl_position {
    TDL_POSITION_NONE,
    TDL_POSITION_LEARNED,         /* counted from the first token */
    TDL_POSITION_LEARNED_FROM_END /* the last token has the last row of the table */
} tdl_position;

typedef enum tdl_pooling { TDL_POOL_FIRST, TDL_POOL_MEAN, TDL_POOL_LAST } tdl_pooling;

typedef struct tdl_image_config { /* channels first in the batch, last in values */
    size_t channels, height, width;
    size_t kernel, stride, padding; /* of a patch, convolution or pooling window */
} tdl_image_config;

typedef struct tdl_feature_config { /* columns of batch->x and of batch->category */
    size_t numbers, categories;
    const size_t *category_sizes; /* [categories]; borrowed as long as the net lives */
} tdl_feature_config;

typedef struct tdl_periodic_config {
    size_t numbers;
    const uint32_t *column; /* [numbers] of the input; borrowed as long as the net lives */
} tdl_periodic_config;

typedef struct tdl_loss_config {
    double smoothing;  /* softmax_ce, bce */
    double parameter;  /* huber: delta; tweedie: power; pairwise: margin, 0 = logistic; sampled_bce:
                        * t;  distil_ce: temperature */
    double soft_share; /* distil_ce: of the teacher's part, in [0, 1] */
    const tdl_real *class_weight; /* [classes] or NULL; borrowed as long as the net lives */
    const double *quantile;       /* [quantiles_n] each in (0, 1); borrowed likewise */
    size_t quantiles_n;
    size_t negatives_max; /* sampled_...: the most a batch brings for a row */
    bool correct_target;  /* sampled_softmax: log(S q) is taken from the target's logit too */
    bool calibrated;      /* sampled_bce: gBCE with t = parameter */
} tdl_loss_config;

typedef struct tdl_op_config {
    tdl_act act;
    double rate;     /* dropout: share of elements dropped, in [0, 1) */
    double eps;      /* norm, qk_norm */
    double scale;    /* embed: factor on the sum of the tables */
    size_t cols;     /* input, cut: columns; reshape: new columns; rising: of a group */
    size_t at;       /* gate_mul: first column of the gate; cut: first column */
    bool act_second; /* glu: the activation is on the second half, not on the first */
    tdl_norm_kind norm;
    tdl_position position;
    tdl_pooling pooling;
    tdl_attention_config attention;
    tdl_rope_config rope;
    tdl_qk_norm_config qk_norm;
    tdl_image_config image;
    tdl_feature_config features;
    tdl_periodic_config periodic;
    tdl_loss_config loss;
} tdl_op_config;

/* ---- shapes, stated once when the net is planned ---- */

/* What backward reads besides d_out, saved and parameters: kept until then. */
enum {
    TDL_READS_IN_0 = 1 << 0,
    TDL_READS_IN_1 = 1 << 1,
    TDL_READS_IN_2 = 1 << 2,
    TDL_READS_IN_3 = 1 << 3,
    TDL_READS_OUT = 1 << 4
};

typedef struct tdl_op_shapes {
    size_t in_cols[TDL_OP_INPUTS_MAX], in_per_row[TDL_OP_INPUTS_MAX];
    const tdl_slice *param[TDL_OP_PARAMS_MAX]; /* NULL = absent */
    /* stated by infer, out_per_row before it to in_per_row[0] */
    size_t out_cols, out_per_row;
    size_t saved_cols; /* numbers per row of out kept from forward for backward */
    unsigned reads;    /* what backward reads, TDL_READS_...; before infer: op->reads */
} tdl_op_shapes;

/* ---- one run of one op ---- */

typedef struct tdl_kv_cache tdl_kv_cache; /* nn/kv_cache.h */

typedef struct tdl_op_call {
    const tdl_nn_batch *batch;
    const tdl_op_config *config;
    const tdl_op_shapes *shapes;
    size_t rows;                           /* of out */
    size_t in_rows[TDL_OP_INPUTS_MAX];     /* */
    const tdl_real *in[TDL_OP_INPUTS_MAX]; /* [in_rows][in_cols] */
    tdl_real *d_in[TDL_OP_INPUTS_MAX];
    bool d_in_add[TDL_OP_INPUTS_MAX];
    tdl_real *out, *d_out; /* [rows][out_cols] */
    tdl_real *saved;       /* [rows][saved_cols] */
    tdl_real *work; /* works_on_input: [in_rows[0]][in_cols[0]]; may be in[0] and d_in[0] itself */
    const tdl_real *param[TDL_OP_PARAMS_MAX];
    tdl_real *d_param[TDL_OP_PARAMS_MAX];
    const tdl_packed *packed; /* linear, dot_score: weights packed for serving; NULL: not */
    tdl_kv_cache *cache;      /* attention, rope: what came before; NULL: nothing */
    tdl_real loss_scale;      /* what each row's loss is multiplied with in the mean */
    uint64_t seed, step;      /* of the run, for dropout */
    uint32_t id;              /* of the op in its net, for dropout */
    bool training;            /* dropout drops only then */
    bool defers_loss;         /* see tdl_run */
    bool bf16;                /* see tdl_op_matmul */
    tdl_pool *pool;
} tdl_op_call;

/* A product of an op with its weights: as tdl_matmul, or as tdl_matmul_bf16 where the net was
 * planned for that. */
static inline tdl_status tdl_op_matmul(const tdl_op_call *call, bool ta, bool tb, size_t m,
                                       size_t n, size_t k, const tdl_real *a, size_t lda,
                                       const tdl_real *b, size_t ldb, tdl_real *c, size_t ldc,
                                       bool add, tdl_report *why)
{
    return (call->bf16 ? tdl_matmul_bf16 : tdl_matmul)(ta, tb, m, n, k, a, lda, b, ldb, c, ldc, add,
                                                       call->pool, why);
}

typedef struct tdl_op {
    const char *name;
    int inputs_n;           /* needed */
    int inputs_max;         /* allowed; 0 = inputs_n */
    unsigned reads;         /* TDL_READS_... */
    bool is_loss;           /* needs targets; see below */
    bool works_on_input;    /* wants `work`, which may take the place of its first input */
    bool may_replace_input; /* out may be in[0] itself, and d_in[0] may be d_out itself: forward and
                             * backward then run in place */
    /* Check the shapes and state those of out and saved. TDL_E_INVALID says both in words. */
    tdl_status (*infer)(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why);
    /* Refuse a batch that the op could not survive, before anything changes. May be NULL. */
    tdl_status (*check)(const tdl_op_call *call, tdl_report *why);
    tdl_status (*forward)(const tdl_op_call *call, tdl_report *why);
    tdl_status (*backward)(const tdl_op_call *call, tdl_report *why); /* NULL: inference only */
} tdl_op;

/* A loss writes two numbers per row: the row's loss times its weight, and that weight (0: the row
 * does not count). Its backward takes weight and loss_scale into account; it has no d_out. */
enum { TDL_LOSS_COLS = 2 };

/* The rows of a value that belong to row `r` of the batch: [*begin, *end). */
static inline void tdl_op_rows_of(const tdl_nn_batch *batch, size_t per_row, size_t r,
                                  size_t *begin, size_t *end)
{
    *begin = per_row == TDL_RAGGED ? batch->offsets[r] : r * per_row;
    *end = per_row == TDL_RAGGED ? batch->offsets[r + 1] : (r + 1) * per_row;
}

/* A number for row `i` of a value, below batch row `r`, that no other row of the data set has. */
static inline uint64_t tdl_op_row_key(const tdl_nn_batch *batch, size_t per_row, size_t r, size_t i)
{
    return per_row == 1 ? batch->example[r] : batch->example[r] * TDL_TOKENS_OF_ROW_MAX + i;
}

/* ---- the table ---- */

/* in */
extern const tdl_op tdl_op_input;     /* batch->x as it is, no copy */
extern const tdl_op tdl_op_embed_bag; /* param: table [ids][d]; one row per batch row */
/* dense */
extern const tdl_op tdl_op_linear;  /* in, residual or none; W [in][out], bias [1][out] or none */
extern const tdl_op tdl_op_add;     /* two inputs of one shape: the residual connection */
extern const tdl_op tdl_op_dropout; /* inverted: kept elements are scaled by 1 / (1 - rate) */
extern const tdl_op tdl_op_reshape; /* [n][cols] as [n cols / c][c]; no copy */
extern const tdl_op tdl_op_act;
extern const tdl_op tdl_op_glu;  /* [n][2 f] to [n][f]: one half, activated, times the other */
extern const tdl_op tdl_op_norm; /* param: gain [1][d], bias [1][d], as the kind has them */
/* sequence */
extern const tdl_op tdl_op_attention; /* param: bias by distance [1][2 max - 1], by time [1][n] */
extern const tdl_op tdl_op_rope;
extern const tdl_op tdl_op_qk_norm;      /* param: gain of the queries, of the keys [1][d_head] */
extern const tdl_op tdl_op_gate_mul;     /* in, and a second value some columns of which scale it */
extern const tdl_op tdl_op_pool;         /* first, mean or last row of each batch row */
extern const tdl_op tdl_op_group_before; /* of each token: mean of the tie group before its own */
/* scores */
extern const tdl_op tdl_op_dot_score;    /* param: table [classes][d], bias [1][classes] or none */
extern const tdl_op tdl_op_cosine_score; /* param: table [classes][d] */
extern const tdl_op tdl_op_cosine;       /* of the rows of two inputs */
/* front ends */
extern const tdl_op
    tdl_op_embed; /* param: one to three tables [ids][d], positions [n][d] or none */
extern const tdl_op tdl_op_feature_tokens; /* param: cls or none, weights, bias, tables */
extern const tdl_op tdl_op_prepend;        /* param: row [1][d], positions [n + 1][d] or none */
extern const tdl_op tdl_op_concat;         /* columns of two to four inputs */
extern const tdl_op tdl_op_scale_shift;    /* param: gain [1][cols], bias [1][cols] or none */
extern const tdl_op tdl_op_cut;            /* some columns of a value */
extern const tdl_op tdl_op_periodic;       /* param: frequencies [numbers][n] */
extern const tdl_op tdl_op_rising;         /* numbers that cannot cross: quantiles */
/* images */
extern const tdl_op tdl_op_patchify;
extern const tdl_op tdl_op_conv2d; /* param: W [k k channels][out], bias [1][out] or none */
extern const tdl_op tdl_op_max_pool2d;
/* losses */
extern const tdl_op tdl_op_softmax_ce; /* against batch->target */
extern const tdl_op tdl_op_table_ce;   /* likewise, param: table [classes][d] */
extern const tdl_op tdl_op_distil_ce;  /* against batch->value, probabilities, and ->target */
extern const tdl_op tdl_op_mse;        /* against batch->value, as the next five */
extern const tdl_op tdl_op_huber;
extern const tdl_op tdl_op_quantile;
extern const tdl_op tdl_op_bce;
extern const tdl_op tdl_op_hinge;           /* value is -1 or +1 */
extern const tdl_op tdl_op_poisson;         /* value is a count */
extern const tdl_op tdl_op_tweedie;         /* likewise, or an amount */
extern const tdl_op tdl_op_lists;           /* value is relevance, rows of one target are a list */
extern const tdl_op tdl_op_hinge_classes;   /* against batch->target */
extern const tdl_op tdl_op_listwise;        /* against batch->value: relevance */
extern const tdl_op tdl_op_pairwise;        /* two scores, or target against negatives */
extern const tdl_op tdl_op_sampled_softmax; /* param: table [classes][d] */
extern const tdl_op tdl_op_sampled_bce;     /* param: table [classes][d] */
/* in the place of a loss */
extern const tdl_op tdl_op_pick; /* the score of batch->target itself */

#endif

/* The one transformer core: a stack of blocks over rows of vectors, configured into GPT, Llama,
 * BERT, SASRec, HSTU, FT-Transformer and ViT. nn/transformer.h puts front ends and heads to it.
 *
 *     pre-norm   x += attention(norm(x)),  x += ffn(norm(x)),  and a norm at the end
 *     post-norm  x = norm(x + attention(x)),  x = norm(x + ffn(x))
 *     out_gate   u, v, q, k = split(act(norm(x) W)),  x += (u * norm(attention)) W_o   (HSTU)
 *
 * Zeros are sane: every field left out is absent, or says what it then is.
 */
#ifndef TDL_NN_CORE_H
#define TDL_NN_CORE_H

#include "nn/net.h"

typedef struct tdl_tf_config {
    size_t n_layer, d_model, n_head;
    size_t n_kv_head; /* 0 = n_head */
    size_t d_head;    /* 0 = d_model / n_head */
    bool fewer_heads; /* n_head * d_head may be less than d_model: some were pruned */
    size_t d_ff;      /* width of the hidden layer, of each half with glu; 0 = no such layer */
    size_t max_len;   /* tokens; learned positions and relative biases have tables of this size */
    tdl_norm_kind norm;
    double norm_eps; /* 0 = 1e-5 */
    bool post_norm, skip_first_attn_norm;
    tdl_act act;     /* of the hidden layer, or of the gate */
    bool glu;        /* hidden layer: act(first half) * second half */
    bool glu_second; /* hidden layer: first half * act(second half) */
    bool bias_qkv, bias_out, bias_ff;
    bool out_gate;
    bool qk_norm;     /* queries and keys of each head to mean square 1, before rotary positions */
    double rope_base; /* 0 = no rotary positions */
    bool position_bias;  /* learned, by distance */
    size_t time_buckets; /* learned bias by time between events; 0 = none */
    tdl_score score;     /* silu scores are divided by max_len */
    tdl_mask mask;
    size_t prefix;
    double drop_attn, drop_resid;
    bool last_first_only; /* in the last layer only the first row of each example asks */
    double init_std;      /* 0 = 0.02 */
} tdl_tf_config;

/* Slices of one block; TDL_NONE = absent. */
typedef struct tdl_tf_layer {
    int attn_gain, attn_bias; /* norm before (or after) attention */
    int qkv, qkv_bias;        /* [d_model][q | k | v], with out_gate [u | v | q | k] */
    int q_gain, k_gain;       /* of qk_norm: [1][d_head] */
    int by_distance, by_time; /* [1][2 max_len - 1], [1][time_buckets + 1] */
    int out, out_bias;        /* [heads * d_head][d_model] */
    int ff_gain, ff_bias;     /* norm before (or after) the hidden layer */
    int ff_in, ff_in_bias;    /* [d_model][d_ff], with glu [d_model][2 d_ff] */
    int ff_out, ff_out_bias;  /* [d_ff][d_model] */
} tdl_tf_layer;

typedef struct tdl_tf {
    tdl_tf_config config; /* with its defaults filled in */
    tdl_tf_layer *layer;  /* [n_layer] */
    int final_gain, final_bias;
} tdl_tf;

/* Declare the slices, named "layer.0.qkv.weight" and so on. TDL_E_INVALID names the field that
 * cannot be. */
tdl_status tdl_tf_declare(tdl_tf *tf, const tdl_tf_config *config, tdl_params *params,
                          tdl_report *why);
void tdl_tf_release(tdl_tf *tf); /* accepts a zeroed struct */

/* Append the stack to a net; x is a value of d_model columns. Returns the last value. */
int tdl_tf_build(const tdl_tf *tf, tdl_net *net, int x);

/* Seeded starting values: gaussians of init_std, those that end a residual branch divided by
 * sqrt(2 n_layer) (Radford et al. 2019), gains 1, biases 0. */
void tdl_tf_start(const tdl_tf *tf, tdl_params *params, uint64_t seed);

#endif

/* Language models to and from GGUF, as llama.cpp has them.
 *
 * | architecture | what a tdl_transformer must be                                           |
 * |--------------|--------------------------------------------------------------------------|
 * | llama        | RMS norms first, rope, glu with silu, no biases; GQA allowed             |
 * | qwen3        | the same with qk_norm                                                    |
 * | gpt2         | layer norms first, learned positions, gelu (tanh form), biases all over  |
 * | bert         | layer norms behind, bidirectional, types, learned positions, a norm of   |
 * |              | the embedding, gelu (tanh form), biases all over, pooled without a head: |
 * |              | mean or first. Exported only                                             |
 *
 * The others: causal, head TIED or TOKENS without bias. All: max_len said. Anything else is refused
 * by the name of its field. Dropout is not told. llama.cpp turns the pairs (2i, 2i+1) of a llama
 * head, as we do, and (i, i + width/2) of a qwen3's, whose columns change places on their way. In a
 * bert it gives every token the first type.
 */
#ifndef TDL_TRAIN_EXPORT_GGUF_H
#define TDL_TRAIN_EXPORT_GGUF_H

#include "nn/transformer.h"
#include "train/gguf.h"

typedef enum tdl_token_kind { /* numbers as in the file */
                              TDL_TOKEN_NORMAL = 1,
                              TDL_TOKEN_UNKNOWN = 2,
                              TDL_TOKEN_CONTROL = 3,
                              TDL_TOKEN_BYTE = 6, /* "<0x0A>" */
} tdl_token_kind;

/* A tokenizer as llama.cpp knows it. */
typedef struct tdl_gguf_vocabulary {
    const char *model; /* "llama": SentencePiece; "gpt2": byte-level BPE; "bert": WordPiece, whose
                        * tokens begin with U+2581 at the beginning of a word, and with no "##"
                        * within one */
    const char *pre;   /* gpt2: how text is split before merging ("gpt-2"); NULL: not said */
    const tdl_str *token; /* [tokens_n] as many as the model's vocabulary */
    size_t tokens_n;
    const float *score;   /* [tokens_n] SentencePiece: the highest merges first; NULL: not said */
    const int32_t *kind;  /* [tokens_n] tdl_token_kind; NULL: not said */
    const tdl_str *merge; /* [merges_n] gpt2: "left right", the first merges first */
    size_t merges_n;
    /* tokens; NULL: not said. Of bert, begin is [CLS] and end is [SEP] */
    const uint32_t *begin, *end, *unknown, *padding, *mask;
} tdl_gguf_vocabulary;

/* The keys tokenizer.ggml.* of a file. */
void tdl_gguf_set_vocabulary(tdl_gguf_writer *writer, const tdl_gguf_vocabulary *vocabulary);

/* Write it.
 *   type     of matrices and tables; vectors are F32. Q8_0 and Q4_0 want widths that are multiples
 *            of 32
 *   returns  TDL_OK | TDL_E_INVALID (which field, or which number does not fit the type) |
 *            TDL_E_NO_MEMORY | TDL_E_IO */
tdl_status tdl_export_gguf(const tdl_transformer *model, const tdl_gguf_vocabulary *vocabulary,
                           tdl_gguf_type type, const char *path, tdl_report *why);

/* A file of one of these architectures, from anybody, as a model whose net is not planned yet. Its
 * vocabulary stays in the file. Nothing is allocated before its size was checked against the file.
 *   returns  TDL_OK | TDL_E_INVALID (what the file has and we have not) | TDL_E_CORRUPT |
 *            TDL_E_NO_MEMORY | TDL_E_IO; on failure nothing needs releasing */
tdl_status tdl_import_gguf(const char *path, tdl_transformer *ret, tdl_report *why);
/* The same of a file that is open; the model does not need it any more. */
tdl_status tdl_import_gguf_file(const tdl_gguf_file *file, tdl_transformer *ret, tdl_report *why);

#endif

/* Tiny tokenizers as llama.cpp knows them, for models of any vocabulary of 268 tokens or more.
 */
#ifndef TDL_TEST_VOCABULARY_H
#define TDL_TEST_VOCABULARY_H

#include "base/arena.h"
#include "train/export_gguf.h"

/* SentencePiece: unknown, begin, end, 256 bytes, a few pieces of "hello". tokens_n 0: no memory */
tdl_gguf_vocabulary pieces_vocabulary(tdl_arena *memory, size_t tokens_n);
/* Byte-level BPE: 256 bytes, four merges; the last token ends a text. */
tdl_gguf_vocabulary merges_vocabulary(tdl_arena *memory, size_t tokens_n);

/* WordPiece: padding, unknown, [CLS], [SEP], [MASK], then words that nothing splits. */
tdl_gguf_vocabulary words_vocabulary(tdl_arena *memory, size_t tokens_n);

#endif

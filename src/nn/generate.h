/* Continuing a row of tokens, one after the other, with a cache of what came before. */
#ifndef TDL_NN_GENERATE_H
#define TDL_NN_GENERATE_H

#include "nn/kv_cache.h"

typedef struct tdl_generate {
    tdl_net *net;        /* reads tokens; planned for one row of as many as the prompt has */
    int scores;          /* value [tokens][vocabulary], kept */
    tdl_kv_cache *cache; /* of that net; row 0 goes on where it stands */
    tdl_pool *pool;
} tdl_generate;

/* The token of the best score (of equals the first), `n` times over.
 *   prompt   [prompt_n], at least one, what the cache has not read yet
 *   ret      [n]; the cache has read all of it but the last
 *   returns  TDL_OK | TDL_E_INVALID | TDL_E_TOO_LARGE (the cache is full) */
tdl_status tdl_generate_greedy(const tdl_generate *generate, const int32_t *prompt, size_t prompt_n,
                               size_t n, int32_t *ret, tdl_report *why);

#endif

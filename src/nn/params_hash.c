#include "nn/params_hash.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const tdl_slice *const *)a)->name, (*(const tdl_slice *const *)b)->name);
}

static void add_size(crypto_generichash_state *state, size_t size)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)((uint64_t)size >> (8 * i));
    crypto_generichash_update(state, bytes, sizeof bytes);
}

static void add_text(crypto_generichash_state *state, const char *text)
{
    crypto_generichash_update(state, (const uint8_t *)text, strlen(text) + 1);
}

tdl_status tdl_params_hash(const tdl_params *params, uint8_t ret[TDL_HASH_BYTES], tdl_report *why)
{
    size_t n = (size_t)params->slices_n;
    const tdl_slice **slice = calloc(n + 1, sizeof(const tdl_slice *));
    crypto_generichash_state state;

    if (!slice)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to sort %zu slices", n);
    for (size_t i = 0; i < n; i++)
        slice[i] = &params->slice[i];
    qsort(slice, n, sizeof(const tdl_slice *), by_name);
    crypto_generichash_init(&state, NULL, 0, TDL_HASH_BYTES);
    for (size_t i = 0; i < n; i++) {
        add_text(&state, slice[i]->name);
        add_text(&state, sizeof(tdl_real) == sizeof(float) ? "F32" : "F64");
        add_size(&state, slice[i]->rows);
        add_size(&state, slice[i]->cols);
        crypto_generichash_update(&state, (const uint8_t *)(params->value + slice[i]->offset),
                                  slice[i]->rows * slice[i]->cols * sizeof(tdl_real));
    }
    crypto_generichash_final(&state, ret, TDL_HASH_BYTES);
    free(slice);
    return TDL_OK;
}

void tdl_hash_text(const uint8_t hash[TDL_HASH_BYTES], char ret[TDL_HASH_TEXT])
{
    sodium_bin2hex(ret, TDL_HASH_TEXT, hash, TDL_HASH_BYTES);
}

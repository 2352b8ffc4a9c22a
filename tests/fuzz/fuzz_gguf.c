/* GGUF reader: any bytes are accepted or refused; what is accepted can be read to its last byte. */
#include <stdint.h>
#include <stdlib.h>

#include "train/gguf.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* AddressSanitizer sees a read outside the file; a tensor never has more numbers than twice the
 * file's bytes (Q4_0), so that this allocation is bounded by the input. */
static void read_tensor(const tdl_gguf_file *file, const tdl_gguf_tensor *tensor, size_t n)
{
    char name[TDL_GGUF_NAME_MAX + 1] = {0};
    float *x;

    if (tensor->n > 2 * n || !(x = calloc(tensor->n, sizeof *x)))
        abort();
    tdl_gguf_floats(tensor, x);
    free(x);
    for (size_t i = 0; i < tensor->name.len; i++)
        name[i] = tensor->name.at[i];
    const tdl_gguf_tensor *found = NULL;
    tdl_gguf_get(file, name, tensor->rank, tensor->shape, &found, NULL);
}

static void read_values(const tdl_gguf_file *file)
{
    static const char *const keys[] = {"general.architecture", "k", "tokenizer.ggml.tokens"};
    size_t sum = 0;

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        tdl_gguf_array array;
        uint64_t u64;
        double number;
        bool yes;
        tdl_str text = {0};

        tdl_gguf_get_u64(file, keys[i], &u64, NULL);
        tdl_gguf_get_double(file, keys[i], &number, NULL);
        tdl_gguf_get_bool(file, keys[i], &yes, NULL);
        tdl_gguf_get_str(file, keys[i], &text, NULL);
        for (size_t k = 0; k < text.len; k++)
            sum += (uint8_t)text.at[k];
        if (tdl_gguf_get_array(file, keys[i], TDL_GGUF_STRING, &array, NULL))
            continue;
        while (array.n)
            sum += tdl_gguf_next_str(&array).len;
    }
    TDL_UNUSED(sum);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    tdl_report why = {0};
    tdl_gguf_file *file = NULL;
    tdl_status st = tdl_gguf_parse((tdl_str){(const char *)bytes, n}, &file, &why);

    if (st) {
        if (st != why.status || !why.message[0])
            abort();
        return 0;
    }
    for (size_t i = 0; i < tdl_gguf_count(file); i++)
        read_tensor(file, tdl_gguf_at(file, i), n);
    read_values(file);
    tdl_gguf_free(file);
    return 0;
}

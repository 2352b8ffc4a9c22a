/* GGUF files as models: any bytes become a model or are refused, and memory follows the file. */
#include <stdint.h>
#include <stdlib.h>

#include "train/export_gguf.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    tdl_report why = {0};
    tdl_gguf_file *file = NULL;
    tdl_transformer model;
    tdl_status st;

    if (tdl_gguf_parse((tdl_str){(const char *)bytes, n}, &file, NULL))
        return 0;
    st = tdl_import_gguf_file(file, &model, &why);
    tdl_gguf_free(file);
    if (st) {
        if (st != why.status || !why.message[0])
            abort();
        return 0;
    }
    size_t vectors = (size_t)model.params.slices_n; // each padded to 64 bytes
    if (model.params.n > 2 * n + 16 * vectors)
        abort();
    tdl_transformer_release(&model);
    return 0;
}

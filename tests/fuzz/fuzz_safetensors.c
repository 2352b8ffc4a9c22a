/* safetensors reader: any bytes are accepted or refused; what is accepted can be read to its last
 * byte. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "train/safetensors.h"
#include "train/safetensors_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* AddressSanitizer sees a read outside the file; the total must be what tiles the data. */
static void read_view(const tdl_st_file *file, const tdl_st_view *view, size_t *total)
{
    size_t bytes = view->n * tdl_dtype_bytes(view->dtype);
    const tdl_st_view *found = NULL;
    unsigned char *copy = malloc(bytes + 1);

    if ((uintptr_t)view->data % tdl_dtype_bytes(view->dtype) != 0)
        abort();
    if (copy && bytes)
        memcpy(copy, view->data, bytes);
    free(copy);
    if (tdl_st_get(file, view->name.at, view->dtype, view->rank, &found, NULL) || found != view)
        abort();
    for (size_t i = 0; tdl_st_is_real(view->dtype) && i < view->n; i++) {
        float value;
        tdl_st_read_f32(view, i, 1, &value);
    }
    *total += bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    tdl_report why = {0};
    tdl_st_file *file = NULL;
    size_t total = 0;
    tdl_status st = tdl_st_parse((tdl_str){(const char *)bytes, n}, &file, &why);

    if (st) {
        if (st != why.status || !why.message[0])
            abort();
        return 0;
    }
    for (size_t i = 0; i < tdl_st_count(file); i++)
        read_view(file, tdl_st_at(file, i), &total);
    if (total > n)
        abort();
    tdl_st_meta_get(file, "format");
    tdl_st_free(file);
    return 0;
}

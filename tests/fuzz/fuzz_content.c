/* What items say, and the map of it in a model's file. Input: a byte that chooses; then a title, a
 * line end and the item's words, or a safetensors file. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "apps/recommend/content_map.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const tdl_content_weights equal = {{1, 1, 1, 1}};

static void check_item(tdl_str bytes)
{
    const char *end = memchr(bytes.at, '\n', bytes.len);
    size_t n = end ? (size_t)(end - bytes.at) : bytes.len;
    tdl_str title = {bytes.at, n}, kept = {bytes.at + n, bytes.len - n};
    tdl_content_code one, again;
    float cell[TDL_CONTENT_D];

    tdl_content_encode(title, kept, NULL, &one);
    tdl_content_encode(title, kept, NULL, &again);
    if (memcmp(one.cell, again.cell, sizeof one.cell))
        abort();
    tdl_content_unpack(&one, &equal, cell);
    for (size_t i = 0; i < TDL_CONTENT_D; i++)
        if (!isfinite(cell[i]) || fabs((double)cell[i]) > 1.01)
            abort();
    if (tdl_content_says(&one) && fabs(tdl_content_cosine(&one, &one, &equal) - 1) > 1e-9)
        abort();
}

static void check_map(tdl_str bytes)
{
    tdl_st_file *file = NULL;
    tdl_content_map *map = NULL;
    tdl_content_code code;
    float vector[1];
    tdl_report why = {0};

    if (tdl_st_parse(bytes, &file, NULL))
        return;
    if (!tdl_content_map_load(file, "ials", 1, &map, &why)) {
        tdl_content_encode(TDL_STR("a mug"), TDL_STR("{}"), NULL, &code);
        tdl_content_map_apply(map, &code, vector);
    } else if (why.status != TDL_E_CORRUPT && why.status != TDL_E_NO_MEMORY)
        abort();
    tdl_content_map_free(map);
    tdl_st_free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    tdl_str bytes = {(const char *)data + 1, size - 1};
    if (data[0] % 2)
        check_map(bytes);
    else
        check_item(bytes);
    return 0;
}

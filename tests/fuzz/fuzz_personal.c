/* Personal data: findings lie in order within the text, JSON is never passed over, and nothing is
 * found in what was masked. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/personal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_findings(tdl_str text)
{
    tdl_personal_finding f;

    for (size_t from = 0; tdl_personal_find(TDL_STR("phone"), text, from, &f); from = f.end)
        if (f.begin < from || f.begin >= f.end || f.end > text.len || f.kind >= TDL_PERSONAL_N)
            abort();
}

static void count(void *context, tdl_str field, tdl_personal kind)
{
    TDL_UNUSED(field);
    TDL_UNUSED(kind);
    ++*(size_t *)context;
}

/* The word in a mask would make a telephone of a bare number behind it. */
static tdl_str without_masks(tdl_str text, tdl_arena *arena)
{
    static const char mask[] = "[phone]";
    char *copy = tdl_arena_alloc(arena, text.len + 1, 1);

    if (text.len)
        memcpy(copy, text.at, text.len);
    for (char *at = copy; (at = memmem(at, text.len - (size_t)(at - copy), mask, sizeof mask - 1));)
        memset(at, '.', sizeof mask - 1);
    return (tdl_str){copy, text.len};
}

static void check_object(const json_t *object)
{
    tdl_arena *arena = tdl_arena_new(64 << 20);
    tdl_buf json = {0};
    tdl_str masked, again;
    size_t n = 0;

    tdl_json_dump(&json, object);
    if (!json.failed && !tdl_personal_object(tdl_buf_view(&json), TDL_PERSONAL_MASK, count, &n,
                                             arena, &masked, NULL)) {
        n = 0;
        masked = without_masks(masked, arena);
        if (tdl_personal_object(masked, TDL_PERSONAL_KEEP, count, &n, arena, &again, NULL) || n)
            abort();
    }
    tdl_buf_release(&json);
    tdl_arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tdl_str text = {(const char *)data, size};
    json_t *object = NULL;

    check_findings(text);
    if (!tdl_json_parse(text, TDL_JSON_LAST_WINS, &object, NULL) && json_is_object(object))
        check_object(object);
    json_decref(object);
    return 0;
}

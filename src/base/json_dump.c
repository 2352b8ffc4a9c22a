#include <stdlib.h>
#include <string.h>

#include "base/json.h"

/* jansson's own dump writes 0.1 as 0.10000000000000001; this one goes through the writer. */
static void dump_value(tdl_jw *w, const json_t *value);

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void dump_object(tdl_jw *w, const json_t *object)
{
    size_t n = json_object_size(object), at = 0;
    const char **keys = calloc(n ? n : 1, sizeof *keys);
    json_t *members = (json_t *)object; /* jansson's iterators are not const-correct */

    if (!keys) {
        w->out->failed = true;
        return;
    }
    for (void *it = json_object_iter(members); it && at < n;
         it = json_object_iter_next(members, it))
        keys[at++] = json_object_iter_key(it);
    qsort(keys, at, sizeof *keys, by_text);
    tdl_jw_object(w);
    for (size_t i = 0; i < at; i++) {
        tdl_jw_key(w, keys[i]);
        dump_value(w, json_object_get(object, keys[i]));
    }
    tdl_jw_end_object(w);
    free(keys);
}

static void dump_array(tdl_jw *w, const json_t *array)
{
    tdl_jw_array(w);
    for (size_t i = 0; i < json_array_size(array); i++)
        dump_value(w, json_array_get(array, i));
    tdl_jw_end_array(w);
}

static void dump_value(tdl_jw *w, const json_t *value)
{
    json_type type = value ? json_typeof(value) : JSON_NULL;

    switch (type) {
    case JSON_OBJECT:
    case JSON_ARRAY:
        if (w->depth == TDL_JSON_DEPTH_MAX) /* built by hand: no parsed value is deeper */
            w->out->failed = true;
        else if (type == JSON_OBJECT)
            dump_object(w, value);
        else
            dump_array(w, value);
        return;
    case JSON_STRING:
        tdl_jw_str(w, (tdl_str){json_string_value(value), json_string_length(value)});
        return;
    case JSON_INTEGER:
        tdl_jw_int(w, json_integer_value(value));
        return;
    case JSON_REAL:
        tdl_jw_number(w, json_real_value(value));
        return;
    case JSON_TRUE:
    case JSON_FALSE:
        tdl_jw_bool(w, type == JSON_TRUE);
        return;
    case JSON_NULL:
        break;
    }
    tdl_jw_null(w);
}

void tdl_json_dump(tdl_buf *out, const json_t *value)
{
    tdl_jw w = {.out = out};

    dump_value(&w, value);
}

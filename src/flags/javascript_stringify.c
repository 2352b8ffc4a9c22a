#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "flags/javascript.h"

typedef struct writer {
    tdl_jw w;
    bool exact;
} writer;

typedef struct indexed {
    uint32_t index;
    const char *key;
} indexed;

static void write_value(writer *w, const json_t *value);

static int by_index(const void *a, const void *b)
{
    uint32_t left = ((const indexed *)a)->index, right = ((const indexed *)b)->index;

    return left < right ? -1 : left > right;
}

static void write_member(writer *w, const char *key, const json_t *value)
{
    tdl_jw_key(&w->w, key);
    write_value(w, value);
}

static void write_object(writer *w, json_t *object)
{
    indexed *first = calloc(json_object_size(object) + 1, sizeof *first);
    size_t n = 0;
    const char *key;
    json_t *value;

    if (!first) {
        w->w.out->failed = true;
        return;
    }
    json_object_foreach(object, key, value)
    {
        first[n].key = key;
        n += tdl_js_index(tdl_str_of(key), &first[n].index);
    }
    qsort(first, n, sizeof *first, by_index);
    tdl_jw_object(&w->w);
    for (size_t i = 0; i < n; i++)
        write_member(w, first[i].key, json_object_get(object, first[i].key));
    json_object_foreach(object, key, value)
    {
        uint32_t unused;
        if (!n || !tdl_js_index(tdl_str_of(key), &unused))
            write_member(w, key, value);
    }
    tdl_jw_end_object(&w->w);
    free(first);
}

static void write_array(writer *w, const json_t *array)
{
    tdl_jw_array(&w->w);
    for (size_t i = 0; i < json_array_size(array); i++)
        write_value(w, json_array_get(array, i));
    tdl_jw_end_array(&w->w);
}

static void write_number(writer *w, const json_t *value)
{
    double number = json_number_value(value);
    char text[32];

    if (w->exact && json_is_integer(value)) {
        tdl_jw_int(&w->w, json_integer_value(value));
    } else if (w->exact && number == floor(number) && fabs(number) < 1e15) {
        snprintf(text, sizeof text, "%lld.0", (long long)number);
        tdl_jw_raw(&w->w, tdl_str_of(text));
    } else {
        tdl_jw_number(&w->w, number + 0.0); // -0 is 0
    }
}

static void write_value(writer *w, const json_t *value)
{
    bool nests = json_is_object(value) || json_is_array(value);

    if (nests && w->w.depth == TDL_JSON_DEPTH_MAX) // no parsed value is deeper
        w->w.out->failed = true;
    else if (json_is_object(value))
        write_object(w, (json_t *)value);
    else if (json_is_array(value))
        write_array(w, value);
    else if (json_is_string(value))
        tdl_jw_str(&w->w, (tdl_str){json_string_value(value), json_string_length(value)});
    else if (json_is_number(value))
        write_number(w, value);
    else if (json_is_boolean(value))
        tdl_jw_bool(&w->w, json_is_true(value));
    else
        tdl_jw_null(&w->w);
}

void tdl_js_stringify(tdl_buf *out, const json_t *value, bool exact)
{
    writer w = {.w = {.out = out}, .exact = exact};

    write_value(&w, value);
}

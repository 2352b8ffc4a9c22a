#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "schema.h"

#include <stdio.h>
#include <string.h>

enum { WHERE_MAX = 300 };

/* Follows "$ref" as often as there is one. */
static const json_t *resolve(const json_t *document, const json_t *schema)
{
    const char *target;

    while ((target = json_string_value(json_object_get(schema, "$ref")))) {
        const json_t *at = document;
        char path[200], *rest = path;
        snprintf(path, sizeof path, "%s", target + 2); // "#/"
        for (char *part; (part = strsep(&rest, "/"));)
            at = json_object_get(at, part);
        schema = at;
    }
    return schema;
}

static bool is_type(const json_t *value, const char *type)
{
    if (!strcmp(type, "integer"))
        return json_is_integer(value);
    return !strcmp(type, tdl_json_type_name(value));
}

static bool has_type(const json_t *value, const json_t *type)
{
    const json_t *one;
    size_t i;

    if (json_is_string(type))
        return is_type(value, json_string_value(type));
    json_array_foreach(type, i, one)
    {
        if (is_type(value, json_string_value(one)))
            return true;
    }
    return false;
}

static bool matches(const json_t *document, const json_t *schema, json_t *value,
                    char where[WHERE_MAX]);

static bool wrong(char where[WHERE_MAX], const char *what)
{
    size_t n = strlen(where);
    snprintf(where + n, WHERE_MAX - n, ": %s", what);
    return false;
}

static bool object_matches(const json_t *document, const json_t *schema, json_t *value,
                           char where[WHERE_MAX])
{
    const json_t *properties = json_object_get(schema, "properties"), *name;
    size_t i, n = strlen(where);
    const char *key;
    json_t *member;

    json_array_foreach(json_object_get(schema, "required"), i, name)
    {
        if (!json_object_get(value, json_string_value(name))) {
            snprintf(where + n, WHERE_MAX - n, ".%s", json_string_value(name));
            return wrong(where, "missing");
        }
    }
    json_object_foreach(value, key, member)
    {
        const json_t *described = json_object_get(properties, key);
        snprintf(where + n, WHERE_MAX - n, ".%s", key);
        if (!described && json_is_false(json_object_get(schema, "additionalProperties")))
            return wrong(where, "not described");
        if (described && !matches(document, described, member, where))
            return false;
    }
    where[n] = '\0';
    return true;
}

static bool array_matches(const json_t *document, const json_t *schema, json_t *value,
                          char where[WHERE_MAX])
{
    const json_t *low = json_object_get(schema, "minItems");
    const json_t *high = json_object_get(schema, "maxItems");
    size_t i, size = json_array_size(value), n = strlen(where);
    json_t *element;

    if ((low && size < (size_t)json_integer_value(low)) ||
        (high && size > (size_t)json_integer_value(high)))
        return wrong(where, "wrong number of elements");
    json_array_foreach(value, i, element)
    {
        snprintf(where + n, WHERE_MAX - n, "[%zu]", i);
        if (!matches(document, json_object_get(schema, "items"), element, where))
            return false;
    }
    where[n] = '\0';
    return true;
}

static bool one_matches(const json_t *document, const json_t *choices, json_t *value)
{
    const json_t *choice;
    size_t i, matching = 0;

    json_array_foreach(choices, i, choice)
    {
        char where[WHERE_MAX] = "";
        matching += matches(document, choice, value, where);
    }
    return matching == 1;
}

static bool is_among(const json_t *list, const json_t *value)
{
    const json_t *one;
    size_t i;

    json_array_foreach(list, i, one)
    {
        if (json_equal(one, value))
            return true;
    }
    return false;
}

static bool matches(const json_t *document, const json_t *schema, json_t *value,
                    char where[WHERE_MAX])
{
    schema = resolve(document, schema);
    const json_t *type = json_object_get(schema, "type"), *bound;

    if (type && !has_type(value, type))
        return wrong(where, tdl_json_type_name(value));
    if ((bound = json_object_get(schema, "enum")) && !is_among(bound, value))
        return wrong(where, "not among the enum");
    if ((bound = json_object_get(schema, "const")) && !json_equal(bound, value))
        return wrong(where, "not the constant");
    if ((bound = json_object_get(schema, "oneOf")) && !one_matches(document, bound, value))
        return wrong(where, "not exactly one of");
    if (json_is_number(value) && (bound = json_object_get(schema, "minimum")) &&
        json_number_value(value) < json_number_value(bound))
        return wrong(where, "below the minimum");
    if (json_is_number(value) && (bound = json_object_get(schema, "maximum")) &&
        json_number_value(value) > json_number_value(bound))
        return wrong(where, "above the maximum");
    if (json_is_object(value))
        return object_matches(document, schema, value, where);
    if (json_is_array(value) && json_object_get(schema, "items"))
        return array_matches(document, schema, value, where);
    return true;
}

void schema_check(const json_t *document, const client *c, const char *method, const char *pattern)
{
    char lower[8] = {0}, status[8], where[WHERE_MAX] = "";
    const json_t *answer, *content;

    for (size_t i = 0; method[i] && i < sizeof lower - 1; i++)
        lower[i] = (char)(method[i] | 0x20);
    snprintf(status, sizeof status, "%d", c->status);
    answer = json_object_get(json_object_get(document, "paths"), pattern);
    answer = json_object_get(json_object_get(answer, lower), "responses");
    answer = resolve(document, json_object_get(answer, status));
    if (!answer)
        fail_msg("%s %s: status %d is not described", method, pattern, c->status);
    content = json_object_get(answer, "content");
    const json_t *media = json_object_get(content, "application/json");
    if (!media)
        media = json_object_get(content, "application/problem+json");
    if (!media)
        return; // no JSON
    if (!c->json || !matches(document, json_object_get(media, "schema"), c->json, where))
        fail_msg("%s %s, status %d: answer%s in %s", method, pattern, c->status, where,
                 c->body.at ? c->body.at : "nothing");
}

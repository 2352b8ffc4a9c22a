/* The route table and the API's description tell the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "http/openapi.h"
#include "http/route.h"

static json_t *read_document(void)
{
    json_t *document = NULL;
    assert_int_equal(tdl_json_parse(tdl_openapi, TDL_JSON_REFUSE_DUPLICATES, &document, NULL),
                     TDL_OK);
    return document;
}

/* "{key...}" is a parameter like others there. */
static const char *described(const char *pattern, char ret[200])
{
    const char *dots = strstr(pattern, "...");

    if (!dots)
        return pattern;
    assert_true(strlen(pattern) < 200);
    memcpy(ret, pattern, (size_t)(dots - pattern));
    strcpy(ret + (dots - pattern), dots + 3);
    return ret;
}

static const json_t *operation_of(const json_t *document, const tdl_route *route)
{
    char pattern[200];
    const json_t *path =
        json_object_get(json_object_get(document, "paths"), described(route->pattern, pattern));
    char method[8] = {0};

    for (size_t i = 0; route->method[i] && i < sizeof method - 1; i++)
        method[i] = (char)(route->method[i] | 0x20);
    return json_object_get(path, method);
}

static void every_route_is_described_under_its_name(void **state)
{
    json_t *document = read_document();

    (void)state;
    for (size_t i = 0; i < tdl_routes_n; i++) {
        const json_t *operation = operation_of(document, &tdl_routes[i]);
        const char *id = json_string_value(json_object_get(operation, "operationId"));
        if (!id || strcmp(id, tdl_routes[i].name))
            fail_msg("%s %s is not described as %s", tdl_routes[i].method, tdl_routes[i].pattern,
                     tdl_routes[i].name);
    }
    json_decref(document);
}

static void every_description_has_its_route(void **state)
{
    json_t *document = read_document(), *path, *operation;
    const char *pattern, *method;
    char plain[200];
    size_t n = 0;

    (void)state;
    json_object_foreach(json_object_get(document, "paths"), pattern, path)
    {
        json_object_foreach(path, method, operation)
        {
            bool found = false;
            for (size_t i = 0; i < tdl_routes_n; i++)
                found = found || (!strcmp(described(tdl_routes[i].pattern, plain), pattern) &&
                                  !strcasecmp(tdl_routes[i].method, method));
            if (!found)
                fail_msg("%s %s has no route", method, pattern);
            n++;
        }
    }
    assert_int_equal(n, tdl_routes_n);
    json_decref(document);
}

static void open_routes_are_described_as_open(void **state)
{
    json_t *document = read_document();

    (void)state;
    for (size_t i = 0; i < tdl_routes_n; i++) {
        const json_t *security =
            json_object_get(operation_of(document, &tdl_routes[i]), "security");
        bool open = json_is_array(security) && !json_array_size(security);
        assert_int_equal(open, tdl_routes[i].right == 0);
    }
    json_decref(document);
}

static void check_references(const json_t *document, json_t *value)
{
    const char *key;
    json_t *member;
    size_t i;

    const char *target = json_string_value(json_object_get(value, "$ref"));
    if (target) {
        const json_t *at = document;
        char path[200];
        assert_memory_equal(target, "#/", 2);
        strncpy(path, target + 2, sizeof path - 1);
        path[sizeof path - 1] = '\0';
        for (char *part = strtok(path, "/"); part; part = strtok(NULL, "/"))
            at = json_object_get(at, part);
        if (!at)
            fail_msg("%s leads nowhere", target);
    }
    if (json_is_array(value)) {
        json_array_foreach(value, i, member)
        {
            check_references(document, member);
        }
    }
    json_object_foreach(value, key, member)
    {
        check_references(document, member);
    }
}

static void every_reference_leads_somewhere(void **state)
{
    json_t *document = read_document();

    (void)state;
    check_references(document, document);
    json_decref(document);
}

static void names_and_paths_are_unique_and_every_route_has_a_handler(void **state)
{
    (void)state;
    for (size_t i = 0; i < tdl_routes_n; i++) {
        assert_non_null(tdl_routes[i].handle);
        assert_int_equal(tdl_routes[i].lane == TDL_LANE_INGEST, tdl_routes[i].finish != NULL);
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(tdl_routes[i].name, tdl_routes[k].name);
            assert_false(!strcmp(tdl_routes[i].pattern, tdl_routes[k].pattern) &&
                         !strcmp(tdl_routes[i].method, tdl_routes[k].method));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_is_described_under_its_name),
        cmocka_unit_test(every_description_has_its_route),
        cmocka_unit_test(open_routes_are_described_as_open),
        cmocka_unit_test(every_reference_leads_somewhere),
        cmocka_unit_test(names_and_paths_are_unique_and_every_route_has_a_handler),
    };
    return cmocka_run_group_tests_name("http/routes", tests, NULL, NULL);
}

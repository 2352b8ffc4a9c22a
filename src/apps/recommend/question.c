#include "apps/recommend/question.h"

#include "treadle/event.h"

enum { K_MAX = 100, K_DEFAULT = 10 };

static tdl_status check_members(const json_t *object, bool preview, tdl_report *why)
{
    static const char *const names[] = {"surface", "user",   "anonymous_id", "items",   "k",
                                        "context", "filter", "exclude",      "explain", "explore"};
    json_t *members = (json_t *)object; // jansson's iterators are not const-correct

    if (!json_is_object(object))
        return TDL_FAIL(why, TDL_E_INVALID, "the question must be an object, not of type %s",
                        tdl_json_type_name(object));
    for (void *it = json_object_iter(members); it; it = json_object_iter_next(members, it)) {
        tdl_str name = tdl_str_of(json_object_iter_key(it));
        bool known = preview && tdl_str_is(name, "policy");
        for (size_t i = 0; !known && i < sizeof names / sizeof *names; i++)
            known = tdl_str_is(name, names[i]);
        if (!known)
            return TDL_FAIL_HINT(why, TDL_E_INVALID, "GET /openapi.json lists the fields",
                                 "there is no field \"%.100s\"", json_object_iter_key(it));
    }
    return TDL_OK;
}

static tdl_status read_text(const json_t *object, const char *name, size_t max, tdl_str *ret,
                            tdl_report *why)
{
    const json_t *value = json_object_get(object, name);

    if (!value || json_is_null(value))
        return TDL_OK;
    if (!json_is_string(value) || json_string_length(value) > max)
        return TDL_FAIL(why, TDL_E_INVALID, "%s must be a string of at most %zu bytes", name, max);
    *ret = (tdl_str){json_string_value(value), json_string_length(value)};
    return TDL_OK;
}

static tdl_status read_size(const json_t *object, const char *name, json_int_t low, json_int_t high,
                            size_t *ret, tdl_report *why)
{
    const json_t *value = json_object_get(object, name);

    if (!value || json_is_null(value))
        return TDL_OK;
    if (!json_is_integer(value) || json_integer_value(value) < low ||
        json_integer_value(value) > high)
        return TDL_FAIL(why, TDL_E_INVALID, "%s must be an integer from %lld to %lld", name,
                        (long long)low, (long long)high);
    *ret = (size_t)json_integer_value(value);
    return TDL_OK;
}

static tdl_status read_ids(const json_t *object, const char *name, tdl_arena *arena,
                           const tdl_str **ret, size_t *ret_n, tdl_report *why)
{
    const json_t *value = json_object_get(object, name);
    size_t n = json_array_size(value);

    if (!value || json_is_null(value))
        return TDL_OK;
    if (!json_is_array(value) || n > TDL_QUESTION_ITEMS_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "%s must be an array of at most %d ids", name,
                        TDL_QUESTION_ITEMS_MAX);
    tdl_str *ids = tdl_arena_alloc(arena, n, sizeof *ids);
    if (!ids)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "the request needs too much memory");
    for (size_t i = 0; i < n; i++) {
        const json_t *one = json_array_get(value, i);
        if (!json_is_string(one) || json_string_length(one) > TDL_ID_MAX)
            return TDL_FAIL(why, TDL_E_INVALID, "%s: element %zu must be an id", name, i);
        ids[i] = (tdl_str){json_string_value(one), json_string_length(one)};
    }
    *ret = ids;
    *ret_n = n;
    return TDL_OK;
}

static tdl_status read_object(const json_t *object, const char *name, const json_t **ret,
                              tdl_report *why)
{
    const json_t *value = json_object_get(object, name);

    if (!value || json_is_null(value))
        return TDL_OK;
    if (!json_is_object(value))
        return TDL_FAIL(why, TDL_E_INVALID, "%s must be an object, not of type %s", name,
                        tdl_json_type_name(value));
    *ret = value;
    return TDL_OK;
}

static tdl_status read_explore(const json_t *object, bool *ret, tdl_report *why)
{
    const json_t *value = json_object_get(object, "explore");

    if (!value || json_is_null(value))
        return TDL_OK;
    if (!json_is_boolean(value))
        return TDL_FAIL(why, TDL_E_INVALID, "explore must be true or false");
    *ret = json_is_true(value);
    return TDL_OK;
}

tdl_status tdl_question_read(const json_t *object, bool preview, tdl_arena *arena,
                             tdl_question *ret, tdl_report *why)
{
    tdl_question q = {.k = K_DEFAULT, .explain = 1, .explore = true};
    tdl_str anonymous = {0};
    tdl_status st;

    if ((st = check_members(object, preview, why)) ||
        (st = read_text(object, "surface", 64, &q.surface, why)) ||
        (st = read_text(object, "user", TDL_ID_MAX, &q.user, why)) ||
        (st = read_text(object, "anonymous_id", TDL_ID_MAX, &anonymous, why)) ||
        (st = read_ids(object, "items", arena, &q.item, &q.items_n, why)) ||
        (st = read_ids(object, "exclude", arena, &q.exclude, &q.exclude_n, why)) ||
        (st = read_size(object, "k", 1, K_MAX, &q.k, why)) ||
        (st = read_size(object, "explain", 0, TDL_QUESTION_EXPLAIN_MAX, &q.explain, why)) ||
        (st = read_explore(object, &q.explore, why)) ||
        (st = read_text(object, "filter", 4096, &q.filter, why)) ||
        (st = read_object(object, "context", &q.context, why)) ||
        (st = read_object(object, "policy", &q.policy, why)))
        return st;
    if (!q.surface.len)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "GET /v1/recommend/surfaces lists them",
                             "surface is missing");
    q.user = q.user.len ? q.user : anonymous;
    q.explore = q.explore && !preview;
    *ret = q;
    return TDL_OK;
}

tdl_status tdl_question_brief(tdl_str user, const tdl_str *item, size_t n, tdl_question *ret,
                              tdl_report *why)
{
    if (!user.len && !item->len)
        return TDL_FAIL(why, TDL_E_INVALID, "neither a user nor an item is given");
    if (n < 1 || n > K_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "n is %zu, it must be from 1 to %d", n, K_MAX);
    *ret = (tdl_question){.brief = true,
                          .surface = item->len ? TDL_STR("similar") : TDL_STR("home"),
                          .user = user,
                          .item = item,
                          .items_n = item->len > 0,
                          .k = n,
                          .explain = TDL_QUESTION_EXPLAIN_MAX,
                          .explore = true};
    return TDL_OK;
}

#include "flags/short.h"

#include <math.h>

static const double SUM_SLACK = 1e-6; /* three thirds may be written 33.333333 */

static tdl_status no_memory(tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the definition");
}

static tdl_status check_members(const json_t *form, tdl_report *why)
{
    static const char *const members[] = {"on", "percent", "variants", "payloads"};
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)form, key, value)
    {
        size_t i = 0;
        while (i < sizeof members / sizeof *members && strcmp(key, members[i]))
            i++;
        if (i == sizeof members / sizeof *members)
            return TDL_FAIL_HINT(why, TDL_E_INVALID,
                                 "use on, percent, variants and payloads, or family and definition",
                                 "%.64s is not known", key);
    }
    return TDL_OK;
}

static bool is_percent(const json_t *value)
{
    return json_is_number(value) && json_number_value(value) >= 0 &&
           json_number_value(value) <= 100;
}

/* [{"key": "control", "rollout_percentage": 50}, ...] */
static tdl_status expand_variants(const json_t *variants, json_t *ret, tdl_report *why)
{
    double sum = 0;
    const char *key;
    json_t *percent;

    if (!variants)
        return TDL_OK;
    if (!json_is_object(variants))
        return TDL_FAIL(why, TDL_E_INVALID, "variants must be an object, not of type %s",
                        tdl_json_type_name(variants));
    json_object_foreach((json_t *)variants, key, percent)
    {
        if (!is_percent(percent))
            return TDL_FAIL(why, TDL_E_INVALID, "variants.%.64s must be a number from 0 to 100",
                            key);
        sum += json_number_value(percent);
        if (json_array_append_new(
                ret, json_pack("{s:s, s:O}", "key", key, "rollout_percentage", percent)))
            return no_memory(why);
    }
    if (json_object_size(variants) && fabs(sum - 100) > SUM_SLACK)
        return TDL_FAIL(why, TDL_E_INVALID, "variants must make 100 percent, not %.6g", sum);
    return TDL_OK;
}

/* Each as JSON inside a text. */
static tdl_status expand_payloads(const json_t *payloads, const json_t *variants, json_t *ret,
                                  tdl_report *why)
{
    const char *key;
    json_t *payload;

    if (!payloads)
        return TDL_OK;
    if (!json_is_object(payloads))
        return TDL_FAIL(why, TDL_E_INVALID, "payloads must be an object, not of type %s",
                        tdl_json_type_name(payloads));
    json_object_foreach((json_t *)payloads, key, payload)
    {
        tdl_buf text = {0};
        if (json_object_size(variants) ? !json_object_get(variants, key) : strcmp(key, "true") != 0)
            return TDL_FAIL(why, TDL_E_INVALID, "payloads.%.64s: there is no such variant", key);
        tdl_json_dump(&text, payload);
        int failed = text.failed || json_object_set_new(ret, key, json_stringn(text.at, text.len));
        tdl_buf_release(&text);
        if (failed)
            return no_memory(why);
    }
    return TDL_OK;
}

static tdl_status expand(const json_t *form, json_t *variants, json_t *payloads, json_t **ret,
                         tdl_report *why)
{
    const json_t *on = json_object_get(form, "on"), *percent = json_object_get(form, "percent");
    const json_t *given = json_object_get(form, "variants");
    tdl_status st = check_members(form, why);

    if (st)
        return st;
    if (on && !json_is_boolean(on))
        return TDL_FAIL(why, TDL_E_INVALID, "on must be true or false, not of type %s",
                        tdl_json_type_name(on));
    if (percent && !is_percent(percent))
        return TDL_FAIL(why, TDL_E_INVALID, "percent must be a number from 0 to 100");
    if ((st = expand_variants(given, variants, why)) ||
        (st = expand_payloads(json_object_get(form, "payloads"), given, payloads, why)))
        return st;
    *ret = json_pack("{s:b, s:{s:[{s:[], s:o}], s:{s:O}, s:O}}", "active", !json_is_false(on),
                     "filters", "groups", "properties", "rollout_percentage",
                     percent ? json_deep_copy(percent) : json_integer(100), "multivariate",
                     "variants", variants, "payloads", payloads);
    return *ret ? TDL_OK : no_memory(why);
}

tdl_status tdl_flag_short(const json_t *form, json_t **ret, tdl_report *why)
{
    json_t *variants = json_array(), *payloads = json_object();
    tdl_status st =
        variants && payloads ? expand(form, variants, payloads, ret, why) : no_memory(why);

    json_decref(variants);
    json_decref(payloads);
    return st;
}

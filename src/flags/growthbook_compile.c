#include <stdlib.h>

#include "flags/growthbook_members.h"

enum { FEATURE_BYTES = 64 << 20 };

static tdl_status no_memory(tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "the definition is too large");
}

/* ---- saved groups and bandits ---- */

static tdl_status read_group(tdl_gb_compiler *c, const json_t *json, tdl_gb_group *ret,
                             tdl_report *why)
{
    const char *type = json_string_value(json_object_get(json, "type"));
    const json_t *values = json_is_array(json) ? json : json_object_get(json, "values");
    const json_t *attribute = json_object_get(json, "attributeKey"), *condition;
    tdl_gb_condition *compiled;
    tdl_status st;

    if (json_is_array(json) || (type && !strcmp(type, "list") && json_is_array(values))) {
        ret->kind = json_is_array(json) ? TDL_GB_GROUP_ARRAY : TDL_GB_GROUP_LIST;
        st = tdl_gb_list_compile(c, values, false, &ret->list, why);
        return st || !json_is_string(attribute)
                   ? st
                   : tdl_gb_path_compile(c, tdl_str_of(json_string_value(attribute)),
                                         &ret->attribute, why);
    }
    condition = json_object_get(json, "condition");
    if (!type || strcmp(type, "condition") || !condition)
        return TDL_OK;
    if (!(compiled = tdl_arena_zalloc(c->arena, 1, sizeof *compiled)))
        return no_memory(why);
    ret->kind = TDL_GB_GROUP_CONDITION;
    ret->condition = compiled;
    return tdl_gb_condition_compile(c, condition, compiled, why);
}

static tdl_status read_leaf(tdl_gb_compiler *c, const json_t *json, tdl_gb_leaf *ret,
                            tdl_report *why)
{
    double *weights = NULL;
    size_t weights_n = 0;
    bool given;
    tdl_status st = tdl_gb_read_weights(c, json, &weights, &weights_n, why);

    ret->id = json_object_get(json, "leafId");
    ret->weights = json_object_get(json, "weights");
    if (!st && (!json_is_number(ret->id) || !json_is_array(ret->weights)))
        st = TDL_FAIL(why, TDL_E_INVALID, "leafId and weights must be there");
    if (!st && weights_n > TDL_GB_RANGES_MAX)
        st = TDL_FAIL(why, TDL_E_INVALID, "%zu weights, %d are allowed", weights_n,
                      TDL_GB_RANGES_MAX);
    return st ? st : tdl_gb_read_condition(c, json, &ret->condition, &given, why);
}

static tdl_status read_bandit(tdl_gb_compiler *c, const json_t *json, tdl_gb_bandit *ret,
                              tdl_report *why)
{
    const json_t *array;
    tdl_status st = tdl_gb_read_member(json, "banditVersion", JSON_REAL, &ret->version, why);

    if (!st)
        st = tdl_gb_read_list(c, json, "contexts", sizeof *ret->leaves, &array, &ret->leaves,
                              &ret->leaves_n, why);
    for (size_t i = 0; !st && i < ret->leaves_n; i++)
        if ((st = read_leaf(c, json_array_get(array, i), &ret->leaves[i], why)))
            tdl_report_prefix(why, "contexts %zu", i);
    return st;
}

static tdl_status read_groups(tdl_gb_compiler *c, const json_t *definition, tdl_gb_feature *ret,
                              tdl_report *why)
{
    const json_t *given;
    json_t *value;
    const char *key;
    tdl_status st = tdl_gb_read_member(definition, "savedGroups", JSON_OBJECT, &given, why);

    ret->groups = tdl_arena_zalloc(c->arena, json_object_size(given), sizeof *ret->groups);
    if (st || !ret->groups)
        return st ? st : no_memory(why);
    json_object_foreach((json_t *)given, key, value)
    {
        tdl_gb_group *group = &ret->groups[ret->groups_n++];
        group->id = tdl_str_of(key);
        if ((st = read_group(c, value, group, why))) {
            tdl_report_prefix(why, "savedGroups.%s", key);
            return st;
        }
    }
    return TDL_OK;
}

static tdl_status read_bandits(tdl_gb_compiler *c, const json_t *definition, tdl_gb_feature *ret,
                               tdl_report *why)
{
    const json_t *given;
    json_t *value;
    const char *key;
    tdl_status st = tdl_gb_read_member(definition, "contextualBandits", JSON_OBJECT, &given, why);

    ret->bandits = tdl_arena_zalloc(c->arena, json_object_size(given), sizeof *ret->bandits);
    if (st || !ret->bandits)
        return st ? st : no_memory(why);
    json_object_foreach((json_t *)given, key, value)
    {
        tdl_gb_bandit *bandit = &ret->bandits[ret->bandits_n++];
        bandit->id = tdl_str_of(key);
        if ((st = read_bandit(c, value, bandit, why))) {
            tdl_report_prefix(why, "contextualBandits.%s", key);
            return st;
        }
    }
    return TDL_OK;
}

/* ---- features ---- */

static tdl_status write_served(tdl_gb_compiler *c, const json_t *definition, tdl_gb_feature *ret,
                               tdl_report *why)
{
    const json_t *rules = json_object_get(definition, "rules");
    tdl_buf text = {0};

    tdl_buf_text(&text, "{\"defaultValue\":");
    tdl_buf_str(&text, ret->default_value.text);
    if (json_is_array(rules)) {
        tdl_buf_text(&text, ",\"rules\":");
        tdl_js_stringify(&text, rules, true);
    }
    tdl_buf_char(&text, '}');
    ret->served = text.failed ? (tdl_str){0} : tdl_arena_str(c->arena, tdl_buf_view(&text));
    tdl_buf_release(&text);
    return ret->served.at ? TDL_OK : no_memory(why);
}

static tdl_status compile_feature(tdl_gb_compiler *c, const json_t *definition, tdl_gb_feature *ret,
                                  tdl_report *why)
{
    const json_t *rules;
    tdl_status st;

    if ((st = tdl_gb_keep_value(c, json_object_get(definition, "defaultValue"), &ret->default_value,
                                why)) ||
        (st = tdl_gb_read_list(c, definition, "rules", sizeof *ret->rules, &rules, &ret->rules,
                               &ret->rules_n, why)))
        return st;
    for (size_t i = 0; i < ret->rules_n; i++)
        if ((st = tdl_gb_rule_compile(c, json_array_get(rules, i), &ret->rules[i], why))) {
            tdl_report_prefix(why, "rules %zu", i);
            return st;
        }
    if ((st = read_groups(c, definition, ret, why)) || (st = read_bandits(c, definition, ret, why)))
        return st;
    return write_served(c, definition, ret, why);
}

tdl_status tdl_gb_feature_compile(const json_t *definition, void **ret, tdl_report *why)
{
    tdl_gb_feature *feature = calloc(1, sizeof *feature);
    tdl_status st;

    if (!feature || !(feature->arena = tdl_arena_new(FEATURE_BYTES))) {
        free(feature);
        return no_memory(why);
    }
    tdl_gb_compiler c = {.arena = feature->arena};
    st = compile_feature(&c, definition, feature, why);
    feature->regexes = c.regexes;
    if (st)
        tdl_gb_feature_free(feature);
    else
        *ret = feature;
    return st;
}

void tdl_gb_feature_free(void *compiled)
{
    tdl_gb_feature *feature = compiled;

    if (!feature)
        return;
    for (tdl_gb_regexes *r = feature->regexes; r; r = r->next)
        tdl_js_regex_free(r->regex);
    tdl_arena_free(feature->arena);
    free(feature);
}

#include "flags/growthbook_members.h"

static tdl_status no_memory(tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "the definition is too large");
}

/* ---- ranges ---- */

static tdl_status read_range(const json_t *pair, size_t from, tdl_gb_range *ret, tdl_report *why)
{
    const json_t *low = json_array_get(pair, from), *high = json_array_get(pair, from + 1);

    if (!json_is_number(low) || !json_is_number(high))
        return TDL_FAIL(why, TDL_E_INVALID, "must have two numbers, from and to");
    *ret = (tdl_gb_range){json_number_value(low), json_number_value(high)};
    return TDL_OK;
}

static tdl_status partition(tdl_gb_compiler *c, double version, const tdl_gb_range *ranges,
                            size_t n, bool inclusive, tdl_gb_partition *ret, tdl_report *why)
{
    if (n > TDL_GB_RANGES_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "%zu of them, %d are allowed", n, TDL_GB_RANGES_MAX);
    return tdl_gb_partition_make(c->arena, version, ranges, n, inclusive, ret) ? TDL_OK
                                                                               : no_memory(why);
}

static tdl_status read_ranges(tdl_gb_compiler *c, const json_t *array, double version,
                              tdl_gb_partition *ret, tdl_report *why)
{
    size_t n = json_array_size(array);
    tdl_gb_range *ranges = tdl_arena_alloc(c->arena, n, sizeof *ranges);
    tdl_status st;

    if (!ranges)
        return no_memory(why);
    for (size_t i = 0; i < n; i++)
        if ((st = read_range(json_array_get(array, i), 0, &ranges[i], why))) {
            tdl_report_prefix(why, "ranges %zu", i);
            return st;
        }
    if ((st = partition(c, version, ranges, n, false, ret, why)))
        tdl_report_prefix(why, "ranges");
    return st;
}

/* ---- rules ---- */

static tdl_status read_parents(tdl_gb_compiler *c, tdl_gb_rule *rule, tdl_report *why)
{
    const json_t *array;
    bool given;
    tdl_status st = tdl_gb_read_list(c, rule->json, "parentConditions", sizeof *rule->parents,
                                     &array, &rule->parents, &rule->parents_n, why);

    for (size_t i = 0; !st && i < rule->parents_n; i++) {
        const json_t *json = json_array_get(array, i);
        tdl_gb_parent *parent = &rule->parents[i];
        if (!(st = tdl_gb_read_text(json, "id", &parent->id, why)) && !parent->id.len)
            st = TDL_FAIL(why, TDL_E_INVALID, "id is missing");
        if (!st)
            st = tdl_gb_read_condition(c, json, &parent->condition, &given, why);
        parent->gate = tdl_js_truthy(json_object_get(json, "gate"));
        if (st)
            tdl_report_prefix(why, "parentConditions %zu", i);
    }
    return st;
}

static tdl_status read_filter(tdl_gb_compiler *c, const json_t *json, tdl_gb_filter *ret,
                              tdl_report *why)
{
    const json_t *seed = json_object_get(json, "seed"), *ranges;
    double version = 2;
    tdl_status st;

    if (!json_is_string(seed))
        return TDL_FAIL(why, TDL_E_INVALID, "seed must be a text");
    ret->attribute = TDL_STR("id");
    if ((st = tdl_gb_read_text(json, "seed", &ret->seed, why)) ||
        (st = tdl_gb_read_text(json, "attribute", &ret->attribute, why)) ||
        (st = tdl_gb_read_number(json, "hashVersion", &version, why)) ||
        (st = tdl_gb_read_member(json, "ranges", JSON_ARRAY, &ranges, why)))
        return st;
    if (!ranges)
        return TDL_FAIL(why, TDL_E_INVALID, "ranges are missing");
    if (!ret->attribute.len)
        ret->attribute = TDL_STR("id");
    return read_ranges(c, ranges, version, &ret->partition, why);
}

static tdl_status read_filters(tdl_gb_compiler *c, tdl_gb_rule *rule, bool *ret_given,
                               tdl_report *why)
{
    const json_t *array;
    tdl_status st = tdl_gb_read_list(c, rule->json, "filters", sizeof *rule->filters, &array,
                                     &rule->filters, &rule->filters_n, why);

    *ret_given = array != NULL;
    for (size_t i = 0; !st && i < rule->filters_n; i++)
        if ((st = read_filter(c, json_array_get(array, i), &rule->filters[i], why)))
            tdl_report_prefix(why, "filters %zu", i);
    return st;
}

/* A forced value for a share of all. Coverage counts its end, a range does not. */
static tdl_status read_force(tdl_gb_compiler *c, tdl_gb_rule *rule, tdl_report *why)
{
    const json_t *given;
    tdl_gb_range range = {0, rule->coverage};
    bool covered = json_object_get(rule->json, "coverage") != NULL;
    tdl_status st;

    rule->kind = TDL_GB_RULE_FORCE;
    rule->values_n = 1;
    if (!(rule->values = tdl_arena_zalloc(c->arena, 1, sizeof *rule->values)))
        return no_memory(why);
    if ((st = tdl_gb_keep_value(c, json_object_get(rule->json, "force"), rule->values, why)) ||
        (st = tdl_gb_read_member(rule->json, "range", JSON_ARRAY, &given, why)))
        return st;
    rule->has_chance = given || covered;
    if (given && (st = read_range(given, 0, &range, why))) {
        tdl_report_prefix(why, "range");
        return st;
    }
    if (!rule->has_chance)
        return TDL_OK;
    if (!given && rule->coverage == 0) // not even bucket 0
        return partition(c, rule->version, NULL, 0, false, &rule->partition, why);
    return partition(c, rule->version, &range, 1, !given, &rule->partition, why);
}

static tdl_status read_namespace(tdl_gb_compiler *c, tdl_gb_rule *rule, tdl_report *why)
{
    const json_t *array, *id;
    tdl_gb_range range;
    tdl_status st = tdl_gb_read_member(rule->json, "namespace", JSON_ARRAY, &array, why);

    if (st || !array)
        return st;
    if (!json_is_string(id = json_array_get(array, 0)))
        st = TDL_FAIL(why, TDL_E_INVALID, "must be an array of a text and two numbers");
    else if (!(st = read_range(array, 1, &range, why)))
        st = partition(c, 1, &range, 1, false, &rule->namespace_partition, why);
    if (st) {
        tdl_report_prefix(why, "namespace");
        return st;
    }
    rule->has_namespace = true;
    rule->namespace_seed = tdl_arena_printf(c->arena, "__%s", json_string_value(id));
    return rule->namespace_seed.at ? TDL_OK : no_memory(why);
}

static tdl_status read_meta(tdl_gb_rule *rule, tdl_report *why)
{
    tdl_str unused;
    tdl_status st = tdl_gb_read_member(rule->json, "meta", JSON_ARRAY, &rule->meta, why);

    if (st || !rule->meta)
        return st;
    if (json_array_size(rule->meta) < rule->values_n)
        return TDL_FAIL(why, TDL_E_INVALID, "meta must have an entry for each variation");
    for (size_t i = 0; !st && i < json_array_size(rule->meta); i++) {
        const json_t *one = json_array_get(rule->meta, i);
        if (!json_is_object(one))
            st = TDL_FAIL(why, TDL_E_INVALID, "must be an object");
        else if (!(st = tdl_gb_read_text(one, "key", &unused, why)))
            st = tdl_gb_read_text(one, "name", &unused, why);
        if (st)
            tdl_report_prefix(why, "meta %zu", i);
    }
    return st;
}

static tdl_status read_split(tdl_gb_compiler *c, tdl_gb_rule *rule, tdl_report *why)
{
    const json_t *given;
    double *weights = NULL;
    size_t weights_n = 0;
    tdl_status st = tdl_gb_read_weights(c, rule->json, &weights, &weights_n, why);

    if (st || (st = tdl_gb_read_member(rule->json, "ranges", JSON_ARRAY, &given, why)))
        return st;
    rule->has_ranges = given != NULL;
    if (given)
        return read_ranges(c, given, rule->version, &rule->partition, why);
    tdl_gb_range *ranges = tdl_arena_alloc(c->arena, rule->values_n, sizeof *ranges);
    if (!ranges)
        return no_memory(why);
    tdl_gb_ranges(rule->values_n, rule->coverage, weights, weights_n, ranges);
    st = partition(c, rule->version, ranges, rule->values_n, false, &rule->partition, why);
    if (st)
        tdl_report_prefix(why, "variations");
    return st;
}

static tdl_status read_bandit_ref(tdl_gb_compiler *c, tdl_gb_rule *rule, tdl_report *why)
{
    tdl_str id = {0};
    tdl_status st = tdl_gb_read_text(rule->json, "contextualBanditRef", &id, why);

    if (st || !id.len)
        return st;
    if (!(rule->bandit = tdl_arena_zalloc(c->arena, 1, sizeof *rule->bandit)))
        return no_memory(why);
    rule->bandit->id = id;
    return TDL_OK;
}

static tdl_status read_experiment(tdl_gb_compiler *c, tdl_gb_rule *rule, tdl_report *why)
{
    const json_t *array;
    tdl_status st = tdl_gb_read_list(c, rule->json, "contextualVariations", sizeof *rule->values,
                                     &array, &rule->values, &rule->values_n, why);

    if (!st && !array)
        st = tdl_gb_read_list(c, rule->json, "variations", sizeof *rule->values, &array,
                              &rule->values, &rule->values_n, why);
    if (st || !array)
        return st;
    rule->kind = TDL_GB_RULE_EXPERIMENT;
    for (size_t i = 0; i < rule->values_n; i++)
        if ((st = tdl_gb_keep_value(c, json_array_get(array, i), &rule->values[i], why)))
            return st;
    if ((st = read_bandit_ref(c, rule, why)) || (st = read_meta(rule, why)))
        return st;
    return read_split(c, rule, why);
}

/* What every kind of rule may have. */
static tdl_status read_common(tdl_gb_rule *rule, tdl_report *why)
{
    const json_t *coverage = json_object_get(rule->json, "coverage");
    tdl_status st;

    rule->version = 1;
    rule->coverage = coverage ? json_number_value(coverage) : 1;
    rule->attribute = TDL_STR("id");
    if (coverage && !json_is_number(coverage))
        return TDL_FAIL(why, TDL_E_INVALID, "coverage must be a number, not of type %s",
                        tdl_json_type_name(coverage));
    if ((st = tdl_gb_read_text(rule->json, "key", &rule->key, why)) ||
        (st = tdl_gb_read_text(rule->json, "seed", &rule->seed, why)) ||
        (st = tdl_gb_read_text(rule->json, "hashAttribute", &rule->attribute, why)) ||
        (st = tdl_gb_read_number(rule->json, "hashVersion", &rule->version, why)))
        return st;
    if (!rule->attribute.len)
        rule->attribute = TDL_STR("id");
    return TDL_OK;
}

tdl_status tdl_gb_rule_compile(tdl_gb_compiler *c, const json_t *json, tdl_gb_rule *rule,
                               tdl_report *why)
{
    tdl_gb_condition *condition = tdl_arena_zalloc(c->arena, 1, sizeof *condition);
    bool given, filtered;
    tdl_status st;

    if (!condition)
        return no_memory(why);
    if (!json_is_object(json))
        return TDL_FAIL(why, TDL_E_INVALID, "must be an object");
    rule->json = json;
    if ((st = read_common(rule, why)) ||
        (st = tdl_gb_read_condition(c, json, condition, &given, why)) ||
        (st = read_parents(c, rule, why)) || (st = read_filters(c, rule, &filtered, why)))
        return st;
    rule->condition = given ? condition : NULL;
    if (json_object_get(json, "force"))
        return read_force(c, rule, why);
    if ((st = read_experiment(c, rule, why)))
        return st;
    return filtered ? TDL_OK : read_namespace(c, rule, why);
}

/* Conditions made ready: operators looked up, texts folded, dates and versions read. */
#include <math.h>
#include <stdlib.h>

#include "flags/posthog_match.h"

typedef struct operator_row {
    const char *name;
    tdl_posthog_operand operand;
    bool negated;
    int outcomes;
} operator_row;

/* posthog-node 4 compares texts where both sides could be numbers, knows no boolean texts, folds
 * more than ASCII, has JavaScript's own regular expressions and no not_in. What it does not know at
 * all it leaves to the server by itself. */
static bool differs_in_old(const tdl_posthog_property *p)
{
    switch (p->operand) {
    case TDL_POSTHOG_EXACT:
        return p->is_truth;
    case TDL_POSTHOG_CONTAINS:
        return !tdl_posthog_is_ascii(p->text);
    case TDL_POSTHOG_COHORT:
        return p->negated || (p->cohort->any && !p->cohort->n);
    case TDL_POSTHOG_ORDER:
    case TDL_POSTHOG_PATTERN:
        return true;
    default:
        return false;
    }
}

static const operator_row operators[] = {
    {"exact", TDL_POSTHOG_EXACT, false, 0},
    {"is_not", TDL_POSTHOG_EXACT, true, 0},
    {"icontains", TDL_POSTHOG_CONTAINS, false, 0},
    {"not_icontains", TDL_POSTHOG_CONTAINS, true, 0},
    {"starts_with", TDL_POSTHOG_STARTS, false, 0},
    {"not_starts_with", TDL_POSTHOG_STARTS, true, 0},
    {"ends_with", TDL_POSTHOG_ENDS, false, 0},
    {"not_ends_with", TDL_POSTHOG_ENDS, true, 0},
    {"regex", TDL_POSTHOG_PATTERN, false, 0},
    {"not_regex", TDL_POSTHOG_PATTERN, true, 0},
    {"is_set", TDL_POSTHOG_SET, false, 0},
    {"is_not_set", TDL_POSTHOG_SET, true, 0},
    {"gt", TDL_POSTHOG_ORDER, false, TDL_GREATER},
    {"gte", TDL_POSTHOG_ORDER, false, TDL_GREATER | TDL_EQUAL},
    {"lt", TDL_POSTHOG_ORDER, false, TDL_LESS},
    {"lte", TDL_POSTHOG_ORDER, false, TDL_LESS | TDL_EQUAL},
    {"is_date_before", TDL_POSTHOG_DATE, false, TDL_LESS},
    {"is_date_after", TDL_POSTHOG_DATE, false, TDL_GREATER},
    {"semver_eq", TDL_POSTHOG_VERSION, false, TDL_EQUAL},
    {"semver_neq", TDL_POSTHOG_VERSION, false, TDL_LESS | TDL_GREATER},
    {"semver_gt", TDL_POSTHOG_VERSION, false, TDL_GREATER},
    {"semver_gte", TDL_POSTHOG_VERSION, false, TDL_GREATER | TDL_EQUAL},
    {"semver_lt", TDL_POSTHOG_VERSION, false, TDL_LESS},
    {"semver_lte", TDL_POSTHOG_VERSION, false, TDL_LESS | TDL_EQUAL},
    {"semver_tilde", TDL_POSTHOG_VERSION_RANGE, false, 0},
    {"semver_caret", TDL_POSTHOG_VERSION_RANGE, false, 0},
    {"semver_wildcard", TDL_POSTHOG_VERSION_RANGE, false, 0},
};
enum { OPERATORS_N = sizeof operators / sizeof operators[0] };

static tdl_status no_memory(tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "the definition needs too much memory");
}

/* ---- operands ---- */

/* true, false, their names in any case, or a list of nothing else. */
static bool is_truth(const json_t *value, bool *ret_truth)
{
    if (json_is_boolean(value)) {
        *ret_truth = json_is_true(value);
        return true;
    }
    if (json_is_string(value)) {
        *ret_truth = !strcasecmp(json_string_value(value), "true");
        return *ret_truth || !strcasecmp(json_string_value(value), "false");
    }
    if (!json_is_array(value))
        return false;
    *ret_truth = true; // of none, too
    for (size_t i = 0; i < json_array_size(value); i++) {
        bool truth;
        if (!is_truth(json_array_get(value, i), &truth))
            return false;
        *ret_truth &= truth;
    }
    return true;
}

static bool is_integer(const json_t *value)
{
    int64_t number;

    return json_is_integer(value) ||
           (json_is_real(value) && json_real_value(value) == trunc(json_real_value(value))) ||
           (json_is_string(value) &&
            tdl_str_int((tdl_str){json_string_value(value), json_string_length(value)}, &number));
}

/* SDKs cannot tell 3 from 3.0, and leave the matter open. */
static bool has_integer(const json_t *value)
{
    if (!json_is_array(value))
        return is_integer(value);
    for (size_t i = 0; i < json_array_size(value); i++)
        if (has_integer(json_array_get(value, i)))
            return true;
    return false;
}

static int by_text(const void *a, const void *b)
{
    return tdl_str_cmp(*(const tdl_str *)a, *(const tdl_str *)b);
}

static tdl_status build_exact(tdl_posthog_build *b, const json_t *value, tdl_posthog_property *p,
                              tdl_report *why)
{
    bool list = json_is_array(value);

    if ((p->is_truth = is_truth(value, &p->truth)))
        return TDL_OK;
    p->texts_n = list ? json_array_size(value) : 1;
    if (!(p->texts = tdl_arena_zalloc(b->arena, p->texts_n, sizeof *p->texts)))
        return no_memory(why);
    for (size_t i = 0; i < p->texts_n; i++) {
        tdl_str text = tdl_posthog_exact_text(list ? json_array_get(value, i) : value, b->arena);
        if (!text.at || !(p->texts[i] = tdl_posthog_lower(text, b->arena)).at)
            return no_memory(why);
    }
    qsort(p->texts, p->texts_n, sizeof *p->texts, by_text);
    return TDL_OK;
}

static tdl_status build_pattern(tdl_posthog_build *b, const json_t *value, tdl_posthog_property *p,
                                tdl_report *why)
{
    if (!(p->text = tdl_posthog_text(value, b->arena)).at)
        return no_memory(why);
    if (p->text.len)
        p->pattern = tdl_posthog_pattern_new(p->text, &b->patterns);
    return TDL_OK;
}

static tdl_status build_date(tdl_posthog_build *b, const json_t *value, tdl_posthog_property *p,
                             tdl_report *why)
{
    tdl_str text = tdl_posthog_text(value, b->arena);

    if (!text.at)
        return no_memory(why);
    p->is_ago = !json_is_boolean(value) && tdl_posthog_ago_parse(text, &p->ago);
    if (!p->is_ago && !tdl_posthog_date(value, &p->date_ms))
        return TDL_FAIL_HINT(why, TDL_E_INVALID,
                             "write 2026-11-24, 2026-11-24T10:00:00Z, or -7d (h, d, w, m, y; below "
                             "10000)",
                             "value: \"%.*s\" is no date", TDL_FMT(text));
    return TDL_OK;
}

/* ~1.2.3: below 1.3; ^1.2.3: below 2, ^0.2.3: below 0.3, ^0.0.3: below 0.0.4. */
static void end_of_range(tdl_posthog_property *p, bool caret)
{
    int raised = !caret ? 1 : p->low.part[0] > 0 ? 0 : p->low.part[1] > 0 ? 1 : 2;

    p->high = (tdl_posthog_version){0};
    for (int i = 0; i <= raised; i++)
        p->high.part[i] = p->low.part[i];
    p->high.part[raised]++;
}

static tdl_status build_version(tdl_posthog_build *b, const char *operator, const json_t * value,
                                tdl_posthog_property *p, tdl_report *why)
{
    bool wildcard = !strcmp(operator, "semver_wildcard");
    tdl_str text = tdl_posthog_text(value, b->arena);

    if (!text.at)
        return no_memory(why);
    if (wildcard ? !tdl_posthog_wildcard_parse(text, &p->low, &p->high)
                 : !tdl_posthog_version_parse(text, &p->low))
        return TDL_FAIL_HINT(why, TDL_E_INVALID,
                             wildcard ? "write 1.2.* or 1.*" : "write 1.2.3, without leading zeros",
                             "value: \"%.*s\" is no version", TDL_FMT(text));
    if (!wildcard && p->operand == TDL_POSTHOG_VERSION_RANGE)
        end_of_range(p, !strcmp(operator, "semver_caret"));
    return TDL_OK;
}

static tdl_status build_operand(tdl_posthog_build *b, const operator_row *row, const json_t *value,
                                tdl_posthog_property *p, tdl_report *why)
{
    tdl_str text;

    switch (row->operand) {
    case TDL_POSTHOG_EXACT:
        return build_exact(b, value, p, why);
    case TDL_POSTHOG_CONTAINS:
    case TDL_POSTHOG_STARTS:
    case TDL_POSTHOG_ENDS:
        text = tdl_posthog_text(value, b->arena);
        return text.at && (p->text = tdl_posthog_ascii_lower(text, b->arena)).at ? TDL_OK
                                                                                 : no_memory(why);
    case TDL_POSTHOG_PATTERN:
        return build_pattern(b, value, p, why);
    case TDL_POSTHOG_ORDER:
        p->has_number = tdl_posthog_number(value, &p->number);
        return (p->text = tdl_posthog_text(value, b->arena)).at ? TDL_OK : no_memory(why);
    case TDL_POSTHOG_DATE:
        return build_date(b, value, p, why);
    case TDL_POSTHOG_VERSION:
    case TDL_POSTHOG_VERSION_RANGE:
        return build_version(b, row->name, value, p, why);
    default:
        return TDL_OK;
    }
}

/* ---- properties ---- */

static const operator_row *find_operator(const char *name)
{
    for (size_t i = 0; i < OPERATORS_N; i++)
        if (!strcmp(name, operators[i].name))
            return &operators[i];
    return NULL;
}

static tdl_status note_key(tdl_posthog_build *b, tdl_posthog_keys *keys, const char *key,
                           tdl_report *why)
{
    for (size_t i = 0; i < keys->n; i++)
        if (!strcmp(keys->key[i], key))
            return TDL_OK;
    if (keys->n == keys->cap) {
        size_t cap = keys->cap ? 2 * keys->cap : 8;
        const char **more = tdl_arena_alloc(b->arena, cap, sizeof *more);
        if (!more)
            return no_memory(why);
        if (keys->n)
            memcpy(more, keys->key, keys->n * sizeof *more);
        keys->key = more;
        keys->cap = cap;
    }
    keys->key[keys->n++] = key;
    return TDL_OK;
}

static tdl_status build_plain(tdl_posthog_build *b, const json_t *from, tdl_posthog_property *p,
                              tdl_report *why)
{
    const json_t *value = json_object_get(from, "value");
    const char *name = json_string_value(json_object_get(from, "operator"));
    const operator_row *row = find_operator(name && *name ? name : "exact");

    if (!row)
        return TDL_FAIL(why, TDL_E_INVALID, "operator: there is no operator \"%.64s\"", name);
    if (!value && row->operand != TDL_POSTHOG_SET)
        return TDL_FAIL(why, TDL_E_INVALID, "value is missing");
    p->operand = row->operand;
    p->negated = row->negated;
    p->outcomes = row->outcomes;
    b->unsure |= p->negated || (p->operand == TDL_POSTHOG_EXACT && has_integer(value));
    return build_operand(b, row, value, p, why);
}

static tdl_status build_in_cohort(tdl_posthog_build *b, const json_t *from, tdl_posthog_property *p,
                                  tdl_report *why)
{
    const char *operator= json_string_value(json_object_get(from, "operator"));
    const json_t *value = json_object_get(from, "value");
    tdl_str id = value ? tdl_posthog_text(value, b->arena) : (tdl_str){0};

    p->operand = TDL_POSTHOG_COHORT;
    p->negated = operator&& !strcmp(operator, "not_in");
    tdl_status st = tdl_posthog_build_cohort(b, id, &p->cohort, why);
    b->unsure |= p->negated || (!st && p->cohort->unsure);
    return st;
}

static tdl_status build_property(tdl_posthog_build *b, const json_t *from, tdl_posthog_property *p,
                                 tdl_report *why)
{
    const char *type = json_string_value(json_object_get(from, "type"));

    if (!json_is_object(from))
        return TDL_FAIL(why, TDL_E_INVALID, "a property must be an object, not of type %s",
                        tdl_json_type_name(from));
    p->turned = json_is_true(json_object_get(from, "negation"));
    b->unsure |= p->turned;
    if (type && !strcmp(type, "cohort"))
        return build_in_cohort(b, from, p, why);
    if (!(p->key = json_string_value(json_object_get(from, "key"))))
        return TDL_FAIL(why, TDL_E_INVALID, "key must be a text");
    bool flag = type && !strcmp(type, "flag");
    tdl_status st = note_key(b, flag ? &b->depends : &b->keys, p->key, why);
    if (st || !flag)
        return st ? st : build_plain(b, from, p, why);
    const json_t *chain = json_object_get(from, "dependency_chain");
    const char *last = json_string_value(json_array_get(chain, json_array_size(chain) - 1));
    if (json_array_size(chain) && (!last || strcmp(last, p->key)))
        return TDL_FAIL(why, TDL_E_INVALID, "dependency_chain must end with the flag itself");
    b->unsure = true;
    p->operand = TDL_POSTHOG_FLAG;
    p->expected = json_object_get(from, "value");
    return json_is_boolean(p->expected) || json_is_string(p->expected)
               ? TDL_OK
               : TDL_FAIL(why, TDL_E_INVALID, "value must be true, false or a variant's key");
}

tdl_status tdl_posthog_build_properties(tdl_posthog_build *b, const char *name, const json_t *list,
                                        tdl_posthog_property **ret, size_t *ret_n, tdl_report *why)
{
    size_t n = json_array_size(list);
    tdl_posthog_property *properties = tdl_arena_zalloc(b->arena, n, sizeof *properties);
    tdl_status st;

    if (!properties)
        return no_memory(why);
    for (size_t i = 0; i < n; i++) {
        if ((st = build_property(b, json_array_get(list, i), &properties[i], why))) {
            tdl_report_prefix(why, "%s[%zu]", name, i);
            return st;
        }
        b->recent |= differs_in_old(&properties[i]);
    }
    *ret = properties;
    *ret_n = n;
    return TDL_OK;
}

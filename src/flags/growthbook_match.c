#include <stdlib.h>

#include "flags/growthbook_condition.h"

enum { GROUPS_DEEP = 64 /* saved groups that are made of saved groups */ };

/* Groups that are being looked into, innermost first. */
typedef struct within {
    const tdl_gb_group *group;
    const struct within *outer;
    size_t depth;
} within;

static bool matches(tdl_gb_matcher *m, const tdl_gb_condition *condition, const json_t *value,
                    const within *in);
static bool passes(tdl_gb_matcher *m, const tdl_gb_test *test, const json_t *value,
                   bool ignore_case, const within *in);

static tdl_str string_of(const json_t *value)
{
    return (tdl_str){json_string_value(value), json_string_length(value)};
}

static bool is_missing(const json_t *value)
{
    return !value || json_is_null(value);
}

/* ---- versions ---- */

static bool is_digits(tdl_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
    return text.len > 0;
}

/* Numbers are padded to five, so that they sort; a release gets a "~", which sorts behind every
 * pre-release. */
static void add_version(tdl_buf *out, tdl_str text)
{
    const char *build = text.len ? memchr(text.at, '+', text.len) : NULL;
    size_t parts_n = 0, from = 0;

    if (build)
        text.len = (size_t)(build - text.at);
    if (text.len && text.at[0] == 'v')
        text = (tdl_str){text.at + 1, text.len - 1};
    for (size_t i = 0; i <= text.len; i++) {
        if (i < text.len && text.at[i] != '-' && text.at[i] != '.')
            continue;
        tdl_str part = {text.at + from, i - from};
        if (parts_n++)
            tdl_buf_char(out, '-');
        if (is_digits(part) && part.len < 5)
            tdl_buf_add(out, "     ", 5 - part.len);
        tdl_buf_str(out, part);
        from = i + 1;
    }
    if (parts_n == 3)
        tdl_buf_text(out, "-~");
}

void tdl_gb_version(tdl_buf *out, const json_t *value)
{
    tdl_buf number = {0};

    if (json_is_number(value))
        tdl_js_add_number(&number, json_number_value(value));
    if (json_is_string(value) && json_string_length(value))
        add_version(out, string_of(value));
    else
        add_version(out, number.len ? tdl_buf_view(&number) : TDL_STR("0"));
    out->failed = out->failed || number.failed;
    tdl_buf_release(&number);
}

/* < 0, 0, > 0 */
static int compare_versions(tdl_gb_matcher *m, const json_t *value, tdl_str expected)
{
    m->scratch.len = 0;
    tdl_gb_version(&m->scratch, value);
    return tdl_js_text_compare(tdl_buf_view(&m->scratch), expected);
}

/* ---- lists ---- */

static int by_bytes(const void *a, const void *b)
{
    return tdl_str_cmp(*(const tdl_str *)a, *(const tdl_str *)b);
}

static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return left < right ? -1 : left > right;
}

static bool list_has_one(tdl_gb_matcher *m, const tdl_gb_list *list, const json_t *value,
                         bool ignore_case)
{
    if (json_is_string(value)) {
        tdl_str text = string_of(value);
        if (ignore_case) {
            m->scratch.len = 0;
            tdl_js_lower(&m->scratch, text);
            text = tdl_buf_view(&m->scratch);
        }
        return bsearch(&text, list->texts, list->texts_n, sizeof text, by_bytes);
    }
    if (json_is_number(value)) {
        double number = json_number_value(value);
        return bsearch(&number, list->numbers, list->numbers_n, sizeof number, by_value);
    }
    return (json_is_true(value) && list->has_true) || (json_is_false(value) && list->has_false) ||
           (is_missing(value) && list->has_null);
}

/* Of an array: any of its elements. */
static bool list_has(tdl_gb_matcher *m, const tdl_gb_list *list, const json_t *value,
                     bool ignore_case)
{
    if (!json_is_array(value))
        return list_has_one(m, list, value, ignore_case);
    for (size_t i = 0; i < json_array_size(value); i++)
        if (list_has_one(m, list, json_array_get(value, i), ignore_case))
            return true;
    return false;
}

/* ---- saved groups ---- */

/* $inGroup and $notInGroup bring the attribute; only lists have values for it. */
static bool in_values(tdl_gb_matcher *m, tdl_gb_group_ref *ref, const json_t *value, bool negated)
{
    const tdl_gb_group *group = tdl_gb_find_group(m->set, ref);

    if (!group) // as an empty list
        return negated;
    if (group->kind != TDL_GB_GROUP_ARRAY && group->kind != TDL_GB_GROUP_LIST)
        return false;
    return list_has(m, &group->list, value, false) != negated;
}

static bool in_saved_group(tdl_gb_matcher *m, const tdl_gb_clause *clause, const json_t *value,
                           const within *in)
{
    const tdl_gb_group *group = clause->group ? tdl_gb_find_group(m->set, clause->group) : NULL;
    size_t depth = in ? in->depth + 1 : 1;

    if (!group || depth > GROUPS_DEEP)
        return false;
    for (const within *outer = in; outer; outer = outer->outer)
        if (outer->group == group)
            return false;
    if (group->kind == TDL_GB_GROUP_CONDITION)
        return matches(m, group->condition, value,
                       &(within){.group = group, .outer = in, .depth = depth});
    const tdl_gb_path *path = clause->path.n ? &clause->path : &group->attribute;
    return group->kind == TDL_GB_GROUP_LIST && path->n &&
           list_has(m, &group->list, tdl_js_path(value, path->parts, path->n, &m->length), false);
}

/* ---- operators ---- */

static bool compares(tdl_gb_matcher *m, const tdl_gb_operator *op, const json_t *value)
{
    tdl_js_operand actual = tdl_js_operand_of(value, &m->scratch);

    switch (tdl_js_compare(&actual, &op->operand)) {
    case TDL_JS_LESS:
        return op->kind == TDL_GB_OP_LT || op->kind == TDL_GB_OP_LTE;
    case TDL_JS_EQUAL:
        return op->kind == TDL_GB_OP_LTE || op->kind == TDL_GB_OP_GTE;
    case TDL_JS_GREATER:
        return op->kind == TDL_GB_OP_GT || op->kind == TDL_GB_OP_GTE;
    case TDL_JS_UNORDERED:
        break;
    }
    return false;
}

static bool compares_version(tdl_gb_matcher *m, const tdl_gb_operator *op, const json_t *value)
{
    int order = compare_versions(m, value, op->text);

    switch (op->kind) {
    case TDL_GB_OP_VEQ:
        return order == 0;
    case TDL_GB_OP_VNE:
        return order != 0;
    case TDL_GB_OP_VLT:
        return order < 0;
    case TDL_GB_OP_VLTE:
        return order <= 0;
    case TDL_GB_OP_VGT:
        return order > 0;
    default:
        return order >= 0;
    }
}

static bool has_all(tdl_gb_matcher *m, const tdl_gb_operator *op, const json_t *value,
                    const within *in)
{
    if (!json_is_array(value))
        return false;
    for (size_t i = 0; i < op->tests_n; i++) {
        bool found = false;
        for (size_t k = 0; !found && k < json_array_size(value); k++)
            found =
                passes(m, &op->tests[i], json_array_get(value, k), op->kind == TDL_GB_OP_ALLI, in);
        if (!found)
            return false;
    }
    return true;
}

static bool has_element(tdl_gb_matcher *m, const tdl_gb_operator *op, const json_t *value,
                        const within *in)
{
    if (!json_is_array(value))
        return false;
    for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *element = json_array_get(value, i);
        if (json_is_null(element))
            continue;
        if (op->condition ? matches(m, op->condition, element, in)
                          : passes(m, op->tests, element, false, in))
            return true;
    }
    return false;
}

static bool has_size(tdl_gb_matcher *m, const tdl_gb_operator *op, const json_t *value,
                     const within *in)
{
    if (!json_is_array(value))
        return false;
    json_t *size = json_integer((json_int_t)json_array_size(value));
    bool is = size && passes(m, op->tests, size, false, in);
    m->scratch.failed = m->scratch.failed || !size;
    json_decref(size);
    return is;
}

static bool operator_holds(tdl_gb_matcher *m, const tdl_gb_operator *op, const json_t *value,
                           const within *in)
{
    switch (op->kind) {
    case TDL_GB_OP_EQ:
        return tdl_js_same(value, op->expected);
    case TDL_GB_OP_NE:
        return !tdl_js_same(value, op->expected);
    case TDL_GB_OP_LT:
    case TDL_GB_OP_LTE:
    case TDL_GB_OP_GT:
    case TDL_GB_OP_GTE:
        return compares(m, op, value);
    case TDL_GB_OP_VEQ:
    case TDL_GB_OP_VNE:
    case TDL_GB_OP_VLT:
    case TDL_GB_OP_VLTE:
    case TDL_GB_OP_VGT:
    case TDL_GB_OP_VGTE:
        return compares_version(m, op, value);
    case TDL_GB_OP_EXISTS:
        return is_missing(value) != tdl_js_truthy(op->expected);
    case TDL_GB_OP_TYPE:
        return tdl_str_is(string_of(op->expected), tdl_js_type(value));
    case TDL_GB_OP_IN:
        return list_has(m, &op->list, value, false);
    case TDL_GB_OP_NIN:
        return !list_has(m, &op->list, value, false);
    case TDL_GB_OP_INI:
        return list_has(m, &op->list, value, true);
    case TDL_GB_OP_NINI:
        return !list_has(m, &op->list, value, true);
    case TDL_GB_OP_IN_GROUP:
    case TDL_GB_OP_NOT_IN_GROUP:
        return in_values(m, op->group, value, op->kind == TDL_GB_OP_NOT_IN_GROUP);
    case TDL_GB_OP_REGEX:
    case TDL_GB_OP_REGEXI:
        return op->regex && tdl_js_regex_test(op->regex, tdl_js_text(value, &m->scratch));
    case TDL_GB_OP_NOT:
        return !passes(m, op->tests, value, false, in);
    case TDL_GB_OP_SIZE:
        return has_size(m, op, value, in);
    case TDL_GB_OP_ALL:
    case TDL_GB_OP_ALLI:
        return has_all(m, op, value, in);
    case TDL_GB_OP_ELEM_MATCH:
        return has_element(m, op, value, in);
    case TDL_GB_OP_FALSE:
        break;
    }
    return false;
}

/* ---- values and conditions ---- */

static bool is_text(tdl_gb_matcher *m, const tdl_gb_test *test, const json_t *value,
                    bool ignore_case)
{
    tdl_str text = tdl_js_text(value, &m->scratch);

    if (!ignore_case)
        return tdl_str_eq(text, test->text);
    m->other.len = 0;
    tdl_js_lower(&m->other, text);
    return tdl_str_eq(tdl_buf_view(&m->other), test->lower);
}

static bool is_json(tdl_gb_matcher *m, const tdl_gb_test *test, const json_t *value)
{
    if (!json_is_object(value) && !json_is_array(value))
        return false;
    m->scratch.len = 0;
    tdl_js_stringify(&m->scratch, value, false);
    return tdl_str_eq(tdl_buf_view(&m->scratch), test->text);
}

static bool passes(tdl_gb_matcher *m, const tdl_gb_test *test, const json_t *value,
                   bool ignore_case, const within *in)
{
    switch (test->kind) {
    case TDL_GB_TEST_TEXT:
        return is_text(m, test, value, ignore_case);
    case TDL_GB_TEST_NUMBER:
        return tdl_js_number(value) == test->number;
    case TDL_GB_TEST_BOOLEAN:
        return !is_missing(value) && tdl_js_truthy(value) == test->boolean;
    case TDL_GB_TEST_NULL:
        return is_missing(value);
    case TDL_GB_TEST_JSON:
        return is_json(m, test, value);
    case TDL_GB_TEST_OPERATORS:
        break;
    }
    for (size_t i = 0; i < test->operators_n; i++)
        if (!operator_holds(m, &test->operators[i], value, in))
            return false;
    return true;
}

static bool any_matches(tdl_gb_matcher *m, const tdl_gb_clause *clause, const json_t *value,
                        const within *in)
{
    for (size_t i = 0; i < clause->of_n; i++)
        if (matches(m, &clause->of[i], value, in))
            return true;
    return !clause->of_n;
}

static bool all_match(tdl_gb_matcher *m, const tdl_gb_clause *clause, const json_t *value,
                      const within *in)
{
    for (size_t i = 0; i < clause->of_n; i++)
        if (!matches(m, &clause->of[i], value, in))
            return false;
    return true;
}

static bool clause_holds(tdl_gb_matcher *m, const tdl_gb_clause *clause, const json_t *value,
                         const within *in)
{
    switch (clause->kind) {
    case TDL_GB_OR:
        return any_matches(m, clause, value, in);
    case TDL_GB_NOR:
        return !any_matches(m, clause, value, in);
    case TDL_GB_AND:
        return all_match(m, clause, value, in);
    case TDL_GB_NOT:
        return !matches(m, clause->of, value, in);
    case TDL_GB_SAVED_GROUP:
        return in_saved_group(m, clause, value, in);
    case TDL_GB_PATH:
        break;
    }
    return passes(m, &clause->test,
                  tdl_js_path(value, clause->path.parts, clause->path.n, &m->length), false, in);
}

static bool matches(tdl_gb_matcher *m, const tdl_gb_condition *condition, const json_t *value,
                    const within *in)
{
    for (size_t i = 0; i < condition->n; i++)
        if (!clause_holds(m, &condition->clauses[i], value, in))
            return false;
    return true;
}

bool tdl_gb_matches(tdl_gb_matcher *m, const tdl_gb_condition *condition, const json_t *value)
{
    return matches(m, condition, value, NULL);
}

void tdl_gb_matcher_release(tdl_gb_matcher *m)
{
    tdl_buf_release(&m->scratch);
    tdl_buf_release(&m->other);
    json_decref(m->length);
    m->length = NULL;
}

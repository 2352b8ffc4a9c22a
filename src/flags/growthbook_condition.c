#include "flags/growthbook_condition.h"

#include <stdlib.h>

static const char *const operator_names[] = {
#define OPERATOR_NAME(name, text) [TDL_GB_OP_##name] = (text),
    TDL_GB_OPERATOR_MAP(OPERATOR_NAME)
#undef OPERATOR_NAME
};

static tdl_status no_memory(tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "the definition is too large");
}

static tdl_str string_of(const json_t *value)
{
    return (tdl_str){json_string_value(value), json_string_length(value)};
}

/* What was written, kept in the arena. */
static tdl_status keep(tdl_gb_compiler *c, tdl_buf *text, tdl_str *ret, tdl_report *why)
{
    *ret = text->failed ? (tdl_str){0} : tdl_arena_str(c->arena, tdl_buf_view(text));
    tdl_buf_release(text);
    return ret->at ? TDL_OK : no_memory(why);
}

static tdl_status lower_text(tdl_gb_compiler *c, tdl_str text, tdl_str *ret, tdl_report *why)
{
    tdl_buf lower = {0};

    tdl_js_lower(&lower, text);
    return keep(c, &lower, ret, why);
}

tdl_status tdl_gb_path_compile(tdl_gb_compiler *c, tdl_str path, tdl_gb_path *ret, tdl_report *why)
{
    size_t n = 1, from = 0;

    for (size_t i = 0; i < path.len; i++)
        n += path.at[i] == '.';
    ret->parts = tdl_arena_alloc(c->arena, n, sizeof *ret->parts);
    if (!ret->parts)
        return no_memory(why);
    ret->n = 0;
    for (size_t i = 0; i <= path.len; i++)
        if (i == path.len || path.at[i] == '.') {
            ret->parts[ret->n++] = (tdl_str){path.at + from, i - from};
            from = i + 1;
        }
    return TDL_OK;
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

tdl_status tdl_gb_list_compile(tdl_gb_compiler *c, const json_t *array, bool lower,
                               tdl_gb_list *ret, tdl_report *why)
{
    size_t n = json_array_size(array);
    tdl_status st;

    *ret = (tdl_gb_list){.texts = tdl_arena_alloc(c->arena, n, sizeof *ret->texts),
                         .numbers = tdl_arena_alloc(c->arena, n, sizeof *ret->numbers)};
    if (!ret->texts || !ret->numbers)
        return no_memory(why);
    for (size_t i = 0; i < n; i++) {
        const json_t *value = json_array_get(array, i);
        tdl_str *text = &ret->texts[ret->texts_n];
        if (json_is_string(value)) {
            *text = string_of(value);
            if (lower && (st = lower_text(c, *text, text, why)))
                return st;
            ret->texts_n++;
        } else if (json_is_number(value)) {
            ret->numbers[ret->numbers_n++] = json_number_value(value);
        }
        ret->has_true = ret->has_true || json_is_true(value);
        ret->has_false = ret->has_false || json_is_false(value);
        ret->has_null = ret->has_null || json_is_null(value);
    }
    qsort(ret->texts, ret->texts_n, sizeof *ret->texts, by_bytes);
    qsort(ret->numbers, ret->numbers_n, sizeof *ret->numbers, by_value);
    return TDL_OK;
}

/* ---- operators ---- */

static tdl_status compile_test(tdl_gb_compiler *c, const json_t *json, tdl_gb_test *ret,
                               tdl_report *why);

static tdl_status make_group_ref(tdl_gb_compiler *c, const json_t *id, tdl_gb_group_ref **ret,
                                 tdl_report *why)
{
    tdl_gb_group_ref *ref = tdl_arena_zalloc(c->arena, 1, sizeof *ref);

    if (!ref)
        return no_memory(why);
    ref->id = string_of(id);
    *ret = ref;
    return TDL_OK;
}

static tdl_status make_regex(tdl_gb_compiler *c, const json_t *pattern, bool ignore_case,
                             const tdl_js_regex **ret, tdl_report *why)
{
    tdl_gb_regexes *made = tdl_arena_zalloc(c->arena, 1, sizeof *made);

    if (!made)
        return no_memory(why);
    made->regex = tdl_js_regex_new(string_of(pattern), ignore_case);
    made->next = c->regexes;
    c->regexes = made;
    *ret = made->regex;
    return TDL_OK;
}

static tdl_status compile_tests(tdl_gb_compiler *c, const json_t *array, tdl_gb_operator *op,
                                tdl_report *why)
{
    tdl_status st = TDL_OK;

    op->tests_n = json_array_size(array);
    op->tests = tdl_arena_zalloc(c->arena, op->tests_n, sizeof *op->tests);
    if (!op->tests)
        return no_memory(why);
    for (size_t i = 0; !st && i < op->tests_n; i++)
        st = compile_test(c, json_array_get(array, i), &op->tests[i], why);
    return st;
}

static tdl_status compile_single_test(tdl_gb_compiler *c, const json_t *json, tdl_gb_operator *op,
                                      tdl_report *why)
{
    op->tests_n = 1;
    op->tests = tdl_arena_zalloc(c->arena, 1, sizeof *op->tests);
    return op->tests ? compile_test(c, json, op->tests, why) : no_memory(why);
}

/* Is it an object of operators only? */
static bool has_operators_only(const json_t *object)
{
    json_t *members = (json_t *)object, *value;
    const char *key;

    json_object_foreach(members, key, value)
    {
        if (key[0] != '$')
            return false;
    }
    return json_object_size(object) > 0;
}

static tdl_status compile_elem_match(tdl_gb_compiler *c, tdl_gb_operator *op, tdl_report *why)
{
    if (!json_is_object(op->expected))
        return TDL_FAIL(why, TDL_E_INVALID, "must be an object");
    if (has_operators_only(op->expected))
        return compile_single_test(c, op->expected, op, why);
    op->condition = tdl_arena_zalloc(c->arena, 1, sizeof *op->condition);
    return op->condition ? tdl_gb_condition_compile(c, op->expected, op->condition, why)
                         : no_memory(why);
}

static tdl_status compile_operand(tdl_gb_compiler *c, tdl_gb_operator *op, tdl_report *why)
{
    tdl_buf text = {0};

    op->operand = tdl_js_operand_of(op->expected, &text);
    op->operand.text = tdl_arena_str(c->arena, op->operand.text);
    bool failed = text.failed || !op->operand.text.at;
    tdl_buf_release(&text);
    return failed ? no_memory(why) : TDL_OK;
}

static tdl_status compile_version(tdl_gb_compiler *c, tdl_gb_operator *op, tdl_report *why)
{
    tdl_buf text = {0};

    tdl_gb_version(&text, op->expected);
    return keep(c, &text, &op->text, why);
}

/* Operands of a wrong type make an operator false, as the SDKs have it. */
static bool has_fitting_operand(const tdl_gb_operator *op)
{
    switch (op->kind) {
    case TDL_GB_OP_IN:
    case TDL_GB_OP_NIN:
    case TDL_GB_OP_INI:
    case TDL_GB_OP_NINI:
    case TDL_GB_OP_ALL:
    case TDL_GB_OP_ALLI:
        return json_is_array(op->expected);
    case TDL_GB_OP_REGEX:
    case TDL_GB_OP_REGEXI:
    case TDL_GB_OP_TYPE:
        return json_is_string(op->expected);
    default:
        return true;
    }
}

static tdl_status compile_expected(tdl_gb_compiler *c, tdl_gb_operator *op, tdl_report *why)
{
    switch (op->kind) {
    case TDL_GB_OP_LT:
    case TDL_GB_OP_LTE:
    case TDL_GB_OP_GT:
    case TDL_GB_OP_GTE:
        return compile_operand(c, op, why);
    case TDL_GB_OP_VEQ:
    case TDL_GB_OP_VNE:
    case TDL_GB_OP_VLT:
    case TDL_GB_OP_VLTE:
    case TDL_GB_OP_VGT:
    case TDL_GB_OP_VGTE:
        return compile_version(c, op, why);
    case TDL_GB_OP_IN:
    case TDL_GB_OP_NIN:
        return tdl_gb_list_compile(c, op->expected, false, &op->list, why);
    case TDL_GB_OP_INI:
    case TDL_GB_OP_NINI:
        return tdl_gb_list_compile(c, op->expected, true, &op->list, why);
    case TDL_GB_OP_IN_GROUP:
    case TDL_GB_OP_NOT_IN_GROUP:
        if (!json_is_string(op->expected))
            return TDL_FAIL(why, TDL_E_INVALID, "must be the id of a saved group");
        return make_group_ref(c, op->expected, &op->group, why);
    case TDL_GB_OP_REGEX:
    case TDL_GB_OP_REGEXI:
        return make_regex(c, op->expected, op->kind == TDL_GB_OP_REGEXI, &op->regex, why);
    case TDL_GB_OP_NOT:
    case TDL_GB_OP_SIZE:
        return compile_single_test(c, op->expected, op, why);
    case TDL_GB_OP_ALL:
    case TDL_GB_OP_ALLI:
        return compile_tests(c, op->expected, op, why);
    case TDL_GB_OP_ELEM_MATCH:
        return compile_elem_match(c, op, why);
    default:
        return TDL_OK;
    }
}

static tdl_status compile_operator(tdl_gb_compiler *c, const char *name, const json_t *expected,
                                   tdl_gb_operator *ret, tdl_report *why)
{
    *ret = (tdl_gb_operator){.kind = TDL_GB_OP_FALSE, .expected = expected};
    for (size_t i = 0; i < TDL_GB_OP_FALSE; i++)
        if (!strcmp(name, operator_names[i]))
            ret->kind = (tdl_gb_operator_kind)i;
    if (!has_fitting_operand(ret))
        ret->kind = TDL_GB_OP_FALSE;
    tdl_status st = compile_expected(c, ret, why);
    if (st)
        tdl_report_prefix(why, "%s", name);
    return st;
}

static tdl_status compile_operators(tdl_gb_compiler *c, const json_t *json, tdl_gb_test *ret,
                                    tdl_report *why)
{
    json_t *members = (json_t *)json, *value;
    const char *key;
    tdl_status st;

    ret->kind = TDL_GB_TEST_OPERATORS;
    ret->operators = tdl_arena_alloc(c->arena, json_object_size(json), sizeof *ret->operators);
    if (!ret->operators)
        return no_memory(why);
    json_object_foreach(members, key, value)
    {
        if ((st = compile_operator(c, key, value, &ret->operators[ret->operators_n++], why)))
            return st;
    }
    return TDL_OK;
}

static tdl_status compile_test(tdl_gb_compiler *c, const json_t *json, tdl_gb_test *ret,
                               tdl_report *why)
{
    tdl_buf text = {0};

    *ret = (tdl_gb_test){.kind = TDL_GB_TEST_NULL};
    if (json_is_string(json)) {
        ret->kind = TDL_GB_TEST_TEXT;
        ret->text = string_of(json);
        return lower_text(c, ret->text, &ret->lower, why);
    }
    if (json_is_object(json) && has_operators_only(json))
        return compile_operators(c, json, ret, why);
    if (json_is_number(json)) {
        ret->kind = TDL_GB_TEST_NUMBER;
        ret->number = json_number_value(json);
    } else if (json_is_boolean(json)) {
        ret->kind = TDL_GB_TEST_BOOLEAN;
        ret->boolean = json_is_true(json);
    } else if (!json_is_null(json)) {
        ret->kind = TDL_GB_TEST_JSON;
        tdl_js_stringify(&text, json, false);
        return keep(c, &text, &ret->text, why);
    }
    return TDL_OK;
}

/* ---- conditions ---- */

static tdl_status compile_list(tdl_gb_compiler *c, const json_t *array, tdl_gb_clause *ret,
                               tdl_report *why)
{
    size_t n = json_array_size(array);
    tdl_gb_condition *of = tdl_arena_zalloc(c->arena, n, sizeof *of);
    tdl_status st;

    if (!of)
        return no_memory(why);
    if (!json_is_array(array))
        return TDL_FAIL(why, TDL_E_INVALID, "must be an array of conditions");
    for (size_t i = 0; i < n; i++)
        if ((st = tdl_gb_condition_compile(c, json_array_get(array, i), &of[i], why))) {
            tdl_report_prefix(why, "%zu", i);
            return st;
        }
    ret->of = of;
    ret->of_n = n;
    return TDL_OK;
}

static tdl_status compile_not(tdl_gb_compiler *c, const json_t *json, tdl_gb_clause *ret,
                              tdl_report *why)
{
    tdl_gb_condition *of = tdl_arena_zalloc(c->arena, 1, sizeof *of);

    ret->of = of;
    ret->of_n = 1;
    return of ? tdl_gb_condition_compile(c, json, of, why) : no_memory(why);
}

/* {"id", "attributeKey"?}. What makes no sense matches nobody. */
static tdl_status compile_saved_group(tdl_gb_compiler *c, const json_t *json, tdl_gb_clause *ret,
                                      tdl_report *why)
{
    const json_t *id = json_object_get(json, "id");
    const json_t *attribute = json_object_get(json, "attributeKey");

    if (!json_is_string(id) || (attribute && !json_is_string(attribute)))
        return TDL_OK;
    tdl_status st = make_group_ref(c, id, &ret->group, why);
    return st || !attribute ? st : tdl_gb_path_compile(c, string_of(attribute), &ret->path, why);
}

static tdl_status compile_clause(tdl_gb_compiler *c, const char *key, const json_t *value,
                                 tdl_gb_clause *ret, tdl_report *why)
{
    static const struct {
        const char *key;
        tdl_gb_clause_kind kind;
        tdl_status (*compile)(tdl_gb_compiler *, const json_t *, tdl_gb_clause *, tdl_report *);
    } known[] = {
        {"$or", TDL_GB_OR, compile_list},
        {"$nor", TDL_GB_NOR, compile_list},
        {"$and", TDL_GB_AND, compile_list},
        {"$not", TDL_GB_NOT, compile_not},
        {"$savedGroup", TDL_GB_SAVED_GROUP, compile_saved_group},
    };
    tdl_status st;

    *ret = (tdl_gb_clause){.kind = TDL_GB_PATH};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (!strcmp(key, known[i].key)) {
            ret->kind = known[i].kind;
            return known[i].compile(c, value, ret, why);
        }
    if ((st = tdl_gb_path_compile(c, tdl_str_of(key), &ret->path, why)))
        return st;
    return compile_test(c, value, &ret->test, why);
}

tdl_status tdl_gb_condition_compile(tdl_gb_compiler *c, const json_t *json, tdl_gb_condition *ret,
                                    tdl_report *why)
{
    json_t *members = (json_t *)json, *value;
    const char *key;
    tdl_status st;

    if (!json_is_object(json))
        return TDL_FAIL(why, TDL_E_INVALID, "a condition must be an object, not of type %s",
                        tdl_json_type_name(json));
    tdl_gb_clause *clauses = tdl_arena_alloc(c->arena, json_object_size(json), sizeof *clauses);
    if (!clauses)
        return no_memory(why);
    *ret = (tdl_gb_condition){.clauses = clauses};
    json_object_foreach(members, key, value)
    {
        if ((st = compile_clause(c, key, value, &clauses[ret->n++], why))) {
            tdl_report_prefix(why, "%s", key);
            return st;
        }
    }
    return TDL_OK;
}

#include "apps/recommend/expression_parts.h"

static bool asks(const tdl_expression *e, tdl_scope scope)
{
    for (size_t i = 0; i < e->names_n; i++)
        if (e->name[i].scope == scope)
            return true;
    return false;
}

bool tdl_expression_asks_context(const tdl_expression *e)
{
    return asks(e, TDL_SCOPE_CONTEXT);
}

bool tdl_expression_asks_user(const tdl_expression *e)
{
    return asks(e, TDL_SCOPE_USER);
}

/* A member by its name, or by the parts of it: "device.kind". */
static const json_t *member(const json_t *object, tdl_str name)
{
    const json_t *found = object ? json_object_getn(object, name.at, name.len) : NULL;

    for (size_t i = 0; object && !found && i < name.len; i++)
        if (name.at[i] == '.')
            found = member(json_object_getn(object, name.at, i),
                           (tdl_str){name.at + i + 1, name.len - i - 1});
    return found;
}

bool tdl_expression_bind(const tdl_expression *e, const tdl_attributes *known,
                         const json_t *context, const json_t *user, tdl_arena *arena,
                         tdl_bound *ret)
{
    tdl_bound b = {.expression = e,
                   .attribute = tdl_arena_alloc(arena, e->names_n, sizeof *b.attribute),
                   .operand = tdl_arena_zalloc(arena, e->names_n, sizeof *b.operand)};

    if (!b.attribute || !b.operand)
        return false;
    for (size_t i = 0; i < e->names_n; i++) {
        const tdl_expression_name *name = &e->name[i];
        b.attribute[i] = -1;
        if (name->scope == TDL_SCOPE_ITEM)
            b.attribute[i] = tdl_attributes_find(known, name->name);
        else if (!tdl_operand_read(
                     member(name->scope == TDL_SCOPE_USER ? user : context, name->name), arena,
                     &b.operand[i]))
            return false;
    }
    *ret = b;
    return true;
}

/* ---- evaluating ---- */

static const tdl_operand none = {.kind = TDL_OPERAND_NONE};
static const tdl_operand truths[2] = {{.kind = TDL_OPERAND_BOOL, .truth = false},
                                      {.kind = TDL_OPERAND_BOOL, .truth = true}};

typedef struct asked {
    const tdl_bound *bound;
    const void *item;
    tdl_attribute_fn *attribute;
} asked;

static const tdl_operand *look_up(const asked *a, size_t name)
{
    int32_t attribute = a->bound->attribute[name];

    if (a->bound->expression->name[name].scope != TDL_SCOPE_ITEM)
        return &a->bound->operand[name];
    const tdl_operand *found = attribute < 0 ? NULL : a->attribute(a->item, attribute);
    return found ? found : &none;
}

/* By bytes, so that times in RFC 3339 are in order too. */
static int compare_texts(tdl_str a, tdl_str b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n ? memcmp(a.at, b.at, n) : 0;

    return order ? order : (a.len > b.len) - (a.len < b.len);
}

static bool in_order(tdl_expression_op op, const tdl_operand *a, const tdl_operand *b)
{
    int order;

    if (a->kind != b->kind)
        return false;
    if (a->kind == TDL_OPERAND_NUMBER)
        order = (a->number > b->number) - (a->number < b->number);
    else if (a->kind == TDL_OPERAND_TEXT)
        order = compare_texts(a->text, b->text);
    else
        return false;
    return op == TDL_EXPRESSION_LT   ? order < 0
           : op == TDL_EXPRESSION_LE ? order <= 0
           : op == TDL_EXPRESSION_GT ? order > 0
                                     : order >= 0;
}

static const tdl_operand *evaluate(const asked *a, const tdl_node *node);

static bool is_true(const asked *a, const tdl_node *node)
{
    const tdl_operand *value = evaluate(a, node);

    return value->kind == TDL_OPERAND_BOOL && value->truth;
}

/* Up to the first operand that decides. */
static bool any_is(const asked *a, const tdl_node *node, bool truth)
{
    for (const tdl_node *one = node->first; one; one = one->next)
        if (is_true(a, one) == truth)
            return true;
    return false;
}

static bool compare(const asked *a, const tdl_node *node)
{
    const tdl_operand *left = evaluate(a, node->first), *right = evaluate(a, node->first->next);

    switch (node->op) {
    case TDL_EXPRESSION_EQ:
        return tdl_operand_equal(left, right);
    case TDL_EXPRESSION_NE:
        return !tdl_operand_equal(left, right);
    case TDL_EXPRESSION_IN:
        return tdl_operand_among(left, right);
    case TDL_EXPRESSION_NOT_IN:
        return !tdl_operand_among(left, right);
    default:
        return in_order(node->op, left, right);
    }
}

static const tdl_operand *evaluate(const asked *a, const tdl_node *node)
{
    switch (node->op) {
    case TDL_EXPRESSION_VALUE:
        return &node->value;
    case TDL_EXPRESSION_NAME:
        return look_up(a, node->name);
    case TDL_EXPRESSION_TAG:
        return &truths[tdl_operand_among(&node->value, look_up(a, node->name))];
    case TDL_EXPRESSION_NOT:
        return &truths[!is_true(a, node->first)];
    case TDL_EXPRESSION_AND:
        return &truths[!any_is(a, node, false)];
    case TDL_EXPRESSION_OR:
        return &truths[any_is(a, node, true)];
    default:
        return &truths[compare(a, node)];
    }
}

bool tdl_expression_holds(const tdl_bound *bound, const void *item, tdl_attribute_fn *attribute)
{
    const asked a = {bound, item, attribute};

    return is_true(&a, bound->expression->root);
}

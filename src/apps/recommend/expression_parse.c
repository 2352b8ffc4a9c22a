/* Reading an expression: by recursive descent, one function for each level of binding.
 *
 *     any    := all {"or" all}
 *     all    := not {"and" not}
 *     not    := "not" not | pair
 *     pair   := one [("==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not" "in") one]
 *     one    := value | list | name | "tag" "(" text ")" | "(" any ")"
 */
#include "apps/recommend/expression_parts.h"

#include <string.h>

#include "apps/recommend/expression_tokens.h"

enum { LIST_MAX = 1024 };
#define NAME TDL_TOKEN_NAME
#define SIGN TDL_TOKEN_SIGN

typedef struct parser {
    tdl_tokens words;
    const tdl_attributes *known;
    unsigned depth;
    tdl_expression *result;
    size_t names_cap;
    tdl_node spare; /* stands for all nodes after a failure; nobody looks at it */
} parser;

static bool is(const parser *p, tdl_token_kind kind, const char *text)
{
    return tdl_tokens_is(&p->words, kind, text);
}

static bool take(parser *p, tdl_token_kind kind, const char *text)
{
    return tdl_tokens_take(&p->words, kind, text);
}

static void advance(parser *p)
{
    tdl_tokens_advance(&p->words);
}

static void fail_at(parser *p, size_t at, const char *what)
{
    tdl_tokens_fail(&p->words, at, what);
}

static void no_memory(parser *p)
{
    tdl_tokens_no_memory(&p->words);
}

static bool enter(parser *p)
{
    if (++p->depth > TDL_EXPRESSION_DEPTH)
        fail_at(p, p->words.next.at, "more than 32 levels");
    return !p->words.status;
}

/* ---- nodes ---- */

/* Never NULL. */
static tdl_node *new_node(parser *p, tdl_expression_op op, size_t at, unsigned kinds)
{
    tdl_node *node = p->words.status ? NULL : tdl_arena_zalloc(p->words.arena, 1, sizeof *node);

    if (!node) {
        no_memory(p);
        return &p->spare;
    }
    node->op = op;
    node->at = at;
    node->kinds = kinds;
    return node;
}

static tdl_node *parse_any(parser *p);

static size_t add_name(parser *p, tdl_scope scope, tdl_str name)
{
    tdl_expression *e = p->result;

    for (size_t i = 0; i < e->names_n; i++)
        if (e->name[i].scope == scope && tdl_str_eq(e->name[i].name, name))
            return i;
    if (e->names_n == p->names_cap) {
        size_t cap = p->names_cap ? 2 * p->names_cap : 8;
        tdl_expression_name *grown = tdl_arena_alloc(p->words.arena, cap, sizeof *grown);
        if (!grown) {
            no_memory(p);
            return 0;
        }
        if (e->names_n)
            memcpy(grown, e->name, e->names_n * sizeof *grown);
        e->name = grown;
        p->names_cap = cap;
    }
    tdl_str kept = tdl_arena_str(p->words.arena, name);
    if (!kept.at)
        no_memory(p);
    e->name[e->names_n] = (tdl_expression_name){scope, kept};
    return e->names_n++;
}

static void refuse_unknown(parser *p, tdl_str name, size_t at)
{
    char nearest[200];

    tdl_attributes_nearest(p->known, name, nearest, sizeof nearest);
    if (!p->words.status)
        p->words.status = TDL_FAIL_HINT(
            p->words.why, TDL_E_INVALID,
            "write ctx.NAME for what the request says, user.NAME for the "
            "person",
            "no item has the attribute \"%.*s\", at position %zu%s%s%s", TDL_FMT(name), at + 1,
            nearest[0] ? " (nearest: " : "", nearest, nearest[0] ? ")" : "");
}

static tdl_node *parse_name(parser *p)
{
    tdl_str name = {p->words.text.at + p->words.next.at, p->words.next.len};
    size_t at = p->words.next.at;
    tdl_scope scope = TDL_SCOPE_ITEM;
    unsigned kinds = TDL_OPERAND_ANY;

    if (tdl_str_starts(name, TDL_STR("ctx."))) {
        scope = TDL_SCOPE_CONTEXT;
        name = (tdl_str){name.at + 4, name.len - 4};
    } else if (tdl_str_starts(name, TDL_STR("user."))) {
        scope = TDL_SCOPE_USER;
        name = (tdl_str){name.at + 5, name.len - 5};
    } else if (p->known) {
        int32_t number = tdl_attributes_find(p->known, name);
        if (number < 0)
            refuse_unknown(p, name, at);
        else
            kinds = tdl_attributes_kinds(p->known, number);
    }
    tdl_node *node = new_node(p, TDL_EXPRESSION_NAME, at, kinds);
    if (!p->words.status)
        node->name = add_name(p, scope, name);
    advance(p);
    return node;
}

static bool parse_value(parser *p, tdl_operand *ret)
{
    if (p->words.next.kind == TDL_TOKEN_NUMBER)
        *ret = (tdl_operand){.kind = TDL_OPERAND_NUMBER, .number = p->words.next.number};
    else if (p->words.next.kind == TDL_TOKEN_TEXT)
        *ret = (tdl_operand){.kind = TDL_OPERAND_TEXT, .text = p->words.next.text};
    else if (is(p, NAME, "true") || is(p, NAME, "false"))
        *ret = (tdl_operand){.kind = TDL_OPERAND_BOOL, .truth = is(p, NAME, "true")};
    else
        return false;
    advance(p);
    return true;
}

static tdl_node *parse_list(parser *p)
{
    size_t at = p->words.next.at, n = 0, cap = 8;
    tdl_operand *item = tdl_arena_alloc(p->words.arena, cap, sizeof *item);

    advance(p);
    while (item && !p->words.status && !is(p, SIGN, "]")) {
        if (n && !take(p, SIGN, ",")) {
            fail_at(p, p->words.next.at, "expected \",\" or \"]\"");
            break;
        }
        if (n == cap) {
            tdl_operand *grown = tdl_arena_alloc(p->words.arena, 2 * cap, sizeof *grown);
            if (grown)
                memcpy(grown, item, n * sizeof *grown);
            item = grown;
            cap *= 2;
        }
        if (item && (n == LIST_MAX || !parse_value(p, &item[n++])))
            fail_at(p, p->words.next.at, "expected a text, a number, true or false in the list");
    }
    if (!item)
        no_memory(p);
    take(p, SIGN, "]");
    tdl_node *node = new_node(p, TDL_EXPRESSION_VALUE, at, TDL_OPERAND_LIST);
    if (!p->words.status)
        node->value = (tdl_operand){.kind = TDL_OPERAND_LIST, .item = item, .items_n = n};
    return node;
}

/* Behind its name and "(". */
static tdl_node *parse_tag(parser *p, size_t at)
{
    tdl_node *node = new_node(p, TDL_EXPRESSION_TAG, at, TDL_OPERAND_BOOL);

    if (p->words.next.kind != TDL_TOKEN_TEXT)
        fail_at(p, p->words.next.at, "expected a text, as in tag(\"new\"),");
    if (!p->words.status) {
        node->value = (tdl_operand){.kind = TDL_OPERAND_TEXT, .text = p->words.next.text};
        node->name = add_name(p, TDL_SCOPE_ITEM, TDL_STR("tags"));
    }
    advance(p);
    if (!take(p, SIGN, ")"))
        fail_at(p, p->words.next.at, "expected \")\"");
    return node;
}

static bool is_reserved(const parser *p)
{
    return is(p, NAME, "and") || is(p, NAME, "or") || is(p, NAME, "in") || is(p, NAME, "not");
}

static tdl_node *parse_one(parser *p)
{
    size_t at = p->words.next.at;
    tdl_operand value;

    if (take(p, SIGN, "(")) {
        tdl_node *inner = enter(p) ? parse_any(p) : new_node(p, TDL_EXPRESSION_VALUE, at, 0);
        p->depth--;
        if (!take(p, SIGN, ")"))
            fail_at(p, p->words.next.at, "expected \")\"");
        return inner;
    }
    if (is(p, SIGN, "["))
        return parse_list(p);
    if (parse_value(p, &value)) {
        tdl_node *node = new_node(p, TDL_EXPRESSION_VALUE, at, value.kind);
        if (!p->words.status)
            node->value = value;
        return node;
    }
    if (p->words.next.kind == NAME && !is_reserved(p)) {
        tdl_token name = p->words.next;
        if (is(p, NAME, "tag")) {
            advance(p);
            if (take(p, SIGN, "("))
                return parse_tag(p, at);
            p->words.next = name; // an attribute of that name
            p->words.at = name.at + name.len;
        }
        return parse_name(p);
    }
    fail_at(p, at,
            p->words.next.kind == TDL_TOKEN_END ? "the expression ends too early"
                                                : "expected a value");
    return new_node(p, TDL_EXPRESSION_VALUE, at, 0);
}

/* ---- kinds that can never meet are told when the rule is saved ---- */

static void refuse_kinds(parser *p, size_t at, unsigned left, unsigned right)
{
    if (!p->words.status)
        p->words.status =
            TDL_FAIL(p->words.why, TDL_E_INVALID, "a %s is compared with a %s at position %zu",
                     tdl_operand_kind_name(left), tdl_operand_kind_name(right), at + 1);
}

static void check_pair(parser *p, const tdl_node *pair)
{
    const tdl_node *left = pair->first, *right = left->next;
    const unsigned ordered = TDL_OPERAND_NUMBER | TDL_OPERAND_TEXT;
    bool among = pair->op == TDL_EXPRESSION_IN || pair->op == TDL_EXPRESSION_NOT_IN;
    bool order = pair->op >= TDL_EXPRESSION_LT && pair->op <= TDL_EXPRESSION_GE;

    if (among && !(right->kinds & TDL_OPERAND_LIST))
        fail_at(p, right->at, "\"in\" wants a list behind it,");
    else if (!among && !(left->kinds & right->kinds))
        refuse_kinds(p, pair->at, left->kinds, right->kinds);
    else if (order && !(left->kinds & right->kinds & ordered))
        fail_at(p, pair->at, "only numbers and texts have an order, which is asked for");
}

static void check_truth(parser *p, const tdl_node *node)
{
    if (p->words.status || node->kinds & TDL_OPERAND_BOOL)
        return;
    p->words.status = TDL_FAIL(p->words.why, TDL_E_INVALID, "a %s is no condition, at position %zu",
                               tdl_operand_kind_name(node->kinds), node->at + 1);
}

static bool take_operator(parser *p, tdl_expression_op *ret)
{
    static const struct {
        const char *sign;
        tdl_expression_op op;
    } signs[] = {{"==", TDL_EXPRESSION_EQ}, {"!=", TDL_EXPRESSION_NE}, {"<", TDL_EXPRESSION_LT},
                 {"<=", TDL_EXPRESSION_LE}, {">", TDL_EXPRESSION_GT},  {">=", TDL_EXPRESSION_GE}};

    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
        if (take(p, SIGN, signs[i].sign)) {
            *ret = signs[i].op;
            return true;
        }
    *ret = TDL_EXPRESSION_IN;
    if (take(p, NAME, "in"))
        return true;
    *ret = TDL_EXPRESSION_NOT_IN;
    if (!take(p, NAME, "not"))
        return false;
    if (!take(p, NAME, "in"))
        fail_at(p, p->words.next.at, "expected \"in\" behind \"not\"");
    return true;
}

static tdl_node *parse_pair(parser *p)
{
    tdl_node *left = parse_one(p);
    size_t at = p->words.next.at;
    tdl_expression_op op;

    if (p->words.status || !take_operator(p, &op))
        return left;
    tdl_node *right = parse_one(p), *pair = new_node(p, op, at, TDL_OPERAND_BOOL);
    if (p->words.status)
        return pair;
    pair->first = left;
    left->next = right;
    check_pair(p, pair);
    return pair;
}

static tdl_node *parse_not(parser *p)
{
    size_t at = p->words.next.at;

    if (!take(p, NAME, "not"))
        return parse_pair(p);
    tdl_node *inner = enter(p) ? parse_not(p) : new_node(p, TDL_EXPRESSION_VALUE, at, 0);
    tdl_node *node = new_node(p, TDL_EXPRESSION_NOT, at, TDL_OPERAND_BOOL);
    p->depth--;
    check_truth(p, inner);
    if (!p->words.status)
        node->first = inner;
    return node;
}

/* One operand, or several between the same word. */
static tdl_node *parse_chain(parser *p, const char *word, tdl_expression_op op,
                             tdl_node *(*operand)(parser *p))
{
    tdl_node *first = operand(p), *last = first;

    if (p->words.status || !is(p, NAME, word))
        return first;
    tdl_node *chain = new_node(p, op, first->at, TDL_OPERAND_BOOL);
    check_truth(p, first);
    while (!p->words.status && take(p, NAME, word)) {
        tdl_node *one = operand(p);
        check_truth(p, one);
        if (p->words.status)
            break;
        last->next = one;
        last = one;
    }
    if (!p->words.status)
        chain->first = first;
    return chain;
}

static tdl_node *parse_all(parser *p)
{
    return parse_chain(p, "and", TDL_EXPRESSION_AND, parse_not);
}

static tdl_node *parse_any(parser *p)
{
    return parse_chain(p, "or", TDL_EXPRESSION_OR, parse_all);
}

tdl_status tdl_expression_compile(tdl_str text, const tdl_attributes *known, tdl_arena *arena,
                                  tdl_expression **ret, tdl_report *why)
{
    tdl_expression *e = tdl_arena_zalloc(arena, 1, sizeof *e);
    parser p = {.words = {.text = text, .arena = arena, .why = why}, .known = known, .result = e};
    size_t bad;

    if (!e)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for an expression");
    if (text.len > TDL_EXPRESSION_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "the expression is %zu bytes long, %d are allowed",
                        text.len, TDL_EXPRESSION_MAX);
    if (!tdl_str_utf8(text, &bad) || (text.len && memchr(text.at, 0, text.len)))
        return TDL_FAIL(why, TDL_E_INVALID, "the expression is not UTF-8 text");
    advance(&p);
    e->root = parse_any(&p);
    check_truth(&p, e->root);
    if (p.words.next.kind != TDL_TOKEN_END)
        fail_at(&p, p.words.next.at, "something is left over, which begins");
    if (p.words.status)
        return p.words.status;
    *ret = e;
    return TDL_OK;
}

#include "apps/recommend/expression_tokens.h"

#include <string.h>

enum { NAME_MAX_BYTES = 128 };

void tdl_tokens_fail(tdl_tokens *p, size_t at, const char *what)
{
    if (!p->status)
        p->status = TDL_FAIL(p->why, TDL_E_INVALID, "%s at position %zu", what, at + 1);
}

void tdl_tokens_no_memory(tdl_tokens *p)
{
    if (!p->status)
        p->status = TDL_FAIL(p->why, TDL_E_NO_MEMORY, "no memory for an expression");
}

static bool starts_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' ||
           (unsigned char)c >= 0x80;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "x" or 'x'; a backslash takes the next byte as it is. */
static void read_text(tdl_tokens *p, tdl_token *t)
{
    char quote = p->text.at[t->at];
    size_t end = t->at + 1, n = 0;

    while (end < p->text.len && p->text.at[end] != quote)
        end += p->text.at[end] == '\\' && end + 1 < p->text.len ? 2 : 1;
    if (end >= p->text.len) {
        tdl_tokens_fail(p, t->at, "a text without its closing quote");
        return;
    }
    char *bytes = tdl_arena_alloc(p->arena, end - t->at, 1);
    if (!bytes) {
        tdl_tokens_no_memory(p);
        return;
    }
    for (size_t i = t->at + 1; i < end; i++) {
        i += p->text.at[i] == '\\';
        bytes[n++] = p->text.at[i];
    }
    t->kind = TDL_TOKEN_TEXT;
    t->text = (tdl_str){bytes, n};
    t->len = end + 1 - t->at;
}

static void read_number(tdl_tokens *p, tdl_token *t)
{
    size_t end = t->at + 1;

    while (end < p->text.len &&
           (is_digit(p->text.at[end]) || p->text.at[end] == '.' ||
            ((p->text.at[end] == 'e' || p->text.at[end] == 'E') && end > t->at) ||
            ((p->text.at[end] == '-' || p->text.at[end] == '+') &&
             (p->text.at[end - 1] == 'e' || p->text.at[end - 1] == 'E'))))
        end++;
    t->kind = TDL_TOKEN_NUMBER;
    t->len = end - t->at;
    if (!tdl_str_double((tdl_str){p->text.at + t->at, t->len}, &t->number))
        tdl_tokens_fail(p, t->at, "a number that cannot be read");
}

static void read_name(tdl_tokens *p, tdl_token *t)
{
    size_t end = t->at + 1;

    while (end < p->text.len && (starts_name(p->text.at[end]) || is_digit(p->text.at[end]) ||
                                 p->text.at[end] == '.' || p->text.at[end] == '-'))
        end++;
    t->kind = TDL_TOKEN_NAME;
    t->len = end - t->at;
    if (t->len > NAME_MAX_BYTES)
        tdl_tokens_fail(p, t->at, "a name of more than 128 bytes");
}

static void read_sign(tdl_tokens *p, tdl_token *t)
{
    static const char *const signs[] = {"==", "!=", "<=", ">=", "<", ">", "(", ")", "[", "]", ","};
    tdl_str rest = {p->text.at + t->at, p->text.len - t->at};

    t->kind = TDL_TOKEN_SIGN;
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
        if (tdl_str_starts(rest, tdl_str_of(signs[i]))) {
            t->len = strlen(signs[i]);
            return;
        }
    tdl_tokens_fail(p, t->at,
                    *rest.at == '=' ? "\"=\" in place of \"==\"" : "a character without meaning");
}

void tdl_tokens_advance(tdl_tokens *p)
{
    tdl_token t = {.kind = TDL_TOKEN_END};

    while (p->at < p->text.len && strchr(" \t\r\n", p->text.at[p->at]))
        p->at++;
    t.at = p->at;
    if (p->at < p->text.len && !p->status) {
        char c = p->text.at[p->at], after = p->at + 1 < p->text.len ? p->text.at[p->at + 1] : 0;
        if (c == '"' || c == '\'')
            read_text(p, &t);
        else if (is_digit(c) || (c == '-' && is_digit(after)))
            read_number(p, &t);
        else if (starts_name(c))
            read_name(p, &t);
        else
            read_sign(p, &t);
    }
    if (p->status)
        t = (tdl_token){.kind = TDL_TOKEN_END, .at = t.at};
    p->at = t.at + t.len;
    p->next = t;
}

bool tdl_tokens_is(const tdl_tokens *p, tdl_token_kind kind, const char *text)
{
    return p->next.kind == kind &&
           tdl_str_is((tdl_str){p->text.at + p->next.at, p->next.len}, text);
}

bool tdl_tokens_take(tdl_tokens *p, tdl_token_kind kind, const char *text)
{
    if (!tdl_tokens_is(p, kind, text))
        return false;
    tdl_tokens_advance(p);
    return true;
}

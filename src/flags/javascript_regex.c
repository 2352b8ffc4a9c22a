#define PCRE2_CODE_UNIT_WIDTH 16
#include "flags/javascript_regex.h"

#include <pcre2.h>
#include <stdlib.h>

#include "flags/javascript.h"

enum { STEPS_MAX = 100000, DEPTH_MAX = 10000, HEAP_MAX_KB = 4096, UNITS_ON_STACK = 256 };

#define SPACES                                                                                     \
    "\\u0009-\\u000d\\u0020\\u00a0\\u1680\\u2000-"                                                 \
    "\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\ufeff"
#define NOT_SPACES                                                                                 \
    "\\u0000-\\u0008\\u000e-\\u001f\\u0021-\\u009f\\u00a1-\\u167f\\u1681-\\u1fff\\u200b-\\u2027"   \
    "\\u202a-\\u202e\\u2030-\\u205e\\u2060-\\u2fff\\u3001-\\ufefe\\uff00-\\uffff"
#define WORD     "A-Za-z0-9_"
#define NOT_WORD "\\u0000-\\u002f\\u003a-\\u0040\\u005b-\\u005e\\u0060\\u007b-\\uffff"

struct tdl_js_regex {
    pcre2_code *code;
    pcre2_match_context *limits;
};

/* ---- the pattern in PCRE2's words ---- */

typedef struct translation {
    const uint16_t *at, *end;
    tdl_buf *out; /* of uint16_t */
    bool in_class, bad;
} translation;

static void emit(translation *t, uint16_t unit)
{
    tdl_buf_add(t->out, &unit, sizeof unit);
}

static void emit_text(translation *t, const char *ascii)
{
    for (; *ascii; ascii++)
        emit(t, (unsigned char)*ascii);
}

static uint16_t peek(const translation *t, size_t ahead)
{
    return ahead < (size_t)(t->end - t->at) ? t->at[ahead] : 0;
}

/* What an escaped letter stands for, as the inside of a class. */
static const char *class_of(uint16_t letter)
{
    switch (letter) {
    case 'd':
        return "0-9";
    case 'D':
        return "\\u0000-\\u002f\\u003a-\\uffff";
    case 'w':
        return WORD;
    case 'W':
        return NOT_WORD;
    case 's':
        return SPACES;
    case 'S':
        return NOT_SPACES;
    default:
        return NULL;
    }
}

static void emit_class(translation *t, const char *inside)
{
    if (!t->in_class)
        emit(t, '[');
    emit_text(t, inside);
    if (!t->in_class)
        emit(t, ']');
    else if (peek(t, 0) == '-' && peek(t, 1) != ']') { // no range begins with a class
        t->at++;
        emit_text(t, "\\-");
    }
}

static void emit_boundary(translation *t, bool negated)
{
    emit_text(t, negated ? "(?:(?<=[" WORD "])(?=[" WORD "])|(?<![" WORD "])(?![" WORD "]))"
                         : "(?:(?<=[" WORD "])(?![" WORD "])|(?<![" WORD "])(?=[" WORD "]))");
}

static bool is_letter(uint16_t unit)
{
    uint16_t lower = unit | 0x20;
    return lower >= 'a' && lower <= 'z';
}

/* Behind the backslash. */
static void translate_escape(translation *t)
{
    if (t->at == t->end) {
        t->bad = true;
        return;
    }
    uint16_t letter = *t->at++;
    const char *inside = class_of(letter);
    if (inside) {
        emit_class(t, inside);
    } else if (letter == 'v') {
        emit_text(t, "\\u000b");
    } else if (letter == 'b' && t->in_class) {
        emit_text(t, "\\u0008");
    } else if ((letter == 'b' || letter == 'B') && !t->in_class) {
        emit_boundary(t, letter == 'B');
    } else if (letter == '0') {
        emit_text(t, "\\u0000");
    } else if (letter >= 0x80 || (is_letter(letter) && !strchr("tnfrcxuk", letter))) {
        emit(t, letter); // an escape that says nothing
    } else {
        emit(t, '\\');
        emit(t, letter);
    }
}

/* "{2}", "{2,}", "{2,3}": its length in units; 0 when it is plain text. */
static size_t braces(const translation *t)
{
    size_t i = 1, digits = 0;

    for (; peek(t, i) >= '0' && peek(t, i) <= '9'; i++)
        digits++;
    if (!digits)
        return 0;
    if (peek(t, i) == ',')
        for (i++; peek(t, i) >= '0' && peek(t, i) <= '9';)
            i++;
    return peek(t, i) == '}' ? i + 1 : 0;
}

/* A quantifier of `n` units. Another one behind it is an error; PCRE2 would read "++". */
static void translate_quantifier(translation *t, size_t n)
{
    for (size_t i = 0; i < n; i++)
        emit(t, *t->at++);
    if (peek(t, 0) == '?')
        emit(t, *t->at++);
    uint16_t next = peek(t, 0);
    t->bad = t->bad || next == '*' || next == '+' || next == '?' || (next == '{' && braces(t));
}

/* "(" and what kind of group it is. PCRE2 has more of them. */
static void translate_group(translation *t)
{
    emit(t, *t->at++);
    if (peek(t, 0) == '*')
        t->bad = true;
    if (peek(t, 0) != '?')
        return;
    uint16_t kind = peek(t, 1), after = peek(t, 2);
    bool known =
        kind == ':' || kind == '=' || kind == '!' ||
        (kind == '<' && (after == '=' || after == '!' || after == '_' || is_letter(after)));
    t->bad = t->bad || !known;
    emit(t, *t->at++);
    if (known)
        emit(t, *t->at++); // not the "?" again
}

static void translate_outside(translation *t)
{
    uint16_t unit = *t->at;
    size_t quantifier = unit == '*' || unit == '+' || unit == '?' ? 1 : unit == '{' ? braces(t) : 0;

    if (quantifier) {
        translate_quantifier(t, quantifier);
        return;
    }
    if (unit == '(') {
        translate_group(t);
        return;
    }
    t->at++;
    if (unit == '.') {
        emit_text(t, "[^\\u000a\\u000d\\u2028\\u2029]");
    } else if (unit == '{') {
        emit_text(t, "\\{");
    } else {
        emit(t, unit);
        t->in_class = unit == '[';
        if (t->in_class && peek(t, 0) == '^')
            emit(t, *t->at++);
    }
}

static void translate(translation *t)
{
    while (t->at < t->end && !t->bad) {
        if (*t->at == '\\') {
            t->at++;
            translate_escape(t);
        } else if (!t->in_class) {
            translate_outside(t);
        } else {
            uint16_t unit = *t->at++;
            if (unit == '[')
                emit(t, '\\'); // no POSIX classes
            emit(t, unit);
            t->in_class = unit != ']';
        }
    }
}

/* ---- compiling and matching ---- */

static pcre2_code *compile(tdl_str translated, bool ignore_case)
{
    uint32_t options = PCRE2_ALT_BSUX | PCRE2_ALLOW_EMPTY_CLASS | PCRE2_MATCH_UNSET_BACKREF |
                       PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_UTF | PCRE2_NEVER_BACKSLASH_C;
    PCRE2_SIZE where;
    int error;

    if (ignore_case)
        options |= PCRE2_CASELESS | PCRE2_UCP; // UCP: of letters that are no ASCII too
    return pcre2_compile((PCRE2_SPTR)(const void *)translated.at, translated.len / sizeof(uint16_t),
                         options, &error, &where, NULL);
}

tdl_js_regex *tdl_js_regex_new(tdl_str pattern, bool ignore_case)
{
    uint16_t *units = malloc((pattern.len + 1) * sizeof *units);
    tdl_js_regex *regex = calloc(1, sizeof *regex);
    tdl_buf out = {0};

    if (units && regex) {
        size_t n = tdl_js_units(pattern, units);
        translation t = {.at = units, .end = units + n, .out = &out};
        translate(&t);
        if (!t.bad && !out.failed)
            regex->code = compile(tdl_buf_view(&out), ignore_case);
        regex->limits = pcre2_match_context_create(NULL);
    }
    free(units);
    tdl_buf_release(&out);
    if (!regex || !regex->code || !regex->limits) {
        tdl_js_regex_free(regex);
        return NULL;
    }
    pcre2_set_match_limit(regex->limits, STEPS_MAX);
    pcre2_set_depth_limit(regex->limits, DEPTH_MAX);
    pcre2_set_heap_limit(regex->limits, HEAP_MAX_KB);
    return regex;
}

void tdl_js_regex_free(tdl_js_regex *regex)
{
    if (!regex)
        return;
    pcre2_code_free(regex->code);
    pcre2_match_context_free(regex->limits);
    free(regex);
}

bool tdl_js_regex_test(const tdl_js_regex *regex, tdl_str text)
{
    uint16_t small[UNITS_ON_STACK], *units = small;

    if (text.len > UNITS_ON_STACK && !(units = malloc(text.len * sizeof *units)))
        return false;
    size_t n = tdl_js_units(text, units);
    pcre2_match_data *found = pcre2_match_data_create(1, NULL);
    bool matches = found && pcre2_match(regex->code, units, n, 0, 0, found, regex->limits) >= 0;
    pcre2_match_data_free(found);
    if (units != small)
        free(units);
    return matches;
}

/* What the finders of personal data share: the text under way, its bytes, digits in groups. */
#ifndef TDL_WIRE_PERSONAL_PARTS_H
#define TDL_WIRE_PERSONAL_PARTS_H

#include "wire/personal.h"

enum { TDL_PERSONAL_DIGITS_MAX = 19 };

typedef struct tdl_personal_scan {
    tdl_str name, text;
    bool json;    /* the text is JSON, and nothing is known of names */
    size_t fresh; /* where the last finding, or escape of the JSON, ended */
} tdl_personal_scan;

/* ---- bytes ---- */

static inline bool tdl_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool tdl_is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool tdl_is_word(char c)
{
    return tdl_is_digit(c) || tdl_is_letter(c) || c == '_';
}

static inline bool tdl_is_one_of(char c, const char *set)
{
    return c && strchr(set, c);
}

/* The byte at `i`, NUL past the end. */
static inline char tdl_byte_at(tdl_str text, size_t i)
{
    return i < text.len ? text.at[i] : '\0';
}

/* How many digits stand side by side from `at` on. */
static inline size_t tdl_digits_at(tdl_str text, size_t at)
{
    size_t n = 0;

    while (tdl_is_digit(tdl_byte_at(text, at + n)))
        n++;
    return n;
}

/* Length of `prefix` when it stands there, else 0. */
static inline size_t tdl_skip(tdl_str text, size_t at, const char *prefix)
{
    size_t n = strlen(prefix);

    return at + n <= text.len && !memcmp(text.at + at, prefix, n) ? n : 0;
}

/* ---- numbers ---- */

/* Digits [n], without what separates them. */
typedef struct tdl_personal_digits {
    char at[TDL_PERSONAL_DIGITS_MAX + 1];
    size_t n;
} tdl_personal_digits;

/* Groups of so many digits each, with one and the same separator out of `separators` between them.
 *   groups   the sizes, ended by 0
 *   returns  where they end; 0 when they are not there */
size_t tdl_personal_groups(tdl_str text, size_t at, const unsigned char *groups,
                           const char *separators, tdl_personal_digits *ret);
/* `n` digits that are known to be there; where they end. */
size_t tdl_personal_run(tdl_str text, size_t at, size_t n, tdl_personal_digits *ret);
/* The sum of the digits, every second from the right doubled, is a multiple of ten (ISO/IEC 7812).
 */
bool tdl_personal_luhn(const tdl_personal_digits *digits);
/* May a number end here? Not within a longer word, fraction or mail address. */
bool tdl_personal_ends(const tdl_personal_scan *scan, size_t end);
/* Does the name, or what stands just before `at`, say what the number is? words: ended by NULL. */
bool tdl_personal_said(const tdl_personal_scan *scan, size_t at, const char *const *words);

/* ---- the forms: where the number that begins at `at`, with `run` digits side by side, ends; 0
 * when it is none ---- */

typedef size_t tdl_personal_form(const tdl_personal_scan *scan, size_t at, size_t run);
tdl_personal_form tdl_personal_card, tdl_personal_id_number, tdl_personal_phone;

#endif

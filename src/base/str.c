#include "base/str.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

tdl_str tdl_str_of(const char *nul_terminated)
{
    if (!nul_terminated)
        return (tdl_str){0};
    return (tdl_str){nul_terminated, strlen(nul_terminated)};
}

bool tdl_str_eq(tdl_str a, tdl_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

bool tdl_str_is(tdl_str a, const char *nul_terminated)
{
    return tdl_str_eq(a, tdl_str_of(nul_terminated));
}

int tdl_str_cmp(tdl_str a, tdl_str b)
{
    size_t shared = a.len < b.len ? a.len : b.len;
    int order = shared ? memcmp(a.at, b.at, shared) : 0;

    return order ? order : (a.len > b.len) - (a.len < b.len);
}

bool tdl_str_starts(tdl_str text, tdl_str prefix)
{
    return text.len >= prefix.len && tdl_str_eq((tdl_str){text.at, prefix.len}, prefix);
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

tdl_str tdl_str_trim(tdl_str text)
{
    while (text.len && is_space(text.at[text.len - 1]))
        text.len--;
    while (text.len && is_space(text.at[0])) {
        text.at++;
        text.len--;
    }
    return text;
}

bool tdl_str_utf8(tdl_str text, size_t *ret_bad_offset)
{
    size_t i = 0;

    while (i < text.len) {
        uint64_t word;
        size_t n;

        if (text.len - i >= sizeof word) { /* eight bytes of ASCII at a time */
            memcpy(&word, text.at + i, sizeof word);
            if ((word & 0x8080808080808080U) == 0) {
                i += sizeof word;
                continue;
            }
        }
        n = tdl_utf8_step(text.at + i, text.len - i);
        if (!n) {
            if (ret_bad_offset)
                *ret_bad_offset = i;
            return false;
        }
        i += n;
    }
    return true;
}

static size_t digits_at(tdl_str text, size_t from)
{
    size_t i = from;

    while (i < text.len && text.at[i] >= '0' && text.at[i] <= '9')
        i++;
    return i - from;
}

static size_t sign_at(tdl_str text, size_t from)
{
    return from < text.len && (text.at[from] == '-' || text.at[from] == '+');
}

bool tdl_str_int(tdl_str text, int64_t *ret)
{
    size_t i = sign_at(text, 0);
    bool negative = i && text.at[0] == '-';
    int64_t value = 0;

    if (digits_at(text, i) == 0 || digits_at(text, i) != text.len - i)
        return false;
    for (; i < text.len; i++) { /* negated all along: INT64_MIN has no positive twin */
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, text.at[i] - '0', &value))
            return false;
    }
    if (!negative && __builtin_sub_overflow(0, value, &value))
        return false;
    *ret = value;
    return true;
}

/* [+-] digits [. digits] [e [+-] digits], at least one digit before the exponent. */
static bool is_decimal(tdl_str text)
{
    size_t i = sign_at(text, 0);
    size_t whole = digits_at(text, i), fraction = 0, exponent;

    i += whole;
    if (i < text.len && text.at[i] == '.') {
        fraction = digits_at(text, i + 1);
        i += 1 + fraction;
    }
    if (whole + fraction == 0)
        return false;
    if (i < text.len && (text.at[i] == 'e' || text.at[i] == 'E')) {
        i++;
        i += sign_at(text, i);
        exponent = digits_at(text, i);
        if (!exponent)
            return false;
        i += exponent;
    }
    return i == text.len;
}

static locale_t c_locale;
static pthread_once_t c_locale_once = PTHREAD_ONCE_INIT;

static void make_c_locale(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

bool tdl_str_double(tdl_str text, double *ret)
{
    char small[128], *copy = small;
    double value;

    if (!is_decimal(text))
        return false;
    if (text.len >= sizeof small && !(copy = malloc(text.len + 1)))
        return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    pthread_once(&c_locale_once, make_c_locale);
    value = c_locale ? strtod_l(copy, NULL, c_locale) : strtod(copy, NULL);
    if (copy != small)
        free(copy);
    if (!isfinite(value))
        return false;
    *ret = value;
    return true;
}

static unsigned char hash_key[crypto_shorthash_KEYBYTES];
static pthread_once_t hash_key_once = PTHREAD_ONCE_INIT;

static void make_hash_key(void)
{
    if (sodium_init() >= 0) /* otherwise the hash still works, unkeyed */
        crypto_shorthash_keygen(hash_key);
}

uint64_t tdl_str_hash(tdl_str text)
{
    unsigned char out[crypto_shorthash_BYTES];
    uint64_t ret;

    pthread_once(&hash_key_once, make_hash_key);
    crypto_shorthash(out, (const unsigned char *)(text.at ? text.at : ""), text.len, hash_key);
    memcpy(&ret, out, sizeof ret);
    return ret;
}

/* One row of the Levenshtein table at a time; row[j] is the distance of a[0..i) to b[0..j). */
size_t tdl_str_distance(tdl_str a, tdl_str b, size_t cap)
{
    size_t gap = a.len > b.len ? a.len - b.len : b.len - a.len;
    size_t *row, ret = cap;

    if (gap >= cap || !(row = calloc(b.len + 1, sizeof *row)))
        return cap;
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0], least = row[0] = i;

        for (size_t j = 1; j <= b.len; j++) {
            size_t replaced = diagonal + (a.at[i - 1] != b.at[j - 1]);
            size_t edited = 1 + (row[j] < row[j - 1] ? row[j] : row[j - 1]);

            diagonal = row[j];
            row[j] = replaced < edited ? replaced : edited;
            least = row[j] < least ? row[j] : least;
        }
        if (least >= cap) /* it never falls again */
            goto out;
    }
    ret = row[b.len] < cap ? row[b.len] : cap;
out:
    free(row);
    return ret;
}

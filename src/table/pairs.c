#include "table/pairs.h"

#include <strings.h>

static bool is(tdl_str text, const char *word)
{
    return text.len == strlen(word) && strncasecmp(text.at, word, text.len) == 0;
}

static bool is_one_of(tdl_str text, const char *const *words)
{
    while (*words && !is(text, *words))
        words++;
    return *words != NULL;
}

static bool begins(tdl_str text, const char *with)
{
    size_t n = strlen(with);

    return text.len > n && strncasecmp(text.at, with, n) == 0;
}

static bool ends(tdl_str text, const char *with)
{
    size_t n = strlen(with);

    return text.len > n && strncasecmp(text.at + text.len - n, with, n) == 0;
}

/* What comes behind the last underscore; and before it, with it. */
static tdl_str last_word(tdl_str name, tdl_str *ret_before)
{
    size_t at = name.len;

    while (at > 0 && name.at[at - 1] != '_')
        at--;
    *ret_before = (tdl_str){name.at, at};
    return (tdl_str){name.at + at, name.len - at};
}

bool tdl_pairs_coordinates(tdl_str first, tdl_str second)
{
    static const char *const latitude[] = {"latitude", "lat", NULL};
    static const char *const longitude[] = {"longitude", "long", "lon", "lng", NULL};
    tdl_str before_a, before_b;
    tdl_str a = last_word(first, &before_a), b = last_word(second, &before_b);

    if (!tdl_str_eq(before_a, before_b))
        return false;
    return (is_one_of(a, latitude) && is_one_of(b, longitude)) || (is(a, "x") && is(b, "y"));
}

bool tdl_pairs_unit(tdl_str name)
{
    static const char *const units[] = {"households", "users",  "visits", "sessions",
                                        "customers",  "orders", NULL};

    return is_one_of(name, units);
}

bool tdl_pairs_count(tdl_str name)
{
    return begins(name, "total_") || begins(name, "num_") || begins(name, "n_") ||
           ends(name, "_total") || ends(name, "_count") || is(name, "population");
}

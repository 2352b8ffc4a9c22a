#include "table/anonymity.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <uthash.h>

#include "table/csv.h"

enum { COLUMNS_MAX = 32, DIGEST_BYTES = 16, GROUPS_MAX = 4 << 20 };

/* One combination of values, by its digest. */
typedef struct group {
    UT_hash_handle hh;
    uint8_t digest[DIGEST_BYTES];
    uint64_t rows;
    uint32_t values[]; /* [sensitive_n] different ones of each sensitive column */
} group;

/* That a group has a value. */
typedef struct pair {
    UT_hash_handle hh;
    uint8_t digest[DIGEST_BYTES];
} pair;

struct tdl_anonymity {
    tdl_anonymity_options options;
    size_t quasi[COLUMNS_MAX], quasi_n;
    size_t sensitive[COLUMNS_MAX], sensitive_n;
    group *groups;
    pair *pairs;
    size_t groups_n, pairs_n;
};

/* ---- columns ---- */

static tdl_status find_columns(const tdl_csv *csv, const char *option, const char *list,
                               size_t *ret, size_t *ret_n, tdl_report *why)
{
    char name[256];

    for (*ret_n = 0; *list; list += *list == ',') {
        size_t n = strcspn(list, ",");
        snprintf(name, sizeof name, "%.*s", (int)(n < sizeof name ? n : sizeof name - 1), list);
        list += n;
        if (*ret_n == COLUMNS_MAX)
            return TDL_FAIL(why, TDL_E_USAGE, "--%s: more than %d columns", option, COLUMNS_MAX);
        if (!tdl_csv_column(csv, name, &ret[*ret_n]))
            return TDL_FAIL(why, TDL_E_INVALID, "--%s: the table has no column \"%s\"", option,
                            name);
        ++*ret_n;
    }
    return TDL_OK;
}

static tdl_status open_table(tdl_anonymity *a, tdl_csv **ret, tdl_report *why)
{
    tdl_csv_options options = {.delimiter = a->options.delimiter};
    tdl_status st = tdl_csv_open(a->options.path, &options, ret, why);

    if (!st)
        st = find_columns(*ret, "quasi", a->options.quasi, a->quasi, &a->quasi_n, why);
    if (!st)
        st = find_columns(*ret, "sensitive", a->options.sensitive, a->sensitive, &a->sensitive_n,
                          why);
    return st;
}

/* ---- groups ---- */

static void hash_field(crypto_generichash_state *state, tdl_str field)
{
    crypto_generichash_update(state, (const uint8_t *)&field.len, sizeof field.len);
    if (field.len)
        crypto_generichash_update(state, (const uint8_t *)field.at, field.len);
}

static void digest_group(const tdl_anonymity *a, const tdl_str *fields, uint8_t ret[DIGEST_BYTES])
{
    crypto_generichash_state state;

    crypto_generichash_init(&state, NULL, 0, DIGEST_BYTES);
    for (size_t i = 0; i < a->quasi_n; i++)
        hash_field(&state, fields[a->quasi[i]]);
    crypto_generichash_final(&state, ret, DIGEST_BYTES);
}

static group *find_group(const tdl_anonymity *a, const tdl_str *fields)
{
    uint8_t digest[DIGEST_BYTES];
    group *found;

    digest_group(a, fields, digest);
    HASH_FIND(hh, a->groups, digest, DIGEST_BYTES, found);
    return found;
}

static tdl_status too_many(const tdl_anonymity *a, tdl_report *why)
{
    return TDL_FAIL_HINT(why, TDL_E_TOO_LARGE, "name fewer columns, or coarser ones",
                         "%s: more than %d combinations of values", a->options.path, GROUPS_MAX);
}

static tdl_status count_row(tdl_anonymity *a, const tdl_str *fields, group **ret, tdl_report *why)
{
    group *g = find_group(a, fields);

    if (!g) {
        if (a->groups_n == GROUPS_MAX)
            return too_many(a, why);
        if (!(g = calloc(1, sizeof *g + a->sensitive_n * sizeof *g->values)))
            return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
        digest_group(a, fields, g->digest);
        HASH_ADD(hh, a->groups, digest, DIGEST_BYTES, g);
        a->groups_n++;
    }
    g->rows++;
    *ret = g;
    return TDL_OK;
}

/* Only as many values of a group are kept as it takes to know that there are enough. */
static tdl_status count_value(tdl_anonymity *a, group *g, size_t i, tdl_str value, tdl_report *why)
{
    crypto_generichash_state state;
    uint8_t digest[DIGEST_BYTES];
    pair *p;

    if (g->values[i] >= a->options.l)
        return TDL_OK;
    crypto_generichash_init(&state, NULL, 0, DIGEST_BYTES);
    crypto_generichash_update(&state, g->digest, DIGEST_BYTES);
    crypto_generichash_update(&state, (const uint8_t *)&i, sizeof i);
    hash_field(&state, value);
    crypto_generichash_final(&state, digest, DIGEST_BYTES);
    HASH_FIND(hh, a->pairs, digest, DIGEST_BYTES, p);
    if (p)
        return TDL_OK;
    if (a->pairs_n++ == GROUPS_MAX)
        return too_many(a, why);
    if (!(p = malloc(sizeof *p)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    memcpy(p->digest, digest, DIGEST_BYTES);
    HASH_ADD(hh, a->pairs, digest, DIGEST_BYTES, p);
    g->values[i]++;
    return TDL_OK;
}

static tdl_status read_table(tdl_anonymity *a, tdl_report *why)
{
    tdl_csv *csv = NULL;
    const tdl_str *fields;
    bool more = true;
    size_t n;
    tdl_status st = open_table(a, &csv, why);

    while (!st && !(st = tdl_csv_next(csv, &fields, &n, &more, why)) && more) {
        group *g;
        st = count_row(a, fields, &g, why);
        for (size_t i = 0; !st && i < a->sensitive_n; i++)
            st = count_value(a, g, i, fields[a->sensitive[i]], why);
    }
    tdl_csv_close(csv);
    return st;
}

void tdl_anonymity_free(tdl_anonymity *a)
{
    group *g, *next_group;
    pair *p, *next_pair;

    if (!a)
        return;
    HASH_ITER(hh, a->groups, g, next_group)
    {
        HASH_DEL(a->groups, g); // NOLINT(clang-analyzer-unix.Malloc): it cannot follow uthash
        free(g);
    }
    HASH_ITER(hh, a->pairs, p, next_pair)
    {
        HASH_DEL(a->pairs, p); // NOLINT(clang-analyzer-unix.Malloc): it cannot follow uthash
        free(p);
    }
    free(a);
}

tdl_status tdl_anonymity_read(const tdl_anonymity_options *options, tdl_anonymity **ret,
                              tdl_report *why)
{
    tdl_anonymity *a = calloc(1, sizeof *a);
    tdl_status st;

    if (!a)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    a->options = *options;
    if ((st = read_table(a, why)))
        tdl_anonymity_free(a);
    else
        *ret = a;
    return st;
}

/* ---- what they say ---- */

/* Different values of the sensitive column that has the fewest, as far as they were counted; l when
 * there is no such column. */
static uint64_t values_of(const tdl_anonymity *a, const group *g)
{
    uint64_t least = a->options.l;

    for (size_t i = 0; i < a->sensitive_n; i++)
        least = g->values[i] < least ? g->values[i] : least;
    return least;
}

static bool passes(const tdl_anonymity *a, const group *g)
{
    return g->rows >= a->options.k && values_of(a, g) >= a->options.l;
}

static int by_rows(const void *left, const void *right)
{
    const uint64_t *a = left, *b = right;

    return (*a > *b) - (*a < *b);
}

/* The smallest sizes there are. */
static tdl_status find_sizes(const tdl_anonymity *a, tdl_anonymity_outcome *o, tdl_report *why)
{
    uint64_t *rows = malloc((a->groups_n + 1) * sizeof *rows);
    size_t n = 0;

    if (!rows)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    for (const group *g = a->groups; g; g = g->hh.next)
        rows[n++] = g->rows;
    qsort(rows, n, sizeof *rows, by_rows);
    for (size_t i = 0; i < n; i++) {
        if (!o->sizes_n || o->size[o->sizes_n - 1] != rows[i]) {
            if (o->sizes_n == TDL_ANONYMITY_SIZES)
                break;
            o->size[o->sizes_n++] = rows[i];
        }
        o->groups_of[o->sizes_n - 1]++;
    }
    o->smallest = n ? rows[0] : 0;
    free(rows);
    return TDL_OK;
}

tdl_status tdl_anonymity_outcome_of(const tdl_anonymity *a, tdl_anonymity_outcome *ret,
                                    tdl_report *why)
{
    *ret = (tdl_anonymity_outcome){.groups = a->groups_n, .fewest_values = a->options.l};
    for (const group *g = a->groups; g; g = g->hh.next) {
        uint64_t values = values_of(a, g);
        ret->rows += g->rows;
        if (g->rows < a->options.k) {
            ret->groups_below_k++;
            ret->rows_below_k += g->rows;
        }
        if (values < a->options.l) {
            ret->groups_below_l++;
            ret->rows_below_l += g->rows;
        }
        if (!passes(a, g))
            ret->rows_failing += g->rows;
        ret->fewest_values = values < ret->fewest_values ? values : ret->fewest_values;
    }
    return find_sizes(a, ret, why);
}

bool tdl_anonymity_passes(const tdl_anonymity *a, const tdl_str *fields)
{
    const group *g = find_group(a, fields);

    return g && passes(a, g);
}

/* Fitting: see "fitting" in sparse.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apps/recommend/sparse.h"

/* One place where an item occurs. */
typedef struct occurrence {
    size_t user, at;
} occurrence;

/* Entries of the rows of one share of the items, in row order. */
typedef struct share {
    int32_t *column; /* [room], n in use */
    float *value;    /* [room] */
    size_t n, room;
    bool failed;
} share;

typedef struct fit {
    const tdl_fit_data *data;
    const tdl_sparse_recipe *recipe;
    size_t *first;           /* [items_n + 1] into occurrences */
    occurrence *occurrences; /* by item, then in order of users */
    share *shares;           /* [tdl_pool_threads] */
    int64_t *row_n;          /* [items_n + 1] entries of row i at i + 1 */
} fit;

/* Dense working space of one share. */
typedef struct bench {
    tdl_row row;
    int32_t *column;  /* [items_n] */
    double *value;    /* [items_n] */
    float *rank;      /* [items_n] */
    tdl_scored *best; /* [items_n] */
} bench;

static bool list_occurrences(fit *f)
{
    const tdl_interactions *all = f->data->all;
    size_t total = 0;

    f->first = calloc(all->items_n + 2, sizeof *f->first);
    if (!f->first)
        return false;
    for (size_t user = 0; user < all->users_n; user++)
        for (size_t at = all->offsets[user]; at < f->data->end[user]; at++, total++)
            f->first[all->item[at] + 2]++;
    f->occurrences = malloc((total + 1) * sizeof *f->occurrences);
    if (!f->occurrences)
        return false;
    for (size_t i = 2; i <= all->items_n; i++)
        f->first[i] += f->first[i - 1];
    /* first[i + 1] now is where item i begins; filling moves it to where it ends */
    for (size_t user = 0; user < all->users_n; user++)
        for (size_t at = all->offsets[user]; at < f->data->end[user]; at++)
            f->occurrences[f->first[all->item[at] + 1]++] = (occurrence){user, at};
    return true;
}

static bool make_room(share *s, size_t n)
{
    size_t room = s->room ? s->room : 4096;

    while (room - s->n < n)
        room *= 2;
    if (room == s->room)
        return true;
    int32_t *column = realloc(s->column, room * sizeof *column);
    if (column)
        s->column = column;
    float *value = realloc(s->value, room * sizeof *value);
    if (value)
        s->value = value;
    if (!column || !value)
        return false;
    s->room = room;
    return true;
}

/* Take the sums out of the row, columns ascending, and leave it zeroed. */
static size_t collect(bench *b, size_t items_n)
{
    size_t n = 0;

    for (size_t word = 0; word < tdl_bits_words(items_n); word++) {
        for (uint64_t bits = b->row.touched[word]; bits; bits &= bits - 1) {
            size_t column = word * TDL_BITS + (size_t)__builtin_ctzll(bits);
            b->column[n] = (int32_t)column;
            b->value[n++] = b->row.sum[column];
            b->row.sum[column] = 0;
        }
        b->row.touched[word] = 0;
    }
    return n;
}

static int by_number(const void *left, const void *right)
{
    int32_t a = ((const tdl_scored *)left)->item, b = ((const tdl_scored *)right)->item;

    return a < b ? -1 : a > b;
}

/* The k-th largest of numbers above 0, 1 <= k <= n: byte after byte, as their bits are ordered as
 * they are. No order of theirs makes it slow. */
static float kth_largest(const float *value, size_t n, size_t k)
{
    uint32_t found = 0, mask = 0, bits;
    float ret;

    for (unsigned shift = 32; shift;) {
        size_t count[UINT8_MAX + 1] = {0};
        uint32_t byte = UINT8_MAX;

        shift -= 8;
        for (size_t i = 0; i < n; i++) {
            memcpy(&bits, value + i, sizeof bits);
            if ((bits & mask) == found)
                count[bits >> shift & UINT8_MAX]++;
        }
        for (; count[byte] < k; byte--)
            k -= count[byte];
        found |= byte << shift;
        mask |= (uint32_t)UINT8_MAX << shift;
    }
    memcpy(&ret, &found, sizeof ret);
    return ret;
}

/* The `keep` < n largest of numbers above 0, by number; of equal ones those of lower number. */
static void choose_largest(const float *value, size_t n, size_t keep, tdl_scored *ret)
{
    float least = kth_largest(value, n, keep);
    size_t equal = keep, kept = 0;

    for (size_t i = 0; i < n; i++)
        equal -= value[i] > least;
    for (size_t i = 0; kept < keep; i++)
        if (value[i] > least || (value[i] == least && equal && equal--))
            ret[kept++] = (tdl_scored){value[i], (int32_t)i};
}

/* Which entries of a row of n > keep stay, into `ret`, by number. */
static size_t choose(const float *value, size_t n, size_t keep, tdl_scored *ret)
{
    size_t positive = 0;

    for (size_t i = 0; i < n; i++)
        positive += value[i] > 0 && value[i] < INFINITY;
    if (positive == n) { // counts are
        choose_largest(value, n, keep, ret);
        return keep;
    }
    size_t kept = tdl_top_spoken(value, n, NULL, ret, keep);
    qsort(ret, kept, sizeof *ret, by_number);
    return kept;
}

/* Append the row in `b`, cut to its `keep` largest entries. */
static bool append_row(share *s, bench *b, size_t n, size_t keep)
{
    size_t kept = n;

    for (size_t i = 0; i < n; i++)
        b->rank[i] = (float)b->value[i];
    if (keep && n > keep)
        kept = choose(b->rank, n, keep, b->best);
    if (!make_room(s, kept))
        return false;
    for (size_t i = 0; i < kept; i++) {
        size_t from = kept == n ? i : (size_t)b->best[i].item;
        s->column[s->n + i] = b->column[from];
        s->value[s->n + i] = b->rank[from];
    }
    s->n += kept;
    return true;
}

static void release_bench(bench *b)
{
    free(b->row.sum);
    free(b->row.touched);
    free(b->column);
    free(b->value);
    free(b->rank);
    free(b->best);
}

static bool make_bench(bench *b, size_t items_n)
{
    b->row.sum = calloc(items_n, sizeof *b->row.sum);
    b->row.touched = calloc(tdl_bits_words(items_n), sizeof *b->row.touched);
    b->column = malloc(items_n * sizeof *b->column);
    b->value = malloc(items_n * sizeof *b->value);
    b->rank = malloc(items_n * sizeof *b->rank);
    b->best = malloc(items_n * sizeof *b->best);
    return b->row.sum && b->row.touched && b->column && b->value && b->rank && b->best;
}

static void fit_rows(void *context, size_t begin, size_t end, unsigned part)
{
    fit *f = context;
    share *s = &f->shares[part];
    size_t items_n = f->data->all->items_n;
    bench b = {0};

    if (!make_bench(&b, items_n)) {
        s->failed = true;
        goto out;
    }
    for (size_t item = begin; item < end; item++) {
        size_t before = s->n;
        for (size_t i = f->first[item]; i < f->first[item + 1]; i++)
            f->recipe->occurrence(f->recipe->context, f->data, f->occurrences[i].user,
                                  f->occurrences[i].at, &b.row);
        size_t n = collect(&b, items_n);
        if (f->recipe->finish)
            f->recipe->finish(f->recipe->context, (int32_t)item, b.column, b.value, n);
        if (!append_row(s, &b, n, f->recipe->keep)) {
            s->failed = true;
            goto out;
        }
        f->row_n[item + 1] = (int64_t)(s->n - before);
    }
out:
    release_bench(&b);
}

/* Shares hold contiguous items in ascending order: their entries in a row are the matrix. */
static bool join_shares(fit *f, unsigned shares_n, tdl_sparse *ret)
{
    size_t items_n = f->data->all->items_n, total = 0;
    bool failed = false;

    for (unsigned i = 0; i < shares_n; i++) {
        total += f->shares[i].n;
        failed = failed || f->shares[i].failed;
    }
    if (failed)
        return false;
    tdl_sparse matrix = {.items_n = items_n,
                         .offsets = f->row_n,
                         .column = malloc((total + 1) * sizeof *matrix.column),
                         .value = malloc((total + 1) * sizeof *matrix.value)};
    f->row_n = NULL; // the matrix's now
    if (!matrix.column || !matrix.value) {
        tdl_sparse_release(&matrix);
        return false;
    }
    for (size_t item = 0; item < items_n; item++)
        matrix.offsets[item + 1] += matrix.offsets[item];
    size_t at = 0;
    for (unsigned i = 0; i < shares_n; i++) {
        const share *s = &f->shares[i];
        if (s->n) {
            memcpy(matrix.column + at, s->column, s->n * sizeof *s->column);
            memcpy(matrix.value + at, s->value, s->n * sizeof *s->value);
        }
        at += s->n;
    }
    *ret = matrix;
    return true;
}

tdl_status tdl_sparse_fit(const tdl_fit_data *data, const tdl_sparse_recipe *recipe,
                          const tdl_fit_options *options, tdl_sparse *ret, tdl_report *why)
{
    fit f = {.data = data, .recipe = recipe};
    unsigned shares_n = tdl_pool_threads(options->pool);
    size_t items_n = data->all->items_n;
    tdl_status st = TDL_OK;

    if (options->progress && !options->progress(options->progress_context, "counting", 0, NULL))
        return TDL_FAIL(why, TDL_E_STOPPED, "stopped before counting");
    f.shares = calloc(shares_n, sizeof *f.shares);
    f.row_n = calloc(items_n + 1, sizeof *f.row_n);
    if (!f.shares || !f.row_n || !list_occurrences(&f)) {
        st = TDL_E_NO_MEMORY;
        goto out;
    }
    tdl_pool_run(options->pool, items_n, 64, fit_rows, &f);
    if (!join_shares(&f, shares_n, ret))
        st = TDL_E_NO_MEMORY;
out:
    if (st)
        TDL_FAIL(why, st, "no memory to count over %zu items", items_n);
    for (unsigned i = 0; f.shares && i < shares_n; i++) {
        free(f.shares[i].column);
        free(f.shares[i].value);
    }
    free(f.shares);
    free(f.first);
    free(f.occurrences);
    free(f.row_n);
    return st;
}

tdl_status tdl_sparse_cut(tdl_sparse *matrix, size_t keep, tdl_report *why)
{
    tdl_scored *best = malloc((keep + 1) * sizeof *best);
    int64_t to = 0, begin = 0;

    if (!best)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to cut rows to %zu", keep);
    for (size_t row = 0; keep && row < matrix->items_n; row++) {
        int64_t end = matrix->offsets[row + 1];
        size_t n = (size_t)(end - begin);
        bool all = n <= keep;
        if (!all)
            n = choose(matrix->value + begin, n, keep, best);
        for (size_t i = 0; i < n; i++, to++) { // to <= from: rows only get shorter
            int64_t from = begin + (all ? (int64_t)i : best[i].item);
            matrix->column[to] = matrix->column[from];
            matrix->value[to] = matrix->value[from];
        }
        matrix->offsets[row + 1] = to;
        begin = end;
    }
    free(best);
    return TDL_OK;
}

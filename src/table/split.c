/* Folds: reproducible in any language that has unsigned integers of 64 bits. */
#include "table/split.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

uint64_t tdl_split_key(uint64_t seed, uint64_t row)
{
    uint64_t z = seed + (row + 1) * UINT64_C(0x9E3779B97F4A7C15);

    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

/* ---- stratified ---- */

typedef struct place {
    int32_t class;
    uint64_t key;
    size_t row;
} place;

static int by_class_and_key(const void *a, const void *b)
{
    const place *x = a, *y = b;

    if (x->class != y->class)
        return x->class < y->class ? -1 : 1;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static tdl_status check_folds(size_t rows, size_t k, tdl_report *why)
{
    if (k < 2 || k > UINT32_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "%zu folds: at least 2 are needed", k);
    if (rows > UINT32_MAX)
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "%zu rows: too many to split", rows);
    if (rows < k)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "ask for fewer folds",
                             "%zu rows cannot make %zu folds", rows, k);
    return TDL_OK;
}

static tdl_status number_folds(const place *places, size_t rows, bool stratified, size_t k,
                               uint32_t *ret_fold, tdl_report *why)
{
    for (size_t begin = 0, end; begin < rows; begin = end) {
        for (end = begin; end < rows && places[end].class == places[begin].class; end++)
            ret_fold[places[end].row] = (uint32_t)((end - begin) % k);
        if (stratified && end - begin < k)
            return TDL_FAIL_HINT(why, TDL_E_INVALID,
                                 "ask for fewer folds, or put rare classes together",
                                 "class %d has %zu rows: too few for %zu folds",
                                 (int)places[begin].class, end - begin, k);
    }
    return TDL_OK;
}

tdl_status tdl_split_folds(size_t rows, const int32_t *class_of, const uint64_t *row_key,
                           uint64_t seed, size_t k, uint32_t *ret_fold, tdl_report *why)
{
    place *places;
    tdl_status st;

    if ((st = check_folds(rows, k, why)))
        return st;
    places = calloc(rows, sizeof *places);
    if (!places)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the folds of %zu rows", rows);
    for (size_t i = 0; i < rows; i++)
        places[i] = (place){.class = class_of ? class_of[i] : 0,
                            .key = tdl_split_key(seed, row_key ? row_key[i] : i),
                            .row = i};
    qsort(places, rows, sizeof *places, by_class_and_key);
    st = number_folds(places, rows, class_of != NULL, k, ret_fold, why);
    free(places);
    return st;
}

/* ---- by group ---- */

typedef struct cluster {
    size_t begin, n; /* among places sorted by group */
    uint64_t key;
} cluster;

static int largest_first(const void *a, const void *b)
{
    const cluster *x = a, *y = b;

    if (x->n != y->n)
        return x->n > y->n ? -1 : 1;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return (x->begin > y->begin) - (x->begin < y->begin);
}

static size_t find_clusters(const place *places, size_t rows, uint64_t seed, cluster *ret)
{
    size_t n = 0;

    for (size_t begin = 0, end; begin < rows; begin = end) {
        for (end = begin; end < rows && places[end].class == places[begin].class;)
            end++;
        ret[n++] = (cluster){begin, end - begin,
                             tdl_split_key(seed, (uint64_t)(int64_t)places[begin].class)};
    }
    return n;
}

static void deal(const cluster *clusters, size_t clusters_n, const place *places, size_t k,
                 size_t *size /* [k], zero */, uint32_t *ret_fold)
{
    for (size_t c = 0; c < clusters_n; c++) {
        size_t least = 0;

        for (size_t f = 1; f < k; f++)
            if (size[f] < size[least])
                least = f;
        for (size_t i = 0; i < clusters[c].n; i++)
            ret_fold[places[clusters[c].begin + i].row] = (uint32_t)least;
        size[least] += clusters[c].n;
    }
}

tdl_status tdl_split_groups(size_t rows, const int32_t *group, uint64_t seed, size_t k,
                            uint32_t *ret_fold, tdl_report *why)
{
    place *places = NULL;
    cluster *clusters = NULL; /* [rows], the first clusters_n in use */
    size_t *size = NULL;      /* [k] rows of a fold */
    size_t clusters_n;
    tdl_status st;

    if ((st = check_folds(rows, k, why)))
        return st;
    places = calloc(rows, sizeof *places);
    clusters = calloc(rows, sizeof *clusters);
    size = calloc(k, sizeof *size);
    if (!places || !clusters || !size) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the folds of %zu rows", rows);
        goto out;
    }
    for (size_t i = 0; i < rows; i++)
        places[i] = (place){.class = group[i], .row = i};
    qsort(places, rows, sizeof *places, by_class_and_key);
    clusters_n = find_clusters(places, rows, seed, clusters);
    if (clusters_n < k) {
        st = TDL_FAIL_HINT(why, TDL_E_INVALID, "ask for fewer folds",
                           "%zu groups cannot make %zu folds", clusters_n, k);
        goto out;
    }
    qsort(clusters, clusters_n, sizeof *clusters, largest_first);
    deal(clusters, clusters_n, places, k, size, ret_fold);
out:
    free(places);
    free(clusters);
    free(size);
    return st;
}

/* ---- by time ---- */

typedef struct moment {
    double time;
    size_t row;
} moment;

static int by_time(const void *a, const void *b)
{
    const moment *x = a, *y = b;

    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

tdl_status tdl_split_time(size_t rows, const double *time, size_t k, uint32_t *ret_fold,
                          tdl_report *why)
{
    moment *moments;
    size_t blocks_used = 0;
    tdl_status st;

    if ((st = check_folds(rows, k, why)))
        return st;
    for (size_t i = 0; i < rows; i++)
        if (!isfinite(time[i]))
            return TDL_FAIL_HINT(why, TDL_E_INVALID, "leave such rows out",
                                 "row %zu has no time to split by", i + 1);
    moments = calloc(rows, sizeof *moments);
    if (!moments)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the folds of %zu rows", rows);
    for (size_t i = 0; i < rows; i++)
        moments[i] = (moment){time[i], i};
    qsort(moments, rows, sizeof *moments, by_time);
    for (size_t begin = 0, end, last = SIZE_MAX; begin < rows; begin = end) {
        size_t block = (size_t)((uint64_t)begin * (k + 1) / rows);

        for (end = begin; end < rows && moments[end].time == moments[begin].time; end++)
            ret_fold[moments[end].row] = (uint32_t)(block < k ? block : k);
        blocks_used += block != last;
        last = block;
    }
    if (blocks_used < k + 1)
        st = TDL_FAIL_HINT(why, TDL_E_INVALID, "ask for fewer folds",
                           "the times make %zu blocks, %zu folds need %zu", blocks_used, k, k + 1);
    free(moments);
    return st;
}

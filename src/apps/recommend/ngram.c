#include "apps/recommend/ngram.h"

#include <stdbool.h>
#include <stdlib.h>

enum { ROOT = 0, FIRST_SLOTS = 1024, LEVELS = TDL_NGRAM_ORDER_MAX + 1 };

/* Contexts are nodes of a tree: the root is "whatever came before", its children are the last
 * symbol, theirs the one before. Edges stand in one table of open addressing. */
struct tdl_ngram {
    size_t classes_n;
    uint64_t *edge; /* [slots_n] 1 + parent * (classes_n + 1) + symbol; 0 = free */
    uint32_t *child;
    size_t slots_n, nodes_n;
    size_t *row;     /* [nodes_n + 1] into next and count */
    int32_t *next;   /* ascending within a node */
    uint32_t *count; /* how often it followed */
    double *total;   /* [nodes_n] of a node's counts */
};

static tdl_status no_memory(tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to count what follows what");
}

void tdl_ngram_free(tdl_ngram *m)
{
    if (!m)
        return;
    free(m->edge);
    free(m->child);
    free(m->row);
    free(m->next);
    free(m->count);
    free(m->total);
    free(m);
}

/* ---- the tree ---- */

static size_t slot_of(const tdl_ngram *m, uint64_t key)
{
    size_t at = (size_t)(key * 0x9E3779B97F4A7C15u >> 20) & (m->slots_n - 1);

    while (m->edge[at] && m->edge[at] != key)
        at = (at + 1) & (m->slots_n - 1);
    return at;
}

static uint64_t key_of(const tdl_ngram *m, uint32_t node, int32_t symbol)
{
    return 1 + (uint64_t)node * (m->classes_n + 1) + (uint64_t)symbol;
}

static bool make_slots(tdl_ngram *m, size_t slots_n)
{
    uint64_t *edge = m->edge;
    uint32_t *child = m->child;
    size_t n = m->slots_n;

    m->edge = calloc(slots_n, sizeof *m->edge);
    m->child = calloc(slots_n, sizeof *m->child);
    m->slots_n = slots_n;
    bool ok = m->edge && m->child;
    for (size_t i = 0; ok && i < n; i++)
        if (edge[i]) {
            size_t at = slot_of(m, edge[i]);
            m->edge[at] = edge[i];
            m->child[at] = child[i];
        }
    free(edge);
    free(child);
    return ok;
}

/* The node behind `symbol`, made if it is not there. */
static tdl_status grow(tdl_ngram *m, uint32_t node, int32_t symbol, uint32_t *ret, tdl_report *why)
{
    if (2 * m->nodes_n >= m->slots_n && !make_slots(m, 2 * m->slots_n))
        return no_memory(why);
    uint64_t key = key_of(m, node, symbol);
    size_t at = slot_of(m, key);
    if (!m->edge[at]) {
        if (m->nodes_n > INT32_MAX)
            return TDL_FAIL(why, TDL_E_TOO_LARGE, "more than 2^31 contexts");
        m->edge[at] = key;
        m->child[at] = (uint32_t)m->nodes_n++;
    }
    *ret = m->child[at];
    return TDL_OK;
}

/* ROOT where the context was never met. */
static uint32_t find(const tdl_ngram *m, uint32_t node, int32_t symbol)
{
    size_t at = slot_of(m, key_of(m, node, symbol));

    return m->edge[at] ? m->child[at] : ROOT;
}

/* The symbol k places before the end; what stands before the beginning is a symbol of its own. */
static int32_t back(const tdl_ngram *m, const int32_t *before, size_t n, size_t k)
{
    return k <= n ? before[n - k] : (int32_t)m->classes_n;
}

/* ---- counting ---- */

static int by_value(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

    return a < b ? -1 : a > b;
}

/* pair [n] node << 32 | next, sorted: rows of the distinct ones. */
static tdl_status make_rows(tdl_ngram *m, const uint64_t *pair, size_t n, tdl_report *why)
{
    size_t distinct = 0;

    for (size_t i = 0; i < n; i++)
        distinct += !i || pair[i] != pair[i - 1];
    m->row = calloc(m->nodes_n + 1, sizeof *m->row);
    m->next = calloc(distinct + 1, sizeof *m->next);
    m->count = calloc(distinct + 1, sizeof *m->count);
    m->total = calloc(m->nodes_n, sizeof *m->total);
    if (!m->row || !m->next || !m->count || !m->total)
        return no_memory(why);
    for (size_t i = 0, at = 0; i < n; i++) {
        size_t node = (size_t)(pair[i] >> 32);
        if (!i || pair[i] != pair[i - 1]) {
            m->next[at++] = (int32_t)(uint32_t)pair[i];
            m->row[node + 1] = at;
        }
        m->count[at - 1]++;
        m->total[node]++;
    }
    for (size_t node = 0; node < m->nodes_n; node++) // of nodes that nothing followed
        if (m->row[node + 1] < m->row[node])
            m->row[node + 1] = m->row[node];
    return TDL_OK;
}

tdl_status tdl_ngram_fit(const int32_t *symbol, const size_t *offsets, size_t sequences_n,
                         size_t classes_n, tdl_ngram **ret, tdl_report *why)
{
    size_t symbols_n = offsets[sequences_n], n = 0;
    tdl_ngram *m = calloc(1, sizeof *m);
    uint64_t *pair = symbols_n < SIZE_MAX / LEVELS / sizeof *pair
                         ? malloc((symbols_n * LEVELS + 1) * sizeof *pair)
                         : NULL;
    tdl_status st = TDL_OK;

    if (m) {
        m->classes_n = classes_n;
        m->nodes_n = 1;
    }
    if (!m || !pair || !make_slots(m, FIRST_SLOTS))
        st = no_memory(why);
    for (size_t s = 0; !st && s < sequences_n; s++)
        for (size_t i = offsets[s]; !st && i < offsets[s + 1]; i++) {
            uint32_t node = ROOT;
            pair[n++] = (uint32_t)symbol[i];
            for (size_t k = 1; !st && k < LEVELS; k++) {
                int32_t one = back(m, symbol + offsets[s], i - offsets[s], k);
                st = grow(m, node, one, &node, why);
                pair[n++] = (uint64_t)node << 32 | (uint32_t)symbol[i];
            }
        }
    if (!st) {
        qsort(pair, n, sizeof *pair, by_value);
        st = make_rows(m, pair, n, why);
    }
    free(pair);
    if (!st) {
        *ret = m;
        m = NULL;
    }
    tdl_ngram_free(m);
    return st;
}

/* ---- asking ---- */

static double count_of(const tdl_ngram *m, uint32_t node, int32_t next)
{
    size_t low = m->row[node], high = m->row[node + 1];

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (m->next[middle] < next)
            low = middle + 1;
        else
            high = middle;
    }
    return low < m->row[node + 1] && m->next[low] == next ? m->count[low] : 0;
}

/* The contexts of `before` that were met, shortest first: how many of ret [LEVELS]. */
static size_t contexts(const tdl_ngram *m, size_t order, const int32_t *before, size_t n,
                       uint32_t ret[LEVELS])
{
    size_t k = 1;

    ret[0] = ROOT;
    while (k <= order && (ret[k] = find(m, ret[k - 1], back(m, before, n, k))))
        k++;
    return m->total[ROOT] > 0 ? k : 0;
}

static double strength(const tdl_ngram *m, tdl_ngram_form form, uint32_t node)
{
    return form.prior > 0 ? form.prior : (double)(m->row[node + 1] - m->row[node]);
}

void tdl_ngram_after(const tdl_ngram *m, tdl_ngram_form form, const int32_t *before, size_t n,
                     double *ret)
{
    uint32_t node[LEVELS];
    size_t levels = contexts(m, form.order, before, n, node);

    for (size_t c = 0; c < m->classes_n; c++)
        ret[c] = 1 / (double)m->classes_n;
    for (size_t k = 0; k < levels; k++) {
        double w = strength(m, form, node[k]), whole = m->total[node[k]] + w;
        for (size_t c = 0; c < m->classes_n; c++)
            ret[c] *= w / whole;
        for (size_t i = m->row[node[k]]; i < m->row[node[k] + 1]; i++)
            ret[m->next[i]] += m->count[i] / whole;
    }
}

double tdl_ngram_of(const tdl_ngram *m, tdl_ngram_form form, const int32_t *before, size_t n,
                    int32_t next)
{
    uint32_t node[LEVELS];
    size_t levels = contexts(m, form.order, before, n, node);
    double p = 1 / (double)m->classes_n;

    for (size_t k = 0; k < levels; k++) {
        double w = strength(m, form, node[k]);
        p = (count_of(m, node[k], next) + w * p) / (m->total[node[k]] + w);
    }
    return p;
}

size_t tdl_ngram_bytes(const tdl_ngram *m)
{
    return sizeof *m + m->slots_n * (sizeof *m->edge + sizeof *m->child) +
           (m->nodes_n + 1) * (sizeof *m->row + sizeof *m->total) +
           m->row[m->nodes_n] * (sizeof *m->next + sizeof *m->count);
}

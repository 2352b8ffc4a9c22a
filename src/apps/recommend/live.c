#include "apps/recommend/live.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apps/recommend/top.h"

enum {
    FIRST_SLOTS = 8,
    EMPTY = -1,
    GROUP_MAX = 2000,      /* as directed.c */
    SIZED_GROUP_MAX = 256, /* with size_power: each item of a group changes what all of it told */
    FIRST_ITEMS = 1024
};

static const double UNIT = 0x1p36; /* counts are whole numbers of 1 / UNIT */

typedef struct live_row {
    int32_t *item;  /* [slots_n] or EMPTY */
    int64_t *count; /* [slots_n] */
    uint32_t slots_n, used;
    int64_t sum; /* of all there ever was */
} live_row;

struct tdl_live {
    tdl_directed_params params;
    double *step;        /* [window + 1] step_decay^(k - 1) at k */
    size_t items_n, cap; /* */
    live_row *row;       /* [cap], items_n in use */
    int64_t *column_sum; /* [cap] */
};

static bool grow_items(tdl_live *l, size_t items_n)
{
    size_t cap = l->cap ? l->cap : FIRST_ITEMS;

    if (items_n <= l->items_n)
        return true;
    while (cap < items_n)
        cap *= 2;
    if (cap > l->cap) {
        live_row *row = realloc(l->row, cap * sizeof *row);
        if (row)
            l->row = row;
        int64_t *column_sum = realloc(l->column_sum, cap * sizeof *column_sum);
        if (column_sum)
            l->column_sum = column_sum;
        if (!row || !column_sum)
            return false;
        l->cap = cap;
    }
    memset(l->row + l->items_n, 0, (items_n - l->items_n) * sizeof *l->row);
    memset(l->column_sum + l->items_n, 0, (items_n - l->items_n) * sizeof *l->column_sum);
    l->items_n = items_n;
    return true;
}

tdl_live *tdl_live_new(const tdl_directed_params *params, size_t items_n)
{
    tdl_live *l = calloc(1, sizeof *l);

    if (!l)
        return NULL;
    l->params = *params;
    l->step = malloc((params->window + 1) * sizeof *l->step);
    if (!l->step || !grow_items(l, items_n)) {
        tdl_live_free(l);
        return NULL;
    }
    l->step[0] = 0;
    for (size_t k = 1; k <= params->window; k++)
        l->step[k] = k == 1 ? 1 : l->step[k - 1] * params->step_decay;
    return l;
}

void tdl_live_free(tdl_live *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < l->items_n; i++) {
        free(l->row[i].item);
        free(l->row[i].count);
    }
    free(l->row);
    free(l->column_sum);
    free(l->step);
    free(l);
}

const tdl_directed_params *tdl_live_params(const tdl_live *l)
{
    return &l->params;
}

/* ---- rows ---- */

/* The slot of an item, or the free one where it belongs; slots_n is a power of two, never full. */
static size_t find_slot(const live_row *r, int32_t item)
{
    size_t at = ((uint32_t)item * UINT32_C(2654435761)) & (r->slots_n - 1);

    while (r->item[at] != EMPTY && r->item[at] != item)
        at = (at + 1) & (r->slots_n - 1);
    return at;
}

static bool is_full(const live_row *r)
{
    return r->used + 1 > r->slots_n - r->slots_n / 8;
}

static bool grow(live_row *r)
{
    live_row to = *r;

    to.slots_n = r->slots_n ? 2 * r->slots_n : FIRST_SLOTS;
    to.item = malloc(to.slots_n * sizeof *to.item);
    to.count = malloc(to.slots_n * sizeof *to.count);
    if (!to.item || !to.count) {
        free(to.item);
        free(to.count);
        return false;
    }
    for (size_t i = 0; i < to.slots_n; i++)
        to.item[i] = EMPTY;
    for (size_t i = 0; i < r->slots_n; i++) {
        if (r->item[i] == EMPTY)
            continue;
        size_t at = find_slot(&to, r->item[i]);
        to.item[at] = r->item[i];
        to.count[at] = r->count[i];
    }
    free(r->item);
    free(r->count);
    *r = to;
    return true;
}

/* What stood behind the slot moves up. */
static void remove_slot(live_row *r, size_t slot)
{
    size_t mask = r->slots_n - 1;

    r->item[slot] = EMPTY;
    r->used--;
    for (size_t i = (slot + 1) & mask; r->item[i] != EMPTY; i = (i + 1) & mask) {
        int32_t item = r->item[i];
        int64_t count = r->count[i];
        r->item[i] = EMPTY;
        size_t at = find_slot(r, item);
        r->item[at] = item;
        r->count[at] = count;
    }
}

typedef struct entry {
    int64_t count;
    int32_t item;
} entry;

/* The smallest count goes first, of equal ones the highest number. */
static bool goes_before(entry a, entry b)
{
    return a.count < b.count || (a.count == b.count && a.item > b.item);
}

/* Hoare's partition: the first ret + 1 < n entries go before the others, or are as the pivot. */
static size_t partition(entry *e, size_t n)
{
    entry pivot = e[(n - 1) / 2];
    size_t low = 0, high = n - 1;

    for (;; low++, high--) {
        while (goes_before(e[low], pivot))
            low++;
        while (goes_before(pivot, e[high]))
            high--;
        if (low >= high)
            return high;
        entry swap = e[low];
        e[low] = e[high];
        e[high] = swap;
    }
}

/* Quickselect: the k that go first stand at the front, 0 < k < n. */
static void select_first(entry *e, size_t n, size_t k)
{
    while (n > 1) {
        size_t left = partition(e, n) + 1;
        if (k <= left) {
            n = left;
        } else {
            e += left;
            n -= left;
            k -= left;
        }
    }
}

/* The smallest eighth of a full row, so that what comes new has time to grow, and a look at all of
 * the row pays for many. */
static bool evict(live_row *r)
{
    entry *e = malloc(r->used * sizeof *e);
    size_t n = 0, k = r->used / 8 ? r->used / 8 : 1;

    if (!e)
        return false;
    for (size_t i = 0; i < r->slots_n; i++)
        if (r->item[i] != EMPTY)
            e[n++] = (entry){r->count[i], r->item[i]};
    select_first(e, n, k);
    for (size_t i = 0; i < k; i++)
        remove_slot(r, find_slot(r, e[i].item));
    free(e);
    return true;
}

static int64_t plus(int64_t a, int64_t b)
{
    int64_t sum;

    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

static bool add_entry(tdl_live *l, live_row *r, int32_t j, int64_t units)
{
    if (l->params.row_max && r->used == l->params.row_max && !evict(r))
        return false;
    if (is_full(r) && !grow(r))
        return false;
    size_t at = find_slot(r, j);
    r->item[at] = j;
    r->count[at] = units;
    r->used++;
    return true;
}

/* units below 0: taken back. What a full row has lost cannot be. */
static bool add(tdl_live *l, int32_t i, int32_t j, int64_t units)
{
    live_row *r = &l->row[i];

    if (!units)
        return true; // of a kind that does not count
    r->sum = plus(r->sum, units);
    l->column_sum[j] = plus(l->column_sum[j], units);
    size_t at = r->slots_n ? find_slot(r, j) : 0;
    if (!r->slots_n || r->item[at] != j)
        return units <= 0 || add_entry(l, r, j, units);
    r->count[at] = plus(r->count[at], units);
    if (r->count[at] <= 0)
        remove_slot(r, at);
    return true;
}

/* ---- learning ---- */

static double size_weight(size_t size, double power)
{
    return power == 0 ? 1 : pow((double)size, -power);
}

static int64_t units_of(double weight, int sign)
{
    return sign * (int64_t)llround(weight * UNIT);
}

size_t tdl_live_group_max(const tdl_live *l)
{
    return l->params.size_power == 0 ? GROUP_MAX : SIZED_GROUP_MAX;
}

static bool make_room(tdl_live *l, tdl_live_group g)
{
    int32_t most = -1;

    for (size_t i = 0; i < g.n; i++)
        most = g.item[i] > most ? g.item[i] : most;
    return most < 0 || grow_items(l, (size_t)most + 1);
}

/* Of the event at `at` as what follows. */
static int64_t weight_at(const tdl_live_group *g, size_t at)
{
    return g->mark ? g->mark[at].weight : 1;
}

bool tdl_live_pair(tdl_live *l, tdl_live_group earlier, tdl_live_group later, size_t steps,
                   int sign)
{
    const tdl_directed_params *p = &l->params;
    bool ok = true;

    if (steps > p->window || earlier.n > tdl_live_group_max(l) || later.n > tdl_live_group_max(l))
        return true;
    if (!make_room(l, earlier) || !make_room(l, later))
        return false;
    double weight = l->step[steps] *
                    (size_weight(earlier.n, p->size_power) * size_weight(later.n, p->size_power));
    int64_t forward = units_of(weight, sign), backward = units_of(weight * p->backward, sign);
    for (size_t a = 0; ok && a < earlier.n; a++)
        for (size_t b = 0; ok && b < later.n; b++) {
            ok = add(l, earlier.item[a], later.item[b], forward * weight_at(&later, b));
            if (ok && backward)
                ok = add(l, later.item[b], earlier.item[a], backward * weight_at(&earlier, a));
        }
    return ok;
}

bool tdl_live_within(tdl_live *l, tdl_live_group g, int sign)
{
    bool ok = true;

    if (g.n < 2 || g.n > tdl_live_group_max(l))
        return true;
    if (!make_room(l, g))
        return false;
    int64_t units =
        units_of(l->params.same_group * size_weight(g.n - 1, l->params.size_power), sign);
    for (size_t a = 0; ok && units && a < g.n; a++)
        for (size_t b = 0; ok && b < g.n; b++)
            ok = a == b || add(l, g.item[a], g.item[b], units * weight_at(&g, b));
    return ok;
}

bool tdl_live_within_one(tdl_live *l, tdl_live_group others, tdl_live_group one)
{
    int64_t units = units_of(l->params.same_group, 1);
    bool ok = make_room(l, others) && make_room(l, one);

    for (size_t a = 0; ok && units && a < others.n; a++)
        ok = add(l, others.item[a], one.item[0], units * weight_at(&one, 0)) &&
             add(l, one.item[0], others.item[a], units * weight_at(&others, a));
    return ok;
}

tdl_status tdl_live_learn(tdl_live *l, const tdl_history *before, const int32_t *item, size_t n)
{
    tdl_live_group later = {.item = item, .n = n};
    size_t end = before->n;

    if (!tdl_live_within(l, later, 1))
        return TDL_E_NO_MEMORY;
    for (size_t k = 1; k <= l->params.window && end; k++) {
        size_t begin = end - 1;
        while (begin && before->time_us[begin - 1] == before->time_us[end - 1])
            begin--;
        if (!tdl_live_pair(l, (tdl_live_group){.item = before->item + begin, .n = end - begin},
                           later, k, 1))
            return TDL_E_NO_MEMORY;
        end = begin;
    }
    return TDL_OK;
}

/* ---- asking ---- */

/* Adds `weight` times the row's shares; of items not in `spoken` yet a score begins. */
static void add_row(const tdl_live *l, int32_t item, double weight, float *scores, size_t items_n,
                    uint64_t *spoken)
{
    if ((size_t)item >= l->items_n)
        return;
    const live_row *r = &l->row[item];
    double each = weight / ((double)r->sum + l->params.shrinkage * UNIT);
    for (size_t at = 0; at < r->slots_n; at++) {
        int32_t to = r->item[at];
        if (to == EMPTY || (size_t)to >= items_n)
            continue;
        if (spoken && !tdl_bits_has(spoken, to)) {
            tdl_bits_set(spoken, to);
            scores[to] = 0;
        }
        scores[to] += (float)(each * (double)r->count[at]);
    }
}

static void damp_one(const tdl_live *l, size_t item, float *score)
{
    if (item < l->items_n && *score != 0)
        *score *= (float)pow((double)l->column_sum[item] / UNIT + l->params.shrinkage,
                             -l->params.damping);
}

static void damp(const tdl_live *l, float *scores, size_t items_n, const uint64_t *spoken)
{
    if (!(l->params.damping > 0))
        return;
    for (size_t j = 0; !spoken && j < items_n; j++)
        damp_one(l, j, &scores[j]);
    for (size_t at = 0; spoken && at < tdl_bits_words(items_n); at++)
        for (uint64_t w = spoken[at]; w; w &= w - 1) {
            size_t j = (size_t)tdl_bits_first(w, at);
            damp_one(l, j, &scores[j]);
        }
}

tdl_status tdl_live_score(const tdl_live *l, const tdl_history *history, tdl_arena *scratch,
                          float *scores, size_t items_n, uint64_t *spoken)
{
    size_t from = 0;
    const double *weight = tdl_directed_weights(&l->params, history, scratch, &from);

    if (!weight)
        return TDL_E_NO_MEMORY;
    if (!spoken)
        memset(scores, 0, items_n * sizeof *scores);
    for (size_t i = from; i < history->n; i++)
        add_row(l, history->item[i], weight[i], scores, items_n, spoken);
    damp(l, scores, items_n, spoken);
    return TDL_OK;
}

void tdl_live_similar_row(const tdl_live *l, int32_t item, float *scores, size_t items_n)
{
    memset(scores, 0, items_n * sizeof *scores);
    add_row(l, item, 1, scores, items_n, NULL);
    damp(l, scores, items_n, NULL);
}

double tdl_live_count(const tdl_live *l, int32_t i, int32_t j)
{
    if ((size_t)i >= l->items_n)
        return 0;
    const live_row *r = &l->row[i];
    size_t at = r->slots_n ? find_slot(r, j) : 0;

    return r->slots_n && r->item[at] == j ? (double)r->count[at] / UNIT : 0;
}

double tdl_live_sum(const tdl_live *l, int32_t i)
{
    return (size_t)i < l->items_n ? (double)l->row[i].sum / UNIT : 0;
}

size_t tdl_live_bytes(const tdl_live *l)
{
    size_t bytes = l->items_n * (sizeof *l->row + sizeof *l->column_sum);

    for (size_t i = 0; i < l->items_n; i++)
        bytes += l->row[i].slots_n * (sizeof *l->row[i].item + sizeof *l->row[i].count);
    return bytes;
}

#include "apps/recommend/live.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_SLOTS = 8, EMPTY = -1, GROUP_MAX = 2000 /* as directed.c */ };

typedef struct live_row {
    int32_t *item; /* [slots_n] or EMPTY */
    float *weight; /* [slots_n] */
    size_t slots_n, used;
    double sum; /* of all there ever was */
} live_row;

struct tdl_live {
    tdl_directed_params params;
    size_t items_n;
    live_row *row;      /* [items_n] */
    double *column_sum; /* [items_n] */
};

tdl_live *tdl_live_new(const tdl_directed_params *params, size_t items_n)
{
    tdl_live *l = calloc(1, sizeof *l);

    if (!l)
        return NULL;
    *l = (tdl_live){.params = *params,
                    .items_n = items_n,
                    .row = calloc(items_n + 1, sizeof *l->row),
                    .column_sum = calloc(items_n + 1, sizeof *l->column_sum)};
    if (l->row && l->column_sum)
        return l;
    tdl_live_free(l);
    return NULL;
}

void tdl_live_free(tdl_live *l)
{
    if (!l)
        return;
    for (size_t i = 0; l->row && i < l->items_n; i++) {
        free(l->row[i].item);
        free(l->row[i].weight);
    }
    free(l->row);
    free(l->column_sum);
    free(l);
}

/* The slot of an item, or the free one where it belongs; slots_n is a power of two, never full. */
static size_t find_slot(const live_row *r, int32_t item)
{
    size_t at = ((uint32_t)item * UINT32_C(2654435761)) & (r->slots_n - 1);

    while (r->item[at] != EMPTY && r->item[at] != item)
        at = (at + 1) & (r->slots_n - 1);
    return at;
}

static bool grow(live_row *r)
{
    live_row to = *r;

    to.slots_n = r->slots_n ? 2 * r->slots_n : FIRST_SLOTS;
    to.item = malloc(to.slots_n * sizeof *to.item);
    to.weight = malloc(to.slots_n * sizeof *to.weight);
    if (!to.item || !to.weight) {
        free(to.item);
        free(to.weight);
        return false;
    }
    for (size_t i = 0; i < to.slots_n; i++)
        to.item[i] = EMPTY;
    for (size_t i = 0; i < r->slots_n; i++) {
        if (r->item[i] == EMPTY)
            continue;
        size_t at = find_slot(&to, r->item[i]);
        to.item[at] = r->item[i];
        to.weight[at] = r->weight[i];
    }
    free(r->item);
    free(r->weight);
    *r = to;
    return true;
}

/* Out with the smallest weight, of equal ones the highest number; what stood behind it moves up. */
static void evict(live_row *r)
{
    size_t least = r->slots_n;

    for (size_t i = 0; i < r->slots_n; i++)
        if (r->item[i] != EMPTY &&
            (least == r->slots_n || r->weight[i] < r->weight[least] ||
             (r->weight[i] == r->weight[least] && r->item[i] > r->item[least])))
            least = i;
    r->item[least] = EMPTY;
    r->used--;
    for (size_t i = (least + 1) & (r->slots_n - 1); r->item[i] != EMPTY;
         i = (i + 1) & (r->slots_n - 1)) {
        int32_t item = r->item[i];
        float weight = r->weight[i];
        r->item[i] = EMPTY;
        size_t at = find_slot(r, item);
        r->item[at] = item;
        r->weight[at] = weight;
    }
}

static bool add(tdl_live *l, int32_t i, int32_t j, double weight)
{
    live_row *r = &l->row[i];

    r->sum += weight;
    l->column_sum[j] += weight;
    size_t at = r->slots_n ? find_slot(r, j) : 0;
    if (!r->slots_n || r->item[at] != j) {
        if (l->params.row_max && r->used == l->params.row_max)
            evict(r);
        if (2 * (r->used + 1) > r->slots_n && !grow(r))
            return false;
        at = find_slot(r, j);
        r->item[at] = j;
        r->weight[at] = 0;
        r->used++;
    }
    r->weight[at] += (float)weight;
    return true;
}

static double size_weight(size_t size, double power)
{
    return power == 0 ? 1 : pow((double)size, -power);
}

static bool learn_pair(tdl_live *l, const int32_t *before, size_t before_n, const int32_t *item,
                       size_t n, double weight)
{
    bool ok = true;

    for (size_t a = 0; ok && a < before_n; a++)
        for (size_t b = 0; ok && b < n; b++)
            ok = add(l, before[a], item[b], weight) &&
                 (!(l->params.backward > 0) ||
                  add(l, item[b], before[a], weight * l->params.backward));
    return ok;
}

static bool learn_within(tdl_live *l, const int32_t *item, size_t n)
{
    double weight = n > 1 ? l->params.same_group * size_weight(n - 1, l->params.size_power) : 0;
    bool ok = true;

    for (size_t a = 0; ok && weight > 0 && a < n; a++)
        for (size_t b = 0; ok && b < n; b++)
            ok = a == b || add(l, item[a], item[b], weight);
    return ok;
}

tdl_status tdl_live_learn(tdl_live *l, const tdl_history *before, const int32_t *item, size_t n)
{
    const tdl_directed_params *p = &l->params;
    double weight = size_weight(n, p->size_power);
    size_t end = before->n;

    if (n > GROUP_MAX)
        return TDL_OK;
    if (!learn_within(l, item, n))
        return TDL_E_NO_MEMORY;
    for (size_t k = 1; k <= p->window && end; k++, weight *= p->step_decay) {
        size_t begin = end - 1;
        while (begin && before->time_us[begin - 1] == before->time_us[end - 1])
            begin--;
        if (end - begin <= GROUP_MAX &&
            !learn_pair(l, before->item + begin, end - begin, item, n,
                        weight * size_weight(end - begin, p->size_power)))
            return TDL_E_NO_MEMORY;
        end = begin;
    }
    return TDL_OK;
}

tdl_status tdl_live_score(const tdl_live *l, const tdl_history *history, tdl_arena *scratch,
                          float *scores)
{
    size_t from = 0;
    const double *weight = tdl_directed_weights(&l->params, history, scratch, &from);

    if (!weight)
        return TDL_E_NO_MEMORY;
    memset(scores, 0, l->items_n * sizeof *scores);
    for (size_t i = from; i < history->n; i++) {
        const live_row *r = &l->row[history->item[i]];
        float each = (float)(weight[i] / (r->sum + l->params.shrinkage));
        for (size_t at = 0; at < r->slots_n; at++)
            if (r->item[at] != EMPTY)
                scores[r->item[at]] += each * r->weight[at];
    }
    for (size_t j = 0; l->params.damping > 0 && j < l->items_n; j++)
        scores[j] *= (float)pow(l->column_sum[j] + l->params.shrinkage, -l->params.damping);
    return TDL_OK;
}

double tdl_live_count(const tdl_live *l, int32_t i, int32_t j)
{
    const live_row *r = &l->row[i];
    size_t at = r->slots_n ? find_slot(r, j) : 0;

    return r->slots_n && r->item[at] == j ? (double)r->weight[at] : 0;
}

double tdl_live_sum(const tdl_live *l, int32_t i)
{
    return l->row[i].sum;
}

size_t tdl_live_bytes(const tdl_live *l)
{
    size_t bytes = l->items_n * (sizeof *l->row + sizeof *l->column_sum);

    for (size_t i = 0; i < l->items_n; i++)
        bytes += l->row[i].slots_n * (sizeof *l->row[i].item + sizeof *l->row[i].weight);
    return bytes;
}

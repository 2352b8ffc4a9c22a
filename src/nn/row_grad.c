#include "nn/row_grad.h"

#include <stdlib.h>
#include <string.h>

/* Entries in order of (id, entry). */
typedef struct grouped {
    const tdl_row_grad *entries;
    tdl_real *grad;
    uint32_t *begin; /* [ids + 1] into entry */
    uint32_t *entry; /* [n] */
} grouped;

void tdl_add_scaled(size_t n, tdl_real scale, const tdl_real *restrict x, tdl_real *restrict y)
{
    for (size_t i = 0; i < n; i++)
        y[i] += scale * x[i];
}

static void group_by_id(grouped *g)
{
    const tdl_row_grad *s = g->entries;

    for (size_t e = 0; e < s->n; e++)
        if (s->id[e] >= 0)
            g->begin[s->id[e] + 1]++;
    for (size_t i = 0; i < s->ids; i++)
        g->begin[i + 1] += g->begin[i];
    for (size_t e = 0; e < s->n; e++)
        if (s->id[e] >= 0)
            g->entry[g->begin[s->id[e]]++] = (uint32_t)e;
    memmove(g->begin + 1, g->begin, s->ids * sizeof *g->begin); // each begin had moved to its end
    g->begin[0] = 0;
}

static void sum_groups(void *context, size_t begin, size_t end, unsigned part)
{
    const grouped *g = context;
    const tdl_row_grad *s = g->entries;
    size_t each = s->each ? s->each : 1, pitch = s->weight_pitch ? s->weight_pitch : each;

    TDL_UNUSED(part);
    for (size_t id = begin; id < end; id++)
        for (size_t at = g->begin[id]; at < g->begin[id + 1]; at++) {
            size_t e = g->entry[at], row = s->of ? s->of[e] : e / each;
            tdl_real weight = s->weight ? s->weight[e / each * pitch + e % each] : 1;

            tdl_add_scaled(s->d, s->scale * weight, s->x + row * s->d, g->grad + id * s->d);
        }
}

tdl_status tdl_row_grad_add(const tdl_row_grad *entries, tdl_real *grad, tdl_pool *pool,
                            tdl_report *why)
{
    grouped g = {.entries = entries, .grad = grad};
    tdl_status st = TDL_OK;

    if (entries->n >= UINT32_MAX)
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "a batch of %zu entries of a table", entries->n);
    g.begin = calloc(entries->ids + 2, sizeof *g.begin);
    g.entry = malloc((entries->n + 1) * sizeof *g.entry);
    if (!g.begin || !g.entry) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu entries of a table", entries->n);
        goto out;
    }
    group_by_id(&g);
    tdl_pool_run(pool, entries->ids, 64, sum_groups, &g);
out:
    free(g.begin);
    free(g.entry);
    return st;
}

#include "train/reduction.h"

enum { BUCKET_BYTES = 4 << 20 };

/* All whole buckets before `end`; the last may be a smaller one. */
static void begin_before(tdl_reduction *r, size_t end)
{
    while (!r->status && r->begun < end) {
        size_t left = r->n - r->begun, n = left < r->bucket_n ? left : r->bucket_n;

        if (n > end - r->begun)
            return;
        r->status = r->comm->ops->sum_begin(r->comm, r->grad + r->begun, n, &r->why);
        r->begun += n;
    }
}

static void passed(void *context, size_t end)
{
    tdl_reduction *r = context;

    begin_before(r, end);
    if (!r->status)
        r->status = r->comm->ops->progress(r->comm, &r->why);
}

void tdl_reduction_begin(tdl_reduction *r, tdl_comm *comm, const tdl_params *params,
                         size_t bucket_bytes)
{
    size_t bucket_n = (bucket_bytes ? bucket_bytes : BUCKET_BYTES) / sizeof *r->grad;

    *r = (tdl_reduction){.comm = comm,
                         .grad = params->grad,
                         .n = params->n,
                         .bucket_n = bucket_n ? bucket_n : 1,
                         .watch = {passed, r}};
}

tdl_status tdl_reduction_finish(tdl_reduction *r, tdl_report *why)
{
    begin_before(r, r->n);
    if (!r->status)
        return r->comm->ops->sum_finish(r->comm, why);
    if (why)
        *why = r->why;
    return r->status;
}

/* What the ranks of a run agree on. */
#include "train/loop_state.h"

tdl_status tdl_ranks_sum(tdl_loop_state *s, tdl_status mine, double *x, size_t n, tdl_report *why)
{
    tdl_comm *comm = s->comm;
    double all[TDL_RANKS_SUM_MAX + 2] = {mine ? 1 : 0, mine ? comm->rank : 0};
    tdl_status st;

    if (comm->size == 1)
        return mine;
    for (size_t i = 0; i < n; i++)
        all[2 + i] = x[i];
    if ((st = comm->ops->sum(comm, all, n + 2, mine ? NULL : why)))
        return mine ? mine : st;
    s->agreed = all[0] > 0;
    if (mine)
        return mine;
    if (all[0] > 1)
        return TDL_FAIL(why, TDL_E_STOPPED, "rank %u stopped with %g others, who say why",
                        comm->rank, all[0]);
    if (all[0] > 0)
        return TDL_FAIL(why, TDL_E_STOPPED, "rank %u stopped with rank %g, which says why",
                        comm->rank, all[1]);
    for (size_t i = 0; i < n; i++)
        x[i] = all[2 + i];
    return TDL_OK;
}

tdl_status tdl_ranks_share(tdl_loop_state *s, tdl_status mine, tdl_buf *bytes, tdl_report *why)
{
    tdl_comm *comm = s->comm;
    uint64_t n = bytes->len;
    tdl_status st = tdl_ranks_sum(s, mine, NULL, 0, why);

    if (st || (st = comm->ops->broadcast(comm, &n, sizeof n, why)))
        return st;
    if (comm->rank > 0) {
        tdl_buf_reserve(bytes, n);
        if (!bytes->failed)
            bytes->len = n;
    }
    st = bytes->failed ? TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a checkpoint of %llu bytes",
                                  (unsigned long long)n)
                       : TDL_OK;
    if ((st = tdl_ranks_sum(s, st, NULL, 0, why)))
        return st;
    return comm->ops->broadcast(comm, bytes->at, n, why);
}

tdl_status tdl_ranks_compare(tdl_loop_state *s, const char *what, uint32_t checksum,
                             tdl_report *why)
{
    double sum = checksum;
    tdl_status st = tdl_ranks_sum(s, TDL_OK, &sum, 1, why);

    if (!st && sum != (double)checksum * s->comm->size)
        st = TDL_FAIL_HINT(why, TDL_E_INTERNAL, "resume from the checkpoint before",
                           "step %llu: the %s of rank %u are not those of the others",
                           (unsigned long long)s->at.step, what, s->comm->rank);
    return tdl_ranks_sum(s, st, NULL, 0, why);
}

void tdl_ranks_part(const tdl_comm *comm, size_t n, size_t *ret_begin, size_t *ret_n)
{
    size_t begin = n * comm->rank / comm->size;

    *ret_begin = begin;
    *ret_n = n * (comm->rank + 1) / comm->size - begin;
}

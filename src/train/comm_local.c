#include "train/comm.h"

static tdl_status sum_begin(tdl_comm *comm, float *x, size_t n, tdl_report *why)
{
    TDL_UNUSED(comm);
    TDL_UNUSED(x);
    TDL_UNUSED(n);
    TDL_UNUSED(why);
    return TDL_OK;
}

static tdl_status nothing_to_wait_for(tdl_comm *comm, tdl_report *why)
{
    TDL_UNUSED(comm);
    TDL_UNUSED(why);
    return TDL_OK;
}

static tdl_status sum(tdl_comm *comm, double *x, size_t n, tdl_report *why)
{
    TDL_UNUSED(comm);
    TDL_UNUSED(x);
    TDL_UNUSED(n);
    TDL_UNUSED(why);
    return TDL_OK;
}

static tdl_status broadcast(tdl_comm *comm, void *bytes, size_t n, tdl_report *why)
{
    TDL_UNUSED(comm);
    TDL_UNUSED(bytes);
    TDL_UNUSED(n);
    TDL_UNUSED(why);
    return TDL_OK;
}

static void close_local(tdl_comm *comm)
{
    TDL_UNUSED(comm);
}

const tdl_comm_ops tdl_comm_local = {
    .name = "local",
    .sum_begin = sum_begin,
    .progress = nothing_to_wait_for,
    .sum_finish = nothing_to_wait_for,
    .sum = sum,
    .broadcast = broadcast,
    .close = close_local,
};

/* Ranks: the processes that train one model together, and what they tell each other.
 *
 * Order     every call but `progress` and `close` is made by all ranks, in the same order
 * Threads   one thread at a time
 * Failure   a call that fails has lost the other ranks: one is dead, or silent for too long. From
 *           then on `lost` is set and nothing can be agreed on. Who fails otherwise and cannot tell
 *           the others sets it too: they may be waiting
 */
#ifndef TDL_TRAIN_COMM_H
#define TDL_TRAIN_COMM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/report.h"

typedef struct tdl_comm tdl_comm;

typedef struct tdl_comm_ops {
    const char *name;

    /* Begin to replace x[n] by its sum over the ranks; x is not touched until `sum_finish`. Several
     * may be under way. Every rank gets the same bits. */
    tdl_status (*sum_begin)(tdl_comm *comm, float *x, size_t n, tdl_report *why);
    /* Let those under way get on, without waiting. */
    tdl_status (*progress)(tdl_comm *comm, tdl_report *why);
    /* Wait for all of them. */
    tdl_status (*sum_finish)(tdl_comm *comm, tdl_report *why);

    /* x[n] = its sum over the ranks, the same bits on every one. For a few numbers. */
    tdl_status (*sum)(tdl_comm *comm, double *x, size_t n, tdl_report *why);
    /* bytes[n] = those of rank 0. */
    tdl_status (*broadcast)(tdl_comm *comm, void *bytes, size_t n, tdl_report *why);

    /* Leave. With `lost` set this ends the job of all ranks, and does not return: who waits for
     * this one would wait for ever. */
    void (*close)(tdl_comm *comm);
} tdl_comm_ops;

struct tdl_comm {
    const tdl_comm_ops *ops;
    unsigned rank, size; /* 0 <= rank < size */
    bool lost;
};

/* One rank by itself: every call does nothing, and succeeds. */
extern const tdl_comm_ops tdl_comm_local;

static inline tdl_comm tdl_comm_alone(void)
{
    return (tdl_comm){.ops = &tdl_comm_local, .size = 1};
}

#endif

/* Ranks started by mpirun, over MPI 3.
 *
 * Life cycle   tdl_comm_mpi_open -> use -> comm->ops->close(comm), once in a process: MPI starts
 *              and ends with it, unless the program has started MPI itself
 * Waiting      at most `timeout_s` for an answer. A rank that is killed is seen by mpirun, which
 *              ends the others at once; the limit is for hosts and lines that fall silent. It must
 *              be longer than what one rank does alone, as writing a checkpoint
 * Overlap      Open MPI moves data only while it is called. Sums of gradients get on when the loop
 *              calls `progress`, after each op of the way back; or, with `own_thread`, all the
 * time, on a thread that wants a core of its own
 *
 * A library of its own (meson: `train_mpi`), so that nothing else is linked with MPI.
 */
#ifndef TDL_TRAIN_COMM_MPI_H
#define TDL_TRAIN_COMM_MPI_H

#include "train/comm.h"

typedef struct tdl_comm_mpi_options {
    double timeout_s; /* 0 = 300 */
    bool own_thread;  /* wants MPI_THREAD_SERIALIZED; changes no bit */
    bool bf16; /* gradients are rounded to bf16 on their way, and their sums at each addition;
                * what the first rounding takes goes with the next step's. That is not in a
                * checkpoint: a run that resumes is close to an uninterrupted one, not equal */
} tdl_comm_mpi_options;

/*   options  NULL = zeros; the same on every rank
 *   returns  TDL_OK | TDL_E_INVALID (timeout_s; an MPI that bears no thread beside the first) |
 *            TDL_E_IO (what MPI says) | TDL_E_NO_MEMORY */
tdl_status tdl_comm_mpi_open(const tdl_comm_mpi_options *options, tdl_comm **ret, tdl_report *why);

#endif

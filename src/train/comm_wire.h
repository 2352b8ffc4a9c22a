/* Gradients on their way as bf16: half the bytes. Private to comm_mpi.c.
 *
 * What rounding takes from a number stays here and goes with the next one of the same place, so
 * that over the steps nothing is lost (error feedback: Seide et al. 2014, Karimireddy et al. 2019).
 * A number that is not finite leaves nothing behind.
 */
#ifndef TDL_TRAIN_COMM_WIRE_H
#define TDL_TRAIN_COMM_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "base/report.h"

typedef struct tdl_wire tdl_wire;

tdl_wire *tdl_wire_new(void);       /* NULL: no memory */
void tdl_wire_free(tdl_wire *wire); /* accepts NULL */

/* x[n], and what x[n] left the last time, rounded to ret[n], which is the wire's and is there until
 * x[n] is begun again. TDL_E_NO_MEMORY: 6 bytes a number are needed, once. */
tdl_status tdl_wire_begin(tdl_wire *wire, float *x, size_t n, uint16_t **ret, tdl_report *why);

/* What by now is in the ret of all that was begun goes into their x. */
void tdl_wire_finish(tdl_wire *wire);

/* sum[n] += x[n], rounded to the nearest; the same for x + sum as for sum + x */
void tdl_wire_add(const uint16_t *x, uint16_t *sum, size_t n);

#endif

/* Snapshots: a model as it is served, apart from the one that goes on training.
 *
 * Life cycle   tdl_nn_snapshot_new -> tdl_nn_serving_publish -> tdl_nn_snapshot_release;
 *              readers: tdl_nn_serving_acquire -> tdl_net_forward on reader.net
 *              -> tdl_nn_reader_release
 * Ownership    a snapshot has copies of all it needs: parameters, list of ops, packed weights. It
 *              is counted, and goes with the last who holds it: its maker, a place that serves it,
 *              a reader
 * Threads      any number of readers of one snapshot at once, each with values of its own; readers
 *              and the one publisher never wait for each other. Publishing, rolling back and
 *              closing are for one thread at a time
 *
 * A snapshot's net has no loss and is planned for inference.
 */
#ifndef TDL_NN_SNAPSHOT_H
#define TDL_NN_SNAPSHOT_H

#include "base/slot.h"
#include "nn/net.h"
#include "nn/params_hash.h"

typedef struct tdl_nn_snapshot tdl_nn_snapshot;

typedef struct tdl_nn_snapshot_options {
    tdl_precision precision; /* of the packed weights */
    size_t rows, tokens;     /* of the largest batch a reader will ask */
    size_t budget;           /* bytes the values of one reader may have; 0 = no limit */
} tdl_nn_snapshot_options;

/* Copy, pack and plan. The net may be in use for training, but not change during the call. Values
 * that it keeps, and those that only its loss reads, can be read after a forward.
 * TDL_E_INVALID, TDL_E_TOO_LARGE, TDL_E_NO_MEMORY: as tdl_net_plan and tdl_net_pack_as */
tdl_status tdl_nn_snapshot_new(const tdl_net *net, const tdl_nn_snapshot_options *options,
                               tdl_nn_snapshot **ret, tdl_report *why);
/* Its maker's hold of it. Accepts NULL. */
void tdl_nn_snapshot_release(tdl_nn_snapshot *snapshot);

/* Of the parameters before they were packed. */
const uint8_t *tdl_nn_snapshot_hash(const tdl_nn_snapshot *snapshot); /* [TDL_HASH_BYTES] */
tdl_precision tdl_nn_snapshot_precision(const tdl_nn_snapshot *snapshot);
/* Of the weights as they are read; tdl_net_weight_bytes */
size_t tdl_nn_snapshot_bytes(const tdl_nn_snapshot *snapshot);

/* ---- serving ---- */

/* What is served now. A zeroed struct serves nothing. */
typedef struct tdl_nn_serving {
    tdl_slot slot;
    tdl_nn_snapshot *now, *before; /* the publisher's */
} tdl_nn_serving;

/* Serve that one from now on; the one before stays for a return. The caller keeps its own hold.
 * TDL_E_NO_MEMORY: nothing has changed */
tdl_status tdl_nn_serving_publish(tdl_nn_serving *serving, tdl_nn_snapshot *snapshot,
                                  tdl_report *why);
/* Serve the one before again, and once more: back. TDL_E_NOT_FOUND: there was none */
tdl_status tdl_nn_serving_roll_back(tdl_nn_serving *serving, tdl_report *why);
/* When nobody acquires any more. Readers that are still out keep what they hold. */
void tdl_nn_serving_close(tdl_nn_serving *serving);

enum { TDL_SPARES_MAX = 32 };

/* One reader's hold: a net of its own on shared weights. */
typedef struct tdl_nn_reader {
    const tdl_nn_snapshot *snapshot;
    tdl_net *net;
    struct tdl_spare *spare; /* private, as is `held` */
    tdl_held *held;
} tdl_nn_reader;

/* The snapshot served now, whatever is published later. Never waits; allocates only when more
 * readers are out at once than ever before, or than TDL_SPARES_MAX.
 * TDL_E_NOT_FOUND: nothing is served | TDL_E_NO_MEMORY */
tdl_status tdl_nn_serving_acquire(tdl_nn_serving *serving, tdl_nn_reader *ret, tdl_report *why);
void tdl_nn_reader_release(tdl_nn_reader *reader); /* accepts a zeroed struct */

#endif

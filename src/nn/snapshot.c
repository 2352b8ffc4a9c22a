#include "nn/snapshot.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* A planned net that no reader uses at the moment. */
typedef struct tdl_spare {
    tdl_net net;
} tdl_spare;

struct tdl_nn_snapshot {
    atomic_int holders;
    tdl_precision precision;
    tdl_plan_options plan;
    tdl_params params;
    size_t *category_sizes; /* of all ops, one behind the other */
    tdl_net net;            /* has the packed weights; readers use copies */
    uint8_t hash[TDL_HASH_BYTES];
    _Atomic(tdl_spare *) spare[TDL_SPARES_MAX]; /* NULL = an empty place */
};

/* ---- readers' nets ---- */

static void spare_free(tdl_spare *spare)
{
    if (spare)
        tdl_net_release(&spare->net);
    free(spare);
}

static tdl_status spare_new(const tdl_nn_snapshot *s, tdl_spare **ret, tdl_report *why)
{
    tdl_spare *spare = calloc(1, sizeof *spare);
    tdl_status st;

    if (!spare)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a reader");
    if ((st = tdl_net_copy(&s->net, s->net.nodes_n, NULL, &spare->net, why)) ||
        (st = tdl_net_plan(&spare->net, &s->plan, why))) {
        spare_free(spare);
        return st;
    }
    *ret = spare;
    return TDL_OK;
}

/* A whole pointer is taken or left with one exchange: no place can hold what it held before and
 * yet be another, so there is nothing to lock. */
static tdl_spare *take_spare(tdl_nn_snapshot *s)
{
    for (size_t i = 0; i < TDL_SPARES_MAX; i++) {
        tdl_spare *spare = atomic_load(&s->spare[i]) ? atomic_exchange(&s->spare[i], NULL) : NULL;

        if (spare)
            return spare;
    }
    return NULL;
}

static void leave_spare(tdl_nn_snapshot *s, tdl_spare *spare)
{
    for (size_t i = 0; i < TDL_SPARES_MAX; i++) {
        tdl_spare *none = NULL;

        if (atomic_compare_exchange_strong(&s->spare[i], &none, spare))
            return;
    }
    spare_free(spare);
}

/* ---- a snapshot ---- */

static void hold(tdl_nn_snapshot *s)
{
    atomic_fetch_add(&s->holders, 1);
}

void tdl_nn_snapshot_release(tdl_nn_snapshot *s)
{
    if (!s || atomic_fetch_sub(&s->holders, 1) > 1)
        return;
    for (size_t i = 0; i < TDL_SPARES_MAX; i++)
        spare_free(atomic_load(&s->spare[i]));
    tdl_net_release(&s->net);
    tdl_params_release(&s->params);
    free(s->category_sizes);
    free(s);
}

static tdl_status copy_params(const tdl_params *from, tdl_params *ret, tdl_report *why)
{
    tdl_status st;

    for (int k = 0; k < from->slices_n; k++) {
        const tdl_slice *slice = &from->slice[k];
        tdl_params_add(ret, slice->name, slice->rows, slice->cols, slice->decay);
    }
    if ((st = tdl_params_seal(ret, why)))
        return st;
    tdl_params_freeze(ret);
    memcpy(ret->value, from->value, ret->n * sizeof *ret->value);
    return TDL_OK;
}

/* The net's ops borrow the sizes of their category columns: the snapshot's must not. */
static tdl_status copy_category_sizes(tdl_nn_snapshot *s, tdl_report *why)
{
    size_t n = 0;

    for (int k = 0; k < s->net.nodes_n; k++)
        n += s->net.node[k].config.features.categories;
    if (!(s->category_sizes = malloc((n + 1) * sizeof *s->category_sizes)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the sizes of %zu columns", n);
    n = 0;
    for (int k = 0; k < s->net.nodes_n; k++) {
        tdl_feature_config *features = &s->net.node[k].config.features;

        if (!features->categories)
            continue;
        memcpy(s->category_sizes + n, features->category_sizes,
               features->categories * sizeof *s->category_sizes);
        features->category_sizes = s->category_sizes + n;
        n += features->categories;
    }
    return TDL_OK;
}

/* What a loss borrows it takes with it. */
static int nodes_without_loss(const tdl_net *net)
{
    return net->nodes_n && net->node[net->nodes_n - 1].op->is_loss ? net->nodes_n - 1
                                                                   : net->nodes_n;
}

static tdl_status fill(tdl_nn_snapshot *s, const tdl_net *net, tdl_report *why)
{
    tdl_spare *spare = NULL;
    tdl_status st;

    if ((st = copy_params(net->params, &s->params, why)) ||
        (st = tdl_params_hash(&s->params, s->hash, why)) ||
        (st = tdl_net_copy(net, nodes_without_loss(net), &s->params, &s->net, why)) ||
        (st = copy_category_sizes(s, why)) || (st = tdl_net_plan(&s->net, &s->plan, why)) ||
        (st = tdl_net_pack_as(&s->net, s->precision, why)) || (st = spare_new(s, &spare, why)))
        return st;
    leave_spare(s, spare);
    return TDL_OK;
}

tdl_status tdl_nn_snapshot_new(const tdl_net *net, const tdl_nn_snapshot_options *options,
                               tdl_nn_snapshot **ret, tdl_report *why)
{
    tdl_nn_snapshot *s = calloc(1, sizeof *s);
    tdl_status st;

    if (!s)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a snapshot");
    s->precision = options->precision;
    s->plan = (tdl_plan_options){
        .rows = options->rows, .tokens = options->tokens, .budget = options->budget};
    hold(s);
    if (net->failed || !net->params->value)
        st = TDL_FAIL(why, TDL_E_INVALID, "a net that was built wrongly, or has no parameters");
    else
        st = fill(s, net, why);
    if (st) {
        tdl_nn_snapshot_release(s);
        return st;
    }
    *ret = s;
    return TDL_OK;
}

const uint8_t *tdl_nn_snapshot_hash(const tdl_nn_snapshot *snapshot)
{
    return snapshot->hash;
}

tdl_precision tdl_nn_snapshot_precision(const tdl_nn_snapshot *snapshot)
{
    return snapshot->precision;
}

size_t tdl_nn_snapshot_bytes(const tdl_nn_snapshot *snapshot)
{
    return tdl_net_weight_bytes(&snapshot->net);
}

/* ---- serving ---- */

/* What lies in the slot: a snapshot may come there twice, a value of a slot may not. */
typedef struct served {
    tdl_held held;
    tdl_nn_snapshot *snapshot;
} served;

static void served_free(tdl_held *held)
{
    served *s = (served *)held;

    tdl_nn_snapshot_release(s->snapshot);
    free(s);
}

static tdl_status serve(tdl_nn_serving *serving, tdl_nn_snapshot *snapshot, tdl_report *why)
{
    served *s = calloc(1, sizeof *s);

    if (!s)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to publish a snapshot");
    hold(snapshot);
    s->snapshot = snapshot;
    tdl_slot_put(&serving->slot, &s->held, served_free);
    return TDL_OK;
}

tdl_status tdl_nn_serving_publish(tdl_nn_serving *serving, tdl_nn_snapshot *snapshot,
                                  tdl_report *why)
{
    tdl_status st = serve(serving, snapshot, why);

    if (st)
        return st;
    hold(snapshot);
    tdl_nn_snapshot_release(serving->before);
    serving->before = serving->now;
    serving->now = snapshot;
    return TDL_OK;
}

tdl_status tdl_nn_serving_roll_back(tdl_nn_serving *serving, tdl_report *why)
{
    tdl_nn_snapshot *before = serving->before;
    tdl_status st;

    if (!before)
        return TDL_FAIL(why, TDL_E_NOT_FOUND, "no snapshot was served before this one");
    if ((st = serve(serving, before, why)))
        return st;
    serving->before = serving->now;
    serving->now = before;
    return TDL_OK;
}

void tdl_nn_serving_close(tdl_nn_serving *serving)
{
    tdl_slot_clear(&serving->slot);
    tdl_nn_snapshot_release(serving->now);
    tdl_nn_snapshot_release(serving->before);
    *serving = (tdl_nn_serving){0};
}

tdl_status tdl_nn_serving_acquire(tdl_nn_serving *serving, tdl_nn_reader *ret, tdl_report *why)
{
    tdl_held *held = tdl_slot_take(&serving->slot);
    tdl_status st;

    if (!held)
        return TDL_FAIL(why, TDL_E_NOT_FOUND, "no model is served yet");
    tdl_nn_snapshot *snapshot = ((served *)held)->snapshot;
    tdl_spare *spare = take_spare(snapshot);
    if (!spare && (st = spare_new(snapshot, &spare, why))) {
        tdl_slot_drop(held);
        return st;
    }
    *ret = (tdl_nn_reader){.snapshot = snapshot, .net = &spare->net, .spare = spare, .held = held};
    return TDL_OK;
}

void tdl_nn_reader_release(tdl_nn_reader *reader)
{
    if (reader->spare)
        leave_spare(((served *)reader->held)->snapshot, reader->spare);
    tdl_slot_drop(reader->held);
    *reader = (tdl_nn_reader){0};
}

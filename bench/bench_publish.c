/* Publishing under load: does a new snapshot make anybody wait?
 *
 * One thread asks a small encoder (d=64) for one example after the other. In every other stretch of
 * time a second thread publishes: it changes the parameters, makes a snapshot of them and puts it
 * in the place of the one before, as training does. Stretches alternate, so that whatever else the
 * machine does meets both alike; ratios are formed of neighbours and their median is reported.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "bars.h"
#include "base/rng.h"
#include "base/timestamp.h"
#include "nn/layers.h"
#include "nn/snapshot.h"
#include "nn/transformer.h"

enum {
    LENGTH = 32,
    WIDTH = 64,
    PAIRS = 15,
    STRETCH_US = 400000,
    PUBLISH_NS = 50000000,
    ASKED_MAX = 100000 /* in one stretch */
};

typedef struct subject {
    tdl_params params;
    tdl_tf core;
    tdl_net net;
    tdl_nn_serving serving;
    atomic_bool publishing, stop;
    atomic_int published_n;
    tdl_status status; /* the publisher's; read once it has ended */
    tdl_report why;
} subject;

static tdl_status publish(subject *s, tdl_report *why)
{
    const tdl_nn_snapshot_options options = {.rows = 1};
    tdl_nn_snapshot *snapshot;
    tdl_status st = tdl_nn_snapshot_new(&s->net, &options, &snapshot, why);

    if (st)
        return st;
    st = tdl_nn_serving_publish(&s->serving, snapshot, why);
    tdl_nn_snapshot_release(snapshot);
    return st;
}

static void *publish_on(void *context)
{
    static const struct timespec pause = {.tv_nsec = PUBLISH_NS};
    subject *s = context;

    while (!s->status && !atomic_load(&s->stop)) {
        nanosleep(&pause, NULL);
        if (!atomic_load(&s->publishing))
            continue;
        for (size_t i = 0; i < s->params.n; i++)
            s->params.value[i] *= 0.999f;
        s->status = publish(s, &s->why);
        atomic_fetch_add(&s->published_n, 1);
    }
    return NULL;
}

static int compare(const void *a, const void *b)
{
    double one = *(const double *)a, other = *(const double *)b;

    return (one > other) - (one < other);
}

/* Ask for STRETCH_US; the 99th percentile of what an answer took, in us. */
static tdl_status ask(subject *s, double *took, double *ret_p99, tdl_report *why)
{
    static float x[LENGTH * WIDTH];
    const tdl_nn_batch batch = {.rows = 1, .x = x};
    const tdl_run run = {.seed = 1};
    int64_t until = tdl_time_monotonic() + STRETCH_US;
    size_t n = 0;
    tdl_status st = TDL_OK;

    while (!st && n < ASKED_MAX && tdl_time_monotonic() < until) {
        struct timespec before, after;
        tdl_nn_reader reader;
        clock_gettime(CLOCK_MONOTONIC, &before);
        if ((st = tdl_nn_serving_acquire(&s->serving, &reader, why)))
            break;
        st = tdl_net_forward(reader.net, &batch, &run, why);
        tdl_nn_reader_release(&reader);
        clock_gettime(CLOCK_MONOTONIC, &after);
        took[n++] = (double)(after.tv_sec - before.tv_sec) * 1e6 +
                    (double)(after.tv_nsec - before.tv_nsec) / 1e3;
    }
    qsort(took, n, sizeof *took, compare);
    *ret_p99 = n ? took[n * 99 / 100] : 0;
    return st;
}

static tdl_status ask_in_turns(subject *s, tdl_bars *bars, tdl_report *why)
{
    double ratio[PAIRS], alone[PAIRS], *took = calloc(ASKED_MAX, sizeof *took), p99 = 0;
    tdl_status st = took ? TDL_OK : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the times");

    for (int i = 0; !st && i < PAIRS; i++) {
        atomic_store(&s->publishing, false);
        if ((st = ask(s, took, &alone[i], why)))
            break;
        atomic_store(&s->publishing, true);
        st = ask(s, took, &p99, why);
        ratio[i] = p99 / alone[i];
    }
    free(took);
    if (st)
        return st;
    qsort(ratio, PAIRS, sizeof *ratio, compare);
    qsort(alone, PAIRS, sizeof *alone, compare);
    tdl_bars_add(bars,
                 (tdl_bar){.value = ratio[PAIRS / 2],
                           .unit = "ratio",
                           .kind = TDL_BAR_AT_MOST,
                           .bound = 1.1,
                           .peer = "p99 without publishing, us",
                           .peer_value = alone[PAIRS / 2]},
                 "publish: p99 of an answer, %d published", atomic_load(&s->published_n));
    return TDL_OK;
}

static tdl_status build(subject *s, tdl_report *why)
{
    static const tdl_tf_config config = {.n_layer = 2,
                                         .d_model = WIDTH,
                                         .n_head = 4,
                                         .d_ff = 256,
                                         .act = TDL_ACT_RELU,
                                         .bias_qkv = true,
                                         .bias_out = true,
                                         .bias_ff = true,
                                         .mask = TDL_MASK_BIDIRECTIONAL};
    tdl_status st;

    s->net.params = &s->params;
    if ((st = tdl_tf_declare(&s->core, &config, &s->params, why)) ||
        (st = tdl_params_seal(&s->params, why)))
        return st;
    tdl_tf_start(&s->core, &s->params, 1);
    int in = tdl_net_reshape(&s->net, tdl_net_input(&s->net, (size_t)LENGTH * WIDTH), WIDTH);
    tdl_tf_build(&s->core, &s->net, in);
    return publish(s, why);
}

tdl_status tdl_bench_publish(bool quiet, tdl_bars *bars, tdl_report *why)
{
    static subject s;
    pthread_t thread;
    tdl_status st = build(&s, why);

    TDL_UNUSED(quiet);
    if (st)
        goto out;
    if (pthread_create(&thread, NULL, publish_on, &s)) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no thread to publish on");
        goto out;
    }
    st = ask_in_turns(&s, bars, why);
    atomic_store(&s.stop, true);
    pthread_join(thread, NULL);
    if (!st && s.status) {
        st = s.status;
        *why = s.why;
    }
out:
    tdl_nn_serving_close(&s.serving);
    tdl_net_release(&s.net);
    tdl_tf_release(&s.core);
    tdl_params_release(&s.params);
    return st;
}

/* Training the behaviour model beside PyTorch, and an event beside a pass over a whole history.
 *
 * Both sides learn made-up histories of the same lengths: width 64, one block, windows of up to 50,
 * dropout 1/2. PyTorch gets batches of like length, so that it pads next to nothing; what counts
 * are tokens that have a target. Without PyTorch the published figures stand (PyTorch 1.13, one
 * core), and the bar says so.
 */
#include "bars.h"

#include <stdlib.h>

#include "apps/recommend/behaviour.h"
#include "apps/recommend/behaviour_state.h"
#include "base/rng.h"
#include "base/timestamp.h"
#include "peer_script.h"

enum { SHORTEST = 5, LENGTHS = 8, WINDOW = 50, EVENTS = 200, MORE = 40, REPEATS = 3, EPOCHS = 3 };

typedef struct course {
    const char *name, *key; /* of the bar, and of the peer's figure */
    size_t people, items;
    bool is_long;     /* histories of WINDOW + 1, else of SHORTEST .. */
    double published; /* tokens per CPU-second */
} course;

typedef struct log {
    size_t *offsets, targets;
    int32_t *item;
    int64_t *time_us;
    tdl_interactions all;
} log;

static void log_release(log *l)
{
    free(l->offsets);
    free(l->item);
    free(l->time_us);
}

static tdl_status log_make(const course *c, log *ret, tdl_report *why)
{
    size_t most = c->people * (WINDOW + 1), n = 0;
    tdl_rng rng = tdl_rng_make(21, c->items);

    *ret = (log){.offsets = calloc(c->people + 1, sizeof *ret->offsets),
                 .item = calloc(most, sizeof *ret->item),
                 .time_us = calloc(most, sizeof *ret->time_us)};
    if (!ret->offsets || !ret->item || !ret->time_us)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu events", most);
    for (size_t u = 0; u < c->people; u++) {
        size_t length = c->is_long ? WINDOW : SHORTEST + u % LENGTHS;
        for (size_t i = 0; i < length; i++, n++) {
            double x = tdl_rng_uniform(&rng);
            ret->item[n] = (int32_t)(x * x * (double)c->items);
            ret->time_us[n] = (int64_t)n * 1000000;
        }
        ret->targets += length - 1;
        ret->offsets[u + 1] = n;
    }
    ret->all = (tdl_interactions){c->people, c->items, ret->offsets, ret->item, ret->time_us};
    return TDL_OK;
}

/* Targets per CPU-second of the better of some runs, of a few epochs each: a fit also draws the
 * starting values, which PyTorch's figure leaves out. */
static tdl_status train(const course *c, double *ret, tdl_report *why)
{
    const tdl_behaviour_params params = {.window = WINDOW};
    log l;
    tdl_status st = log_make(c, &l, why);
    const tdl_fit_data data = {&l.all, l.offsets + 1};

    *ret = 0;
    for (int r = 0; !st && r < REPEATS; r++) {
        tdl_fit_options options = {.seed = 1, .epochs = EPOCHS, .params = &params};
        tdl_behaviour *model = NULL;
        double took = -tdl_time_cpu_thread();
        st = tdl_behaviour_fit(&data, &options, &model, why);
        took += tdl_time_cpu_thread();
        tdl_behaviour_free(model);
        double rate = EPOCHS * (double)l.targets / took;
        *ret = rate > *ret ? rate : *ret;
    }
    log_release(&l);
    return st;
}

static tdl_status bench_training(const course *c, const json_t *peer, tdl_bars *bars,
                                 tdl_report *why)
{
    double ours, theirs = tdl_peer_number(peer, c->key);
    bool is_here = theirs > 0;
    tdl_status st = train(c, &ours, why);

    if (st)
        return st;
    theirs = is_here ? theirs : c->published;
    tdl_bars_add(bars,
                 (tdl_bar){.value = ours / theirs,
                           .unit = "ratio",
                           .kind = TDL_BAR_AT_LEAST,
                           .bound = 3,
                           .peer = is_here ? "PyTorch, tokens per CPU s"
                                           : "PyTorch as published, tokens per CPU s",
                           .peer_value = theirs},
                 "behaviour: %s (%.3g tokens/CPU s)", c->name, ours);
    return TDL_OK;
}

/* Of a person with EVENTS events, one more: the new token beside a pass over all of them. */
static tdl_status bench_event(tdl_bars *bars, tdl_report *why)
{
    static const course few = {.people = 40, .items = 1000, .is_long = true};
    const tdl_behaviour_params params = {.window = 256, .blocks = 2};
    int32_t item[EVENTS + MORE];
    int64_t time_us[EVENTS + MORE];
    float vector[TDL_BEHAVIOUR_D_MAX];
    double whole = 1e9, event = 1e9, took;
    tdl_behaviour *model = NULL;
    tdl_behaviour_states *states = tdl_behaviour_states_new(1 << 24);
    log l;
    tdl_status st = log_make(&few, &l, why);
    const tdl_fit_data data = {&l.all, l.offsets + 1};
    tdl_fit_options options = {.seed = 1, .epochs = 1, .params = &params};

    for (size_t i = 0; i < EVENTS + MORE; i++) {
        item[i] = (int32_t)(i * 37 % few.items);
        time_us[i] = (int64_t)i * 60000000;
    }
    if (!st)
        st = tdl_behaviour_fit(&data, &options, &model, why);
    for (size_t n = EVENTS; !st && n <= EVENTS + MORE; n++) {
        const tdl_history h = {item, time_us, n};
        took = -tdl_time_cpu_thread();
        st = tdl_behaviour_state_vector(states, model, &h, vector);
        took += tdl_time_cpu_thread();
        event = n > EVENTS && took < event ? took : event;
        took = -tdl_time_cpu_thread();
        st = st ? st : tdl_behaviour_state_vector(NULL, model, &h, vector);
        took += tdl_time_cpu_thread();
        whole = took < whole ? took : whole;
    }
    if (!st)
        tdl_bars_add(bars,
                     (tdl_bar){.value = event / whole,
                               .unit = "ratio",
                               .kind = TDL_BAR_AT_MOST,
                               .bound = .05,
                               .peer = "a pass over 200 events, CPU us",
                               .peer_value = whole * 1e6},
                     "behaviour: one more event, 2 blocks (%.3g us)", event * 1e6);
    tdl_behaviour_states_free(states);
    tdl_behaviour_free(model);
    log_release(&l);
    return st;
}

tdl_status tdl_bench_behaviour(bool quiet, tdl_bars *bars, tdl_report *why)
{
    static const course full = {.name = "softmax over 1,682 items",
                                .key = "full",
                                .people = 1200,
                                .items = 1682,
                                .is_long = true,
                                .published = 23500},
                        sampled = {.name = "512 shared negatives of 12,101",
                                   .key = "sampled",
                                   .people = 8000,
                                   .items = 12101,
                                   .published = 30000};
    json_t *peer = tdl_peer_ask("behaviour.py", NULL, NULL, quiet);
    tdl_status st;

    if (!(st = bench_training(&full, peer, bars, why)) &&
        !(st = bench_training(&sampled, peer, bars, why)))
        st = bench_event(bars, why);
    json_decref(peer);
    return st;
}

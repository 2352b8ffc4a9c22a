/* Directed item-to-item counts: a fit on a million events, and what one more event costs. CPU time
 * of one thread.
 *
 * Data are made up: 50,000 people with 20 events each of 20,000 items, near a taste of their own
 * and near the popular.
 */
#include <stdlib.h>
#include <time.h>

#include "apps/recommend/live.h"
#include "bars.h"
#include "base/rng.h"
#include "cli/command.h"
#include "peak.h"

enum { PEOPLE = 50000, EACH = 20, ITEMS = 20000, EVENTS = PEOPLE * EACH, WINDOW = 10, REPEATS = 3 };

typedef struct crowd {
    size_t offsets[PEOPLE + 1];
    int32_t item[EVENTS];
    int64_t time_us[EVENTS];
    tdl_interactions all;
} crowd;

static crowd *make_crowd(void)
{
    crowd *c = calloc(1, sizeof *c);
    tdl_rng rng = tdl_rng_make(31, 0);

    for (size_t u = 0; c && u < PEOPLE; u++) {
        size_t taste = tdl_rng_below(&rng, ITEMS);
        for (size_t i = 0; i < EACH; i++) {
            double x = tdl_rng_uniform(&rng);
            size_t near = (size_t)(x * x * x * ITEMS);
            size_t item = tdl_rng_below(&rng, 3) ? (taste + near / 8) % ITEMS : near;
            c->item[u * EACH + i] = (int32_t)item;
            c->time_us[u * EACH + i] = (int64_t)(i + 1) * 1000000;
        }
        c->offsets[u + 1] = (u + 1) * EACH;
    }
    if (c)
        c->all = (tdl_interactions){PEOPLE, ITEMS, c->offsets, c->item, c->time_us};
    return c;
}

static tdl_status bench_fit(const crowd *c, tdl_bars *bars, tdl_report *why)
{
    const tdl_fit_data data = {&c->all, c->offsets + 1};
    tdl_directed_params params = tdl_directed_defaults;
    const tdl_fit_options options = {.seed = 1};
    double seconds[REPEATS], bytes = 0;

    params.window = WINDOW;
    for (size_t r = 0; r < REPEATS; r++) {
        tdl_sparse matrix;
        seconds[r] = -tdl_cpu_seconds();
        tdl_status st = tdl_directed_fit(&params, &data, &options, &matrix, why);
        if (st)
            return st;
        seconds[r] += tdl_cpu_seconds();
        bytes = (double)tdl_sparse_bytes(&matrix) / ITEMS;
        tdl_sparse_release(&matrix);
    }
    tdl_bars_at_most(bars, "recommend: counts of 1,000,000 events, window 10", tdl_median3(seconds),
                     "s", 1, "fitted matrix, bytes an item", bytes);
    return TDL_OK;
}

static double thread_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return 1e6 * (double)now.tv_sec + 1e-3 * (double)now.tv_nsec;
}

static int by_value(const void *left, const void *right)
{
    float a = *(const float *)left, b = *(const float *)right;

    return a < b ? -1 : a > b;
}

/* All events, person after person; the time of each is taken once rows are full. */
static tdl_status learn_all(const crowd *c, tdl_live *live, float *us, tdl_report *why)
{
    for (size_t at = 0; at < EVENTS; at++) {
        size_t begin = at / EACH * EACH;
        const tdl_history before = {
            .item = c->item + begin, .time_us = c->time_us + begin, .n = at - begin};
        double started = thread_us();
        if (tdl_live_learn(live, &before, c->item + at, 1))
            return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory after %zu events", at);
        us[at] = (float)(thread_us() - started);
    }
    return TDL_OK;
}

static tdl_status bench_live(const crowd *c, tdl_bars *bars, tdl_report *why)
{
    tdl_directed_params params = tdl_directed_defaults;
    tdl_live *live = NULL;
    float *us = malloc(EVENTS * sizeof *us);
    tdl_status st = TDL_OK;

    params.window = WINDOW;
    if (!us || !(live = tdl_live_new(&params, ITEMS))) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for live counts");
        goto out;
    }
    double all_s = -tdl_cpu_seconds();
    if ((st = learn_all(c, live, us, why)))
        goto out;
    all_s += tdl_cpu_seconds();
    float *late = us + EVENTS / 2; // rows are full by then
    qsort(late, EVENTS / 2, sizeof *late, by_value);
    tdl_bars_at_most(bars, "recommend: one more event, p99", (double)late[EVENTS / 2 * 99 / 100],
                     "us", 50, "median, us", (double)late[EVENTS / 4]);
    tdl_bars_add(bars,
                 (tdl_bar){.value = (double)tdl_live_bytes(live) / ITEMS,
                           .unit = "bytes",
                           .kind = TDL_BAR_NONE,
                           .peer = "1,000,000 events learnt one by one, s",
                           .peer_value = all_s},
                 "recommend: live counts, bytes an item");
out:
    tdl_live_free(live);
    free(us);
    return st;
}

tdl_status tdl_bench_counts(bool quiet, tdl_bars *bars, tdl_report *why)
{
    crowd *c = make_crowd();
    tdl_status st;

    TDL_UNUSED(quiet);
    if (!c)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %d events", EVENTS);
    if (!(st = bench_fit(c, bars, why)))
        st = bench_live(c, bars, why);
    free(c);
    return st;
}

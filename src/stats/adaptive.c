#include "stats/adaptive.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/sorted.h"
#include "stats/conformal.h"

enum { HORIZONS_MAX = 1 << 16, WINDOW_MAX = 1 << 20, SCORES_MAX = 1 << 24, WAITING_MAX = 1 << 20 };

static const double LEVEL_MAX = 10; /* far past where widths are clamped */

typedef struct horizon {
    double level;
    double *sorted, *latest; /* [n], and oldest first from `oldest` around */
    size_t n, oldest, room;
    double *width; /* waiting ones: [waiting], oldest first */
    size_t waiting, width_room;
} horizon;

struct tdl_adaptive {
    tdl_adaptive_options options;
    horizon *of; /* [horizons] */
};

tdl_status tdl_adaptive_new(const tdl_adaptive_options *options, tdl_adaptive **ret,
                            tdl_report *why)
{
    tdl_adaptive *s;
    double rate = options->rate != 0 ? options->rate : 0.01;

    if (!options->horizons || options->horizons > HORIZONS_MAX || options->window > WINDOW_MAX ||
        options->horizons * options->window > SCORES_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "%zu horizons with %zu scores are out of range",
                        options->horizons, options->window);
    if (!(options->miss > 0 && options->miss < 1) || !(rate > 0 && rate < 1))
        return TDL_FAIL(why, TDL_E_INVALID, "miss rate %g and rate %g must lie between 0 and 1",
                        options->miss, rate);
    if (!(s = calloc(1, sizeof *s)) || !(s->of = calloc(options->horizons, sizeof *s->of))) {
        free(s);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu horizons", options->horizons);
    }
    s->options = *options;
    s->options.rate = rate;
    for (size_t h = 0; h < options->horizons; h++)
        s->of[h].level = options->miss;
    *ret = s;
    return TDL_OK;
}

void tdl_adaptive_free(tdl_adaptive *s)
{
    if (!s)
        return;
    for (size_t h = 0; h < s->options.horizons; h++) {
        free(s->of[h].sorted);
        free(s->of[h].latest);
        free(s->of[h].width);
    }
    free(s->of);
    free(s);
}

static tdl_status find(const tdl_adaptive *s, size_t at, horizon **ret, tdl_report *why)
{
    if (at >= s->options.horizons)
        return TDL_FAIL(why, TDL_E_INVALID, "horizon %zu is none of %zu", at, s->options.horizons);
    *ret = s->of + at;
    return TDL_OK;
}

tdl_status tdl_adaptive_seed(tdl_adaptive *s, size_t at, const double *score, size_t n,
                             tdl_report *why)
{
    double *sorted, *latest;
    size_t room;
    horizon *h;
    tdl_status st;

    if ((st = find(s, at, &h, why)))
        return st;
    if (s->options.window && n > s->options.window) {
        score += n - s->options.window;
        n = s->options.window;
    }
    if (n > WINDOW_MAX)
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "%zu scores are too many to calibrate with", n);
    for (size_t i = 0; i < n; i++)
        if (!isfinite(score[i]))
            return TDL_FAIL(why, TDL_E_INVALID, "score %zu is not a finite number", i);
    room = s->options.window ? s->options.window : n;
    sorted = calloc(room + 1, sizeof *sorted);
    latest = calloc(room + 1, sizeof *latest);
    if (!sorted || !latest) {
        free(sorted);
        free(latest);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu scores", room);
    }
    if (n) {
        memcpy(sorted, score, n * sizeof *score);
        memcpy(latest, score, n * sizeof *score);
    }
    tdl_sort_numbers(sorted, n);
    free(h->sorted);
    free(h->latest);
    h->sorted = sorted;
    h->latest = latest;
    h->n = n;
    h->room = room;
    h->oldest = 0;
    return TDL_OK;
}

static double width_of(const tdl_adaptive *s, const horizon *h)
{
    double rank;

    if (tdl_conformal_rank(h->n, s->options.miss) > h->n)
        return (double)INFINITY;
    rank = ceil((double)(h->n + 1) * (1 - h->level) - 1e-9);
    return h->sorted[rank < 1 ? 0 : rank > (double)h->n ? h->n - 1 : (size_t)rank - 1];
}

static tdl_status wait_for(horizon *h, double width, tdl_report *why)
{
    if (h->waiting >= WAITING_MAX)
        return TDL_FAIL(why, TDL_E_FULL, "%zu forecasts wait for their truth", h->waiting);
    if (h->waiting == h->width_room) {
        size_t room = h->width_room ? 2 * h->width_room : 8;
        double *grown = realloc(h->width, room * sizeof *grown);

        if (!grown)
            return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu forecasts", room);
        h->width = grown;
        h->width_room = room;
    }
    h->width[h->waiting++] = width;
    return TDL_OK;
}

tdl_status tdl_adaptive_issue(tdl_adaptive *s, size_t at, double *ret_width, tdl_report *why)
{
    double width;
    horizon *h;
    tdl_status st;

    if ((st = find(s, at, &h, why)))
        return st;
    width = width_of(s, h);
    if ((st = wait_for(h, width, why)))
        return st;
    *ret_width = width;
    return TDL_OK;
}

double tdl_adaptive_width(const tdl_adaptive *s, size_t at)
{
    return at < s->options.horizons ? width_of(s, s->of + at) : (double)NAN;
}

/* Where in `sorted` a score stands, or would. */
static size_t place_of(const double *sorted, size_t n, double score)
{
    size_t low = 0, high = n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (sorted[middle] < score)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void keep(horizon *h, double score)
{
    size_t at;

    if (h->n == h->room) { /* the oldest goes */
        at = place_of(h->sorted, h->n, h->latest[h->oldest]);
        memmove(h->sorted + at, h->sorted + at + 1, (h->n - at - 1) * sizeof *h->sorted);
        h->latest[h->oldest] = score;
        h->oldest = (h->oldest + 1) % h->room;
        h->n--;
    } else {
        h->latest[h->n] = score; /* not around yet: oldest is 0 */
    }
    at = place_of(h->sorted, h->n, score);
    memmove(h->sorted + at + 1, h->sorted + at, (h->n - at) * sizeof *h->sorted);
    h->sorted[at] = score;
    h->n++;
}

tdl_status tdl_adaptive_arrive(tdl_adaptive *s, size_t at, double score, tdl_report *why)
{
    double width;
    horizon *h;
    tdl_status st;

    if ((st = find(s, at, &h, why)))
        return st;
    if (!h->waiting)
        return TDL_FAIL(why, TDL_E_INVALID, "horizon %zu: no forecast waits for its truth", at);
    if (isinf(score))
        return TDL_FAIL(why, TDL_E_INVALID, "horizon %zu: an infinite score", at);
    if (s->options.window && !h->room && (st = tdl_adaptive_seed(s, at, NULL, 0, why)))
        return st;
    width = h->width[0];
    memmove(h->width, h->width + 1, --h->waiting * sizeof *h->width);
    if (isnan(score))
        return TDL_OK;
    if (isfinite(width)) { /* an infinite one taught nothing about the level */
        double level = h->level + s->options.rate * (s->options.miss - (score > width));

        h->level = fmin(fmax(level, -LEVEL_MAX), LEVEL_MAX);
    }
    if (s->options.window)
        keep(h, score);
    return TDL_OK;
}

double tdl_adaptive_level(const tdl_adaptive *s, size_t at)
{
    return at < s->options.horizons ? s->of[at].level : (double)NAN;
}

size_t tdl_adaptive_waiting(const tdl_adaptive *s, size_t at)
{
    return at < s->options.horizons ? s->of[at].waiting : 0;
}

/* ---- as JSON ---- */

/* Infinite widths are null. */
static json_t *array_of(const double *values, size_t n, size_t first)
{
    json_t *ret = json_array();

    for (size_t i = 0; ret && i < n; i++) {
        double value = values[(first + i) % n];

        if (json_array_append_new(ret, isfinite(value) ? json_real(value) : json_null())) {
            json_decref(ret);
            return NULL;
        }
    }
    return ret;
}

json_t *tdl_adaptive_save(const tdl_adaptive *s)
{
    json_t *of = json_array(), *ret;

    for (size_t at = 0; of && at < s->options.horizons; at++) {
        const horizon *h = s->of + at;
        json_t *own = json_pack("{s:f, s:o, s:o}", "level", h->level, "scores",
                                array_of(h->latest, h->n, h->oldest), "waiting",
                                array_of(h->width, h->waiting, 0));

        if (!own || json_array_append_new(of, own)) {
            json_decref(of);
            return NULL;
        }
    }
    if (!of)
        return NULL;
    ret = json_pack("{s:f, s:f, s:I, s:o}", "miss", s->options.miss, "rate", s->options.rate,
                    "window", (json_int_t)s->options.window, "horizons", of);
    return ret;
}

static tdl_status load_horizon(tdl_adaptive *s, size_t at, const json_t *saved, tdl_report *why)
{
    const json_t *scores = json_object_get(saved, "scores");
    const json_t *waiting = json_object_get(saved, "waiting");
    size_t n = json_array_size(scores), waiting_n = json_array_size(waiting);
    size_t most = s->options.window ? s->options.window : WINDOW_MAX;
    horizon *h = s->of + at;
    double *values;
    tdl_status st;

    if (!json_is_array(scores) || n > most || !json_is_array(waiting) || waiting_n > WAITING_MAX ||
        !tdl_json_get_number(saved, "level", &h->level) || !(fabs(h->level) <= LEVEL_MAX))
        return TDL_FAIL(why, TDL_E_CORRUPT, "adaptive intervals: horizon %zu is damaged", at);
    if (!(values = calloc(n + 1, sizeof *values)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu scores", n);
    for (size_t i = 0; i < n; i++) {
        const json_t *value = json_array_get(scores, i);

        values[i] = json_is_number(value) ? json_number_value(value) : (double)NAN;
    }
    st = tdl_adaptive_seed(s, at, values, n, why);
    free(values);
    if (st)
        return st == TDL_E_INVALID ? TDL_FAIL(why, TDL_E_CORRUPT,
                                              "adaptive intervals: a score of horizon %zu is no "
                                              "finite number",
                                              at)
                                   : st;
    for (size_t i = 0; i < waiting_n; i++) {
        const json_t *value = json_array_get(waiting, i);
        double width = json_is_null(value) ? (double)INFINITY : json_number_value(value);

        if (!json_is_null(value) && !json_is_number(value))
            return TDL_FAIL(why, TDL_E_CORRUPT, "adaptive intervals: a width of horizon %zu", at);
        if ((st = wait_for(h, width, why)))
            return st;
    }
    return TDL_OK;
}

tdl_status tdl_adaptive_load(const json_t *saved, tdl_adaptive **ret, tdl_report *why)
{
    const json_t *of = json_object_get(saved, "horizons");
    tdl_adaptive_options options = {.horizons = json_array_size(of)};
    tdl_adaptive *s = NULL;
    int64_t window;
    tdl_status st;

    if (!tdl_json_get_number(saved, "miss", &options.miss) ||
        !tdl_json_get_number(saved, "rate", &options.rate) || !(options.rate > 0) ||
        !tdl_json_get_int(saved, "window", &window) || window < 0 || window > WINDOW_MAX ||
        !(options.miss > 0 && options.miss < 1) || !(options.rate < 1) || !options.horizons ||
        options.horizons > HORIZONS_MAX)
        return TDL_FAIL(why, TDL_E_CORRUPT, "adaptive intervals: options are missing or wrong");
    options.window = (size_t)window;
    if ((st = tdl_adaptive_new(&options, &s, why)))
        return st;
    for (size_t at = 0; at < options.horizons; at++)
        if ((st = load_horizon(s, at, json_array_get(of, at), why))) {
            tdl_adaptive_free(s);
            return st;
        }
    *ret = s;
    return TDL_OK;
}

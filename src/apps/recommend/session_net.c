#include "apps/recommend/session_net.h"

#include <stdlib.h>
#include <string.h>

#include "apps/recommend/behaviour.h"

enum { TOKENS = 500000, EPOCHS_MAX = 20, EPOCHS_MIN = 2, LOOKS_BACK = 64 };

static const double EVEN_SHARE = 1e-3; /* of the even distribution, against surprise */

struct tdl_session_net {
    tdl_behaviour *body;
    size_t classes_n; /* symbol classes_n: a session begins */
};

void tdl_session_net_free(tdl_session_net *m)
{
    if (!m)
        return;
    tdl_behaviour_free(m->body);
    free(m);
}

/* Behind a symbol of the beginning, no two at one time. ret_item, ret_time_us [n + 1] */
static void lay_out(const int32_t *symbol, const int64_t *time_us, size_t n, size_t classes_n,
                    int32_t *ret_item, int64_t *ret_time_us)
{
    ret_item[0] = (int32_t)classes_n;
    ret_time_us[0] = n && time_us[0] > INT64_MIN ? time_us[0] - 1 : INT64_MIN;
    for (size_t i = 0; i < n; i++) {
        int64_t least_us = ret_time_us[i] < INT64_MAX ? ret_time_us[i] + 1 : INT64_MAX;
        ret_item[i + 1] = symbol[i];
        ret_time_us[i + 1] = time_us[i] > least_us ? time_us[i] : least_us;
    }
}

/* As many passes as the budget has, and none to choose by: the last symbol of a session, its end,
 * says little. */
static unsigned epochs_of(size_t tokens)
{
    size_t epochs = TOKENS / (tokens ? tokens : 1);

    return (unsigned)(epochs < EPOCHS_MIN ? EPOCHS_MIN : epochs > EPOCHS_MAX ? EPOCHS_MAX : epochs);
}

tdl_status tdl_session_net_fit(const tdl_sessions *s, uint64_t seed, tdl_pool *pool,
                               tdl_session_net **ret, tdl_report *why)
{
    size_t tokens = s->offsets[s->n] + s->n;
    size_t *offsets = malloc((s->n + 1) * sizeof *offsets);
    int32_t *item = malloc((tokens + 1) * sizeof *item);
    int64_t *time_us = malloc((tokens + 1) * sizeof *time_us);
    tdl_session_net *m = calloc(1, sizeof *m);
    tdl_status st = TDL_OK;

    if (!offsets || !item || !time_us || !m) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu sessions", s->n);
        goto out;
    }
    for (size_t k = 0; k <= s->n; k++)
        offsets[k] = s->offsets[k] + k;
    for (size_t k = 0; k < s->n; k++)
        lay_out(s->symbol + s->offsets[k], s->time_us + s->offsets[k],
                s->offsets[k + 1] - s->offsets[k], s->classes_n, item + offsets[k],
                time_us + offsets[k]);
    const tdl_interactions all = {s->n, s->classes_n + 1, offsets, item, time_us};
    const tdl_fit_data data = {&all, offsets + 1};
    const tdl_behaviour_params params = {
        .window = LOOKS_BACK, .full = true, .drop = .2, .rate = 2e-3, .batch = 64};
    tdl_fit_options options = {
        .seed = seed, .pool = pool, .epochs = epochs_of(tokens), .params = &params};
    m->classes_n = s->classes_n;
    if ((st = tdl_behaviour_fit(&data, &options, &m->body, why)))
        goto out;
    *ret = m;
    m = NULL; /* the caller's now */
out:
    tdl_session_net_free(m);
    free(offsets);
    free(item);
    free(time_us);
    return st;
}

tdl_status tdl_session_net_after(const tdl_session_net *m, const int32_t *symbol,
                                 const int64_t *time_us, size_t n, double *ret)
{
    size_t items_n = m->classes_n + 1, from = n < LOOKS_BACK ? 0 : n - LOOKS_BACK + 1;
    int32_t item[LOOKS_BACK + 1];
    int64_t at_us[LOOKS_BACK + 1];
    float vector[TDL_BEHAVIOUR_D_MAX], *scores = malloc(items_n * sizeof *scores);
    tdl_status st;

    if (!scores)
        return TDL_E_NO_MEMORY;
    lay_out(symbol + from, time_us + from, n - from, m->classes_n, item, at_us);
    const tdl_history history = {item, at_us, n - from + 1};
    if (!(st = tdl_behaviour_vector(m->body, &history, vector))) {
        tdl_behaviour_scores(m->body, vector, scores);
        double left = 1 - (double)scores[m->classes_n], even = 1 / (double)m->classes_n;
        for (size_t c = 0; c < m->classes_n; c++)
            ret[c] =
                left > 0 ? (1 - EVEN_SHARE) * (double)scores[c] / left + EVEN_SHARE * even : even;
    }
    free(scores);
    return st;
}

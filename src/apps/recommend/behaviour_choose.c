/* Sizes of a behaviour model by the data it is to learn from, and what learning them costs. */
#include <stdio.h>

#include "apps/recommend/behaviour_net.h"

enum {
    FULL_ITEMS_MAX = 5000, /* softmax over all of them */
    NEGATIVES = 512,
    WIDTH = 64,
    WINDOW = 50,
    BATCH_TOKENS = 1600, /* of a step, roughly: windows are ragged */
    BATCH_MAX = 128,
    EPOCHS = 40,
    PATIENCE = 4,
    TOKENS = 1600000,      /* a fit may take without being asked, */
    EPOCHS_MIN = 3,        /* of a log too large for that */
    SECONDS_MAX = 4 * 3600 /* past that it is refused */
};

static const double DROP = .5, RATE = 2e-3;
static const double WORK = 6e11; /* and products of all its tokens: a minute, not many */

/* Products per CPU-second that training comes to on a slow core, and what a token and a parameter
 * of a step cost beside them. */
static const double PRODUCTS = 8e9, TOKEN_S = 4e-6, PARAMETER_S = 1.5e-9;

static void fill(size_t *value, size_t with)
{
    if (!*value)
        *value = with;
}

typedef struct amount {
    size_t tokens, groups, people; /* of histories of two events or more */
} amount;

static amount amount_of(const tdl_fit_data *data)
{
    amount a = {0};

    for (size_t u = 0; u < data->all->users_n; u++) {
        tdl_history h = tdl_fit_history(data, u);
        if (h.n < 2)
            continue;
        a.people++;
        a.tokens += h.n;
        for (size_t i = 0; i < h.n; i++)
            a.groups += i == 0 || h.time_us[i] != h.time_us[i - 1];
    }
    return a;
}

/* Products that one token costs in training. */
static double token_products(const tdl_behaviour_params *p, size_t items_n)
{
    double d = (double)p->d, scored = p->full ? (double)items_n : (double)p->negatives + 1;
    double block = 4 * d * d + 2 * d * (double)p->hidden + (double)p->window * d;

    return 3 * (scored * d + (double)p->blocks * block);
}

/* CPU seconds of one pass over all events. */
static double epoch_seconds(const tdl_behaviour_params *p, size_t items_n, const amount *a)
{
    double d = (double)p->d;
    double each = (double)a->tokens / (double)(a->people ? a->people : 1);
    double windows = each < (double)p->window ? each : (double)p->window;
    double steps = (double)a->tokens / (windows * (double)p->batch + 1) + 1;

    return (double)a->tokens * (token_products(p, items_n) / PRODUCTS + TOKEN_S) +
           steps * (double)items_n * d * PARAMETER_S;
}

/* Windows of a step: short histories fill no window. */
static size_t batch_of(const tdl_behaviour_params *p, const amount *a)
{
    size_t each = a->people ? a->tokens / a->people : 1, rows;

    each = each > p->window ? p->window : each ? each : 1;
    rows = BATCH_TOKENS / each;
    return rows < 4 ? 4 : rows > BATCH_MAX ? BATCH_MAX : rows;
}

tdl_status tdl_behaviour_choose(const tdl_fit_data *data, tdl_behaviour_params *p, tdl_report *why)
{
    size_t items_n = data->all->items_n;
    amount a = amount_of(data);
    size_t group = a.groups ? (a.tokens + a.groups / 2) / a.groups : 1;

    fill(&p->d, WIDTH);
    fill(&p->blocks, 1);
    fill(&p->heads, 2);
    fill(&p->hidden, p->d);
    fill(&p->window, group > 3 ? 4 * WINDOW : group > 1 ? 2 * WINDOW : WINDOW);
    fill(&p->kinds_n, 1);
    if (!p->negatives) {
        p->full = p->full || items_n <= FULL_ITEMS_MAX;
        p->negatives = NEGATIVES;
    }
    fill(&p->batch, batch_of(p, &a));
    if (p->drop == 0)
        p->drop = DROP;
    if (p->rate == 0)
        p->rate = RATE;
    if (!p->patience)
        p->patience = PATIENCE;
    if (!p->tokens_max) {
        double most = WORK / token_products(p, items_n);
        p->tokens_max = most < TOKENS ? (size_t)most : TOKENS;
    }
    if (!p->epochs) {
        size_t epochs = p->tokens_max / (a.tokens ? a.tokens : 1);
        p->epochs = (unsigned)(epochs < EPOCHS_MIN ? EPOCHS_MIN
                               : epochs > EPOCHS   ? EPOCHS
                                                   : epochs);
    }
    double seconds = p->epochs * epoch_seconds(p, items_n, &a);
    if (seconds > SECONDS_MAX)
        return TDL_FAIL_HINT(why, TDL_E_TOO_LARGE, "the other models take such a log as it is",
                             "the behaviour model would learn %zu events of %zu items for about "
                             "%.0f hours of CPU time, at most %d are taken",
                             a.tokens, items_n, seconds / 3600, SECONDS_MAX / 3600);
    return TDL_OK;
}

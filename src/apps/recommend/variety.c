/* What the lists of a trial are like: see tdl_variety in rung_trial.h. */
#include <math.h>
#include <stdlib.h>

#include "apps/recommend/rung_trial.h"
#include "base/sorted.h"
#include "stats/lists.h"

/* Distances of lists cost a walk over the people of each pair: of this many lists, evenly chosen.
 */
enum { DISTANCE_LISTS = 500 };

/* Who had each item. */
typedef struct takers {
    size_t *first; /* [items_n + 2] into user */
    int32_t *user; /* ascending within an item */
} takers;

static bool list_takers(const tdl_interactions *all, takers *t)
{
    t->first = calloc(all->items_n + 2, sizeof *t->first);
    t->user = malloc((all->offsets[all->users_n] + 1) * sizeof *t->user);
    if (!t->first || !t->user)
        return false;
    for (size_t i = 0; i < all->offsets[all->users_n]; i++)
        t->first[all->item[i] + 2]++;
    for (size_t i = 2; i <= all->items_n; i++)
        t->first[i] += t->first[i - 1];
    /* first[i + 1] now is where item i begins; filling moves it to where it ends */
    for (size_t u = 0; u < all->users_n; u++)
        for (size_t i = all->offsets[u]; i < all->offsets[u + 1]; i++)
            t->user[t->first[all->item[i] + 1]++] = (int32_t)u;
    return true;
}

/* Cosine of two items as sets of people. */
static double cosine(const takers *t, int32_t a, int32_t b)
{
    const int32_t *x = t->user + t->first[a], *x_end = t->user + t->first[a + 1];
    const int32_t *y = t->user + t->first[b], *y_end = t->user + t->first[b + 1];
    double size = (double)(x_end - x) * (double)(y_end - y), both = 0;

    while (x < x_end && y < y_end) {
        both += *x == *y;
        int32_t least = *x < *y ? *x : *y;
        x += *x == least;
        y += *y == least;
    }
    return size > 0 ? both / sqrt(size) : 0;
}

static double list_distance(const takers *t, const int32_t *list)
{
    double sum = 0;
    size_t pairs = 0;

    for (size_t i = 0; i < TDL_RUNG_TRIAL_LIST && list[i] >= 0; i++)
        for (size_t j = i + 1; j < TDL_RUNG_TRIAL_LIST && list[j] >= 0; j++, pairs++)
            sum += 1 - cosine(t, list[i], list[j]);
    return pairs ? sum / (double)pairs : 0;
}

static double mean_distance(const tdl_holdout *split, const tdl_rung_trial *trial, const takers *t)
{
    size_t n = split->questions_n < DISTANCE_LISTS ? split->questions_n : DISTANCE_LISTS, lists = 0;
    double sum = 0;

    for (size_t i = 0; i < n; i++) {
        const int32_t *list = trial->list[i * split->questions_n / n];
        if (list[1] < 0)
            continue;
        sum += list_distance(t, list);
        lists++;
    }
    return lists ? sum / (double)lists : 0;
}

/* count [items_n]: how often each item was taken in training. shown [items_n] and item [places] are
 * room. */
static void look_at_lists(const tdl_holdout *split, tdl_rung_trial *trial, double *shown,
                          int32_t *item, const double *count)
{
    size_t items_n = split->items_n, seen_n = 0, places = 0;
    double total = 0;

    for (size_t i = 0; i < items_n; i++)
        total += count[i];
    for (size_t q = 0; q < split->questions_n; q++)
        for (size_t i = 0; i < TDL_RUNG_TRIAL_LIST && trial->list[q][i] >= 0; i++) {
            item[places++] = trial->list[q][i];
            seen_n += shown[trial->list[q][i]]++ == 0;
        }
    tdl_sort_numbers(shown, items_n);
    trial->variety.coverage = items_n ? (double)seen_n / (double)items_n : 0;
    trial->variety.novelty = total > 0 ? tdl_novelty(item, places, count, total) : 0;
    trial->variety.gini = tdl_gini(shown, items_n);
}

tdl_status tdl_rung_trial_variety(const tdl_holdout *split, tdl_rung_trial *trial, tdl_report *why)
{
    const tdl_interactions *all = &split->all.view;
    double *shown = calloc(split->items_n + 1, sizeof *shown);
    double *count = calloc(split->items_n + 1, sizeof *count);
    int32_t *item = malloc((split->questions_n * TDL_RUNG_TRIAL_LIST + 1) * sizeof *item);
    takers t = {0};
    tdl_status st = TDL_OK;

    if (!shown || !count || !item || !list_takers(&split->first.view, &t)) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to look at %zu lists", split->questions_n);
        goto out;
    }
    for (size_t i = 0; i < all->offsets[all->users_n]; i++)
        count[all->item[i]]++;
    look_at_lists(split, trial, shown, item, count);
    trial->variety.distance = mean_distance(split, trial, &t);
out:
    free(shown);
    free(count);
    free(item);
    free(t.first);
    free(t.user);
    return st;
}

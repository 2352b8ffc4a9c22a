/* What was shown, as JSON. */
#include <math.h>
#include <stdlib.h>

#include "apps/recommend/shown_parts.h"
#include "base/sorted.h"
#include "stats/classify.h"
#include "stats/lists.h"

enum { TOP = 20, PARITY_MIN = 30 /* answers of a segment that is compared */ };
#define DAY_US INT64_C(86400000000)
#define Z95    1.959963984540054

/* ---- rates ---- */

void tdl_shown_write_rate(tdl_jw *w, tdl_shown_count c, double design_effect)
{
    double rate = c.n ? (double)c.taken / (double)c.n : NAN, low = NAN, high = NAN;

    if (c.n)
        tdl_wilson(rate, (double)c.n / design_effect, Z95, &low, &high);
    tdl_jw_kint(w, "n", c.n);
    tdl_jw_kint(w, "taken", c.taken);
    tdl_jw_knumber(w, "rate", rate);
    tdl_jw_knumber(w, "low", low);
    tdl_jw_knumber(w, "high", high);
}

static void write_count(tdl_jw *w, const char *key, tdl_shown_count c, double design_effect)
{
    tdl_jw_key(w, key);
    tdl_jw_object(w);
    tdl_shown_write_rate(w, c, design_effect);
    tdl_jw_end_object(w);
}

double tdl_shown_share(int64_t part, int64_t whole)
{
    return whole ? (double)part / (double)whole : NAN;
}

static void write_kind(const tdl_shown_writing *x, const tdl_shown_tally *t, int kind)
{
    tdl_jw *w = x->w;

    tdl_jw_object(w);
    if (kind < TDL_SHOWN_KINDS - 1)
        tdl_jw_kstr(w, "kind", tdl_names_at(x->shown->kinds, kind));
    else
        tdl_jw_ktext(w, "kind", NULL); // all others
    tdl_shown_write_rate(w, (tdl_shown_count){t->answers.n, t->kind_answers[kind]},
                         tdl_shown_design_effect(t, kind));
    tdl_jw_kint(w, "slots", t->kind_slots[kind]);
    tdl_jw_knumber(w, "slot_rate", tdl_shown_share(t->kind_slots[kind], t->slots_n));
    tdl_jw_kint(w, "events", t->kind_events[kind]);
    tdl_jw_knumber(w, "value", t->kind_value[kind]);
    tdl_jw_end_object(w);
}

/* Those of most answers first. */
static void write_kinds(const tdl_shown_writing *x, const tdl_shown_tally *t)
{
    int order[TDL_SHOWN_KINDS];
    size_t n = 0;

    for (int kind = 0; kind < TDL_SHOWN_KINDS; kind++) {
        size_t at = n;
        if (!t->kind_events[kind])
            continue;
        for (; at > 0 && t->kind_answers[order[at - 1]] < t->kind_answers[kind]; at--)
            order[at] = order[at - 1];
        order[at] = kind;
        n++;
    }
    tdl_jw_key(x->w, "outcomes");
    tdl_jw_array(x->w);
    for (size_t i = 0; i < n; i++)
        write_kind(x, t, order[i]);
    tdl_jw_end_array(x->w);
}

static void write_positions(tdl_jw *w, const tdl_shown_tally *t, double design_effect)
{
    tdl_jw_key(w, "positions");
    tdl_jw_array(w);
    for (size_t i = 0; i < TDL_EFFECTS_SLOTS; i++) {
        if (!t->position[i].all.n)
            continue;
        tdl_jw_object(w);
        tdl_jw_kint(w, "position", (int64_t)i + 1);
        tdl_shown_write_rate(w, t->position[i].all, design_effect);
        tdl_jw_end_object(w);
    }
    tdl_jw_end_array(w);
}

/* ---- exploration: what chance cost ---- */

/* Successes that the slots of chance would have had at the rate of the others of their position. */
static double forgone(const tdl_shown_tally *t)
{
    double sum = 0;

    for (size_t i = 0; i < TDL_EFFECTS_SLOTS; i++) {
        tdl_shown_count all = t->position[i].all, by_chance = t->position[i].explored;
        int64_t others_n = all.n - by_chance.n;
        if (others_n && by_chance.n)
            sum += (double)by_chance.n * (double)(all.taken - by_chance.taken) / (double)others_n -
                   (double)by_chance.taken;
    }
    return sum;
}

static void write_exploration(tdl_jw *w, const tdl_shown_tally *t, double design_effect)
{
    tdl_shown_count others = {t->slots_n - t->explored.n, 0};

    for (size_t i = 0; i < TDL_EFFECTS_SLOTS; i++)
        others.taken += t->position[i].all.taken - t->position[i].explored.taken;
    tdl_jw_key(w, "exploration");
    tdl_jw_object(w);
    tdl_jw_knumber(w, "share", tdl_shown_share(t->explored.n, t->slots_n));
    write_count(w, "by_chance", t->explored, design_effect);
    write_count(w, "others", others, design_effect);
    tdl_jw_knumber(w, "forgone", forgone(t));
    tdl_jw_end_object(w);
}

/* ---- the catalogue ---- */

size_t tdl_shown_bits(const uint64_t *bits, size_t n)
{
    size_t sum = 0;

    for (size_t i = 0; bits && i < n / 64 + 1; i++)
        sum += (size_t)__builtin_popcountll(bits[i]);
    return sum;
}

static void write_coverage(const tdl_shown_writing *x, const tdl_shown_tally *t)
{
    size_t shown_n = 0, at = 0;
    tdl_jw *w = x->w;

    for (size_t i = 0; i < t->catalogue_n; i++) {
        if (x->class_of[i] == TDL_SHOWN_NOBODY)
            continue;
        shown_n += t->shown[i] > 0;
        x->sorted[at++] = t->shown[i];
    }
    tdl_sort_numbers(x->sorted, at);
    tdl_jw_key(w, "coverage");
    tdl_jw_object(w);
    tdl_jw_kint(w, "items", (int64_t)shown_n);
    tdl_jw_kint(w, "of", (int64_t)x->items_n);
    tdl_jw_knumber(w, "share", tdl_shown_share((int64_t)shown_n, (int64_t)x->items_n));
    tdl_jw_knumber(w, "gini", x->items_n ? tdl_gini(x->sorted, at) : NAN);
    tdl_jw_end_object(w);
}

static void write_item_classes(const tdl_shown_writing *x, const tdl_shown_tally *t,
                               double design_effect)
{
    tdl_shown_count slots[TDL_SHOWN_SEGMENTS] = {{0}};
    size_t items[TDL_SHOWN_SEGMENTS] = {0}, shown[TDL_SHOWN_SEGMENTS] = {0};
    tdl_jw *w = x->w;

    for (size_t i = 0; i < t->catalogue_n; i++) {
        uint8_t class = x->class_of[i];
        items[class]++;
        shown[class] += t->shown[i] > 0;
        slots[class].n += t->shown[i];
        slots[class].taken += t->taken[i];
    }
    tdl_jw_key(w, "item_classes");
    tdl_jw_array(w);
    for (size_t i = TDL_SHOWN_STRANGER; i < TDL_SHOWN_SEGMENTS; i++) {
        tdl_jw_object(w);
        tdl_jw_ktext(w, "users", tdl_shown_segment_text((tdl_shown_segment)i));
        tdl_jw_kint(w, "items", (int64_t)items[i]);
        tdl_jw_kint(w, "shown", (int64_t)shown[i]);
        tdl_jw_knumber(w, "share", tdl_shown_share(slots[i].n, t->slots_n));
        tdl_shown_write_rate(w, slots[i], design_effect);
        tdl_jw_end_object(w);
    }
    tdl_jw_end_array(w);
}

static void write_item_head(const tdl_shown_writing *x, int32_t item)
{
    tdl_buf_str(x->w->out, TDL_STR("\"id\":"));
    tdl_buf_str(x->w->out, tdl_catalogue_json(x->catalogue, item));
    x->w->has_member[x->w->depth - 1] = true; // what was written by hand
}

/* The most shown first; of equals, the one that came first. */
static void write_top(const tdl_shown_writing *x, const tdl_shown_tally *t)
{
    size_t top[TOP], n = 0;
    tdl_jw *w = x->w;

    for (size_t i = 0; i < t->catalogue_n; i++) {
        size_t at = n;
        if (!t->shown[i] || (n == TOP && t->shown[i] <= t->shown[top[TOP - 1]]))
            continue;
        if (n < TOP)
            n++;
        else
            at = TOP - 1;
        for (; at > 0 && t->shown[top[at - 1]] < t->shown[i]; at--)
            top[at] = top[at - 1];
        top[at] = i;
    }
    tdl_jw_key(w, "top");
    tdl_jw_array(w);
    for (size_t i = 0; i < n; i++) {
        tdl_jw_object(w);
        write_item_head(x, (int32_t)top[i]);
        tdl_jw_kint(w, "slots", t->shown[top[i]]);
        tdl_jw_knumber(w, "share", tdl_shown_share(t->shown[top[i]], t->slots_n));
        tdl_jw_kint(w, "taken", t->taken[top[i]]);
        tdl_jw_end_object(w);
    }
    tdl_jw_end_array(w);
}

/* ---- persons ---- */

double tdl_shown_parity(const tdl_shown_part *part, size_t parts_n)
{
    double low = INFINITY, high = 0;
    size_t n = 0;

    for (size_t i = 0; i < parts_n; i++) {
        tdl_shown_count c = part[i].answers;
        if (c.n < PARITY_MIN)
            continue;
        low = fmin(low, tdl_shown_share(c.taken, c.n));
        high = fmax(high, tdl_shown_share(c.taken, c.n));
        n++;
    }
    return n > 1 && high > 0 ? low / high : NAN;
}

static void write_segments(const tdl_shown_writing *x, const tdl_shown_tally *t,
                           double design_effect)
{
    tdl_jw *w = x->w;

    tdl_jw_knumber(w, "parity", tdl_shown_parity(t->part, TDL_SHOWN_SEGMENTS));
    tdl_jw_key(w, "segments");
    tdl_jw_array(w);
    for (size_t i = 0; i < TDL_SHOWN_SEGMENTS; i++) {
        if (!t->part[i].answers.n)
            continue;
        tdl_jw_object(w);
        tdl_jw_ktext(w, "history", tdl_shown_segment_text((tdl_shown_segment)i));
        tdl_shown_write_rate(w, t->part[i].answers, design_effect);
        tdl_jw_kint(w, "slots", t->part[i].slots);
        tdl_jw_kint(w, "items", (int64_t)tdl_shown_bits(t->part[i].items, t->catalogue_n));
        tdl_jw_end_object(w);
    }
    tdl_jw_end_array(w);
}

static void write_days(tdl_jw *w, const tdl_shown_tally *t, double design_effect)
{
    tdl_jw_key(w, "days");
    tdl_jw_array(w);
    for (size_t i = 0; i < t->days_n; i++) {
        if (!t->day[i].n)
            continue;
        tdl_jw_object(w);
        tdl_jw_ktime(w, "day", (t->first_day + (int64_t)i) * DAY_US);
        tdl_shown_write_rate(w, t->day[i], design_effect);
        tdl_jw_end_object(w);
    }
    tdl_jw_end_array(w);
}

/* ---- one surface ---- */

/* False: no memory. */
static bool write_surface(const tdl_shown_writing *x, const tdl_shown_tally *t)
{
    double design_effect = tdl_shown_design_effect(t, -1);
    int32_t item = x->shown->item;
    tdl_jw *w = x->w;

    tdl_jw_object(w);
    tdl_jw_ktext(w, "surface", t->surface[0] ? t->surface : NULL);
    tdl_jw_kint(w, "window_seconds", t->window_us / 1000000);
    write_count(w, "answers", t->answers, design_effect);
    tdl_jw_kint(w, "empty", t->empty_n);
    tdl_jw_kint(w, "with_views", t->with_views_n);
    tdl_jw_kint(w, "people", (int64_t)tdl_shown_people_count(t));
    tdl_jw_knumber(w, "design_effect", design_effect);
    tdl_jw_kint(w, "slots", t->slots_n);
    tdl_jw_key(w, "sources");
    tdl_jw_object(w);
    for (size_t i = 0; i < TDL_SOURCES_N; i++)
        tdl_jw_kint(w, tdl_source_name((tdl_source)i), t->source[i]);
    tdl_jw_end_object(w);
    write_coverage(x, t);
    write_exploration(w, t, design_effect);
    write_count(w, "forced", t->forced, design_effect);
    write_kinds(x, t);
    write_positions(w, t, design_effect);
    write_segments(x, t, design_effect);
    bool ok = tdl_shown_write_fair(x, t, design_effect);
    tdl_shown_write_what_if(t, w);
    write_item_classes(x, t, design_effect);
    write_top(x, t);
    write_days(w, t, design_effect);
    if (item >= 0)
        write_count(w, "item",
                    (tdl_shown_count){t->shown[(uint32_t)item], t->taken[(uint32_t)item]},
                    design_effect);
    tdl_jw_end_object(w);
    return ok;
}

/* ---- the whole ---- */

static bool says(const tdl_record *record, int32_t attribute)
{
    const tdl_operand *value = tdl_record_at(record, attribute);

    return value && value->kind != TDL_OPERAND_NONE;
}

static void write_catalogue(const tdl_shown_writing *x)
{
    size_t available = 0, described = 0, price = 0, category = 0, image = 0;
    tdl_jw *w = x->w;

    for (size_t i = 0; i < x->shown->catalogue_n; i++) {
        const tdl_record *record = tdl_catalogue_record(x->catalogue, (int32_t)i);
        if (x->class_of[i] == TDL_SHOWN_NOBODY)
            continue;
        available += !record || record->available;
        described += record != NULL;
        price += says(record, TDL_ATTRIBUTE_OF(price));
        category += says(record, TDL_ATTRIBUTE_OF(categories));
        image += says(record, TDL_ATTRIBUTE_OF(image));
    }
    tdl_jw_key(w, "catalogue");
    tdl_jw_object(w);
    tdl_jw_kint(w, "items", (int64_t)x->items_n);
    tdl_jw_kint(w, "deleted", (int64_t)(x->shown->catalogue_n - x->items_n));
    tdl_jw_kint(w, "available", (int64_t)available);
    tdl_jw_kint(w, "described", (int64_t)described);
    tdl_jw_kint(w, "with_price", (int64_t)price);
    tdl_jw_kint(w, "with_category", (int64_t)category);
    tdl_jw_kint(w, "with_image", (int64_t)image);
    tdl_jw_end_object(w);
}

static void write_item(const tdl_shown_writing *x)
{
    const tdl_shown *s = x->shown;
    tdl_jw *w = x->w;

    tdl_jw_key(w, "item");
    if (s->item < 0) {
        tdl_jw_null(w);
        return;
    }
    tdl_jw_object(w);
    write_item_head(x, s->item);
    tdl_jw_kint(w, "users", (int64_t)tdl_catalogue_users(x->catalogue)[s->item]);
    tdl_jw_key(w, "events");
    tdl_jw_array(w);
    for (int k = 0; k < TDL_SHOWN_KINDS; k++) {
        if (!s->item_events[k])
            continue;
        tdl_jw_object(w);
        if (k < TDL_SHOWN_KINDS - 1)
            tdl_jw_kstr(w, "kind", tdl_names_at(s->item_kinds, k));
        else
            tdl_jw_ktext(w, "kind", NULL);
        tdl_jw_kint(w, "n", s->item_events[k]);
        tdl_jw_end_object(w);
    }
    tdl_jw_end_array(w);
    tdl_jw_end_object(w);
}

static void class_items(tdl_shown_writing *x)
{
    const float *users = tdl_catalogue_users(x->catalogue);

    for (size_t i = 0; i < x->shown->catalogue_n; i++) {
        const tdl_record *record = tdl_catalogue_record(x->catalogue, (int32_t)i);
        bool deleted = record && record->deleted;
        x->class_of[i] =
            (uint8_t)(deleted ? TDL_SHOWN_NOBODY : tdl_shown_segment_of((size_t)users[i]));
        x->items_n += !deleted;
    }
}

static int by_answers(const void *a, const void *b)
{
    const tdl_shown_tally *x = *(tdl_shown_tally *const *)a, *y = *(tdl_shown_tally *const *)b;

    if (x->answers.n != y->answers.n)
        return x->answers.n < y->answers.n ? 1 : -1;
    return strcmp(x->surface, y->surface);
}

/* What learns with every event, as it is now. */
static void write_live(const tdl_app *app, tdl_jw *w)
{
    const tdl_live_figures f = tdl_live_state_figures(app->live);

    tdl_jw_key(w, "live");
    tdl_jw_object(w);
    tdl_jw_kint(w, "people", (int64_t)f.persons_n);
    tdl_jw_kint(w, "items", (int64_t)tdl_catalogue_count(app->catalogue));
    tdl_jw_kint(w, "taken", (int64_t)f.entries_n);
    tdl_jw_kint(w, "robots", (int64_t)f.robots_n);
    tdl_jw_kint(w, "of_the_future", (int64_t)f.early_n);
    tdl_jw_kint(w, "crowded_out", (int64_t)f.crowded_n);
    tdl_jw_kint(w, "lost", (int64_t)f.lost_n);
    tdl_jw_kint(w, "ring_bytes", (int64_t)f.ring_bytes);
    tdl_jw_kint(w, "popular_bytes", (int64_t)f.popular_bytes);
    tdl_jw_kint(w, "directed_bytes", (int64_t)f.directed_bytes);
    tdl_jw_end_object(w);
}

static bool write_report(tdl_shown_writing *x)
{
    const tdl_shown *s = x->shown;
    tdl_shown_tally *tally[TDL_SHOWN_TALLIES_MAX];
    bool ok = true;

    memcpy(tally, s->tally, sizeof tally);
    qsort(tally, s->tallies_n, sizeof *tally, by_answers);
    tdl_jw_object(x->w);
    tdl_jw_ktime(x->w, "from", s->ask->from_us);
    tdl_jw_ktime(x->w, "to", s->until_us);
    tdl_jw_kbool(x->w, "complete", s->complete);
    tdl_jw_kint(x->w, "decisions", s->decisions_n);
    tdl_jw_kint(x->w, "closed_early", s->early_n);
    write_catalogue(x);
    write_live(s->app, x->w);
    tdl_jw_key(x->w, "trait");
    if (s->app->segment_len)
        tdl_jw_str(x->w, (tdl_str){s->app->segment, s->app->segment_len});
    else
        tdl_jw_null(x->w);
    write_item(x);
    tdl_jw_key(x->w, "surfaces");
    tdl_jw_array(x->w);
    for (size_t i = 0; i < s->tallies_n; i++)
        ok = write_surface(x, tally[i]) && ok;
    tdl_jw_end_array(x->w);
    tdl_jw_end_object(x->w);
    return ok;
}

tdl_status tdl_shown_write(const tdl_shown *s, tdl_jw *out, tdl_report *why)
{
    size_t n = s->catalogue_n + 1; // never none
    tdl_shown_writing x = {.shown = s,
                           .catalogue = s->app->catalogue,
                           .w = out,
                           .class_of = calloc(n, sizeof *x.class_of),
                           .sorted = calloc(n, sizeof *x.sorted)};
    tdl_status st = x.class_of && x.sorted
                        ? TDL_OK
                        : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the report");

    if (!st) {
        pthread_rwlock_rdlock(&s->app->lock);
        class_items(&x);
        if (!write_report(&x))
            st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the report");
        pthread_rwlock_unlock(&s->app->lock);
    }
    free(x.class_of);
    free(x.sorted);
    return st;
}

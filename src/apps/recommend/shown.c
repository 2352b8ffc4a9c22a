#include "apps/recommend/shown.h"

#include <stdlib.h>

enum { PIECE = 200, PIECE_BYTES = 64 << 20 };
#define DAY_US        INT64_C(86400000000)
#define WINDOW_US     DAY_US /* of plain questions, and of surfaces that are gone */
#define WINDOW_MAX_US (60 * DAY_US)

static tdl_status no_memory(tdl_report *why)
{
    return TDL_FAIL_HINT(why, TDL_E_NO_MEMORY, "ask for one surface, or for fewer days",
                         "no memory for the report");
}

int tdl_shown_kind(tdl_names *kinds, tdl_str kind)
{
    int32_t found = tdl_names_find(kinds, kind);

    if (found < 0)
        found = tdl_names_count(kinds) < TDL_SHOWN_KINDS - 1 ? tdl_names_add(kinds, kind)
                                                             : TDL_SHOWN_KINDS - 1;
    return found;
}

/* ---- what an event does to an answer ---- */

/* slot NULL: the event named no item of the answer. */
static bool take(tdl_shown *s, tdl_shown_answer *answer, tdl_shown_slot *slot,
                 const tdl_event *event)
{
    if (tdl_str_eq(event->kind, TDL_SHOWN_VIEW)) {
        if (slot)
            answer->any_seen = slot->seen = true;
        return true;
    }
    int kind = tdl_shown_kind(s->kinds, event->kind);
    if (kind < 0)
        return false;
    answer->kinds |= (uint16_t)(1U << kind);
    if (slot)
        slot->kinds |= (uint16_t)(1U << kind);
    if (answer->surface >= s->tallies_n)
        return true; // of a surface that was not asked about
    tdl_shown_tally *tally = s->tally[answer->surface];
    tally->kind_events[kind]++;
    if (event->has_value)
        tally->kind_value[kind] += event->value;
    return true;
}

static void tally_closed(void *context, const tdl_shown_answer *answer)
{
    tdl_shown *s = context;

    if (answer->surface < s->tallies_n && !tdl_shown_tally_add(s->tally[answer->surface], answer))
        no_memory(&s->failed);
}

/* ---- from a row of the log to an answer ---- */

/* Its policy's of today. */
static int64_t window_of(tdl_app *app, tdl_str name)
{
    tdl_surface *surface = NULL;
    int64_t window_us = WINDOW_US;

    if (name.len && !tdl_surfaces_take(app->surfaces, name, &surface, NULL))
        window_us =
            surface->policy->window_us < WINDOW_MAX_US ? surface->policy->window_us : WINDOW_MAX_US;
    tdl_surface_drop(surface);
    return window_us;
}

/* SIZE_MAX: no memory. */
static size_t add_tally(tdl_shown *s, tdl_str surface)
{
    int64_t first = s->ask->from_us / DAY_US;
    size_t days = (size_t)((s->ask->until_us - 1) / DAY_US - first + 1);
    tdl_shown_tally *tally =
        tdl_shown_tally_new(surface, window_of(s->app, surface), s->catalogue_n, first, days);

    if (!tally)
        return SIZE_MAX;
    s->tally[s->tallies_n] = tally;
    if (tally->window_us > s->window_max_us)
        s->window_max_us = tally->window_us;
    return s->tallies_n++;
}

/* TDL_SHOWN_TALLIES_MAX: it was not asked about. SIZE_MAX: no memory. */
static size_t tally_of(tdl_shown *s, tdl_str surface)
{
    for (size_t i = 0; i < s->tallies_n; i++)
        if (tdl_str_is(surface, s->tally[i]->surface))
            return i;
    if (s->ask->surface.len || s->tallies_n == TDL_SHOWN_TALLIES_MAX)
        return TDL_SHOWN_TALLIES_MAX;
    return add_tally(s, surface);
}

/* Answers for surfaces say in their row what they are; others have none. */
static bool read_effects(const tdl_decision *d, tdl_effects *ret)
{
    tdl_packed packed = {d->why.at, d->why.len, false};

    uint64_t form = tdl_packed_number(&packed, 1);

    return tdl_effects_has(form) && tdl_effects_unpack(&packed, form, ret);
}

static tdl_shown_segment segment_of(const tdl_app *app, const tdl_decision *d)
{
    size_t n = 0;

    if (!d->user.len)
        return TDL_SHOWN_NOBODY;
    tdl_history h = tdl_histories_of(app->histories, d->user, NULL);
    while (n < h.n && h.time_us[n] < d->time_us)
        n++;
    return tdl_shown_segment_of(n);
}

/* By the trait that surfaces name (segments.c), as people are today. -1: no memory. */
static int group_of(const tdl_shown *s, int32_t person)
{
    tdl_str value = tdl_live_segment_of(s->app->live, person);
    int32_t found = value.len ? tdl_names_find(s->groups, value) : TDL_SHOWN_GROUPS;

    if (found < 0)
        found = tdl_names_count(s->groups) < TDL_SHOWN_GROUPS ? tdl_names_add(s->groups, value)
                                                              : TDL_SHOWN_GROUPS;
    return found;
}

static uint64_t cluster_of(const tdl_decision *d, int32_t person)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); // FNV-1a, of who is no number yet
    tdl_str name = d->user.len ? d->user : tdl_str_of(d->id);

    if (person >= 0)
        return (uint64_t)(uint32_t)person;
    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ (unsigned char)name.at[i]) * UINT64_C(0x100000001b3);
    return hash | UINT64_C(1) << 63;
}

static void fill_slots(const tdl_shown *s, const tdl_decision *d, const tdl_effects *effects,
                       tdl_shown_answer *a)
{
    for (size_t i = 0; i < a->slots_n; i++) {
        tdl_shown_slot *slot = &a->slot[i];
        slot->item = tdl_catalogue_find(s->app->catalogue, d->candidates[i].item);
        if (!effects)
            continue;
        slot->explored = effects->slot[i].explored;
        slot->forced = effects->slot[i].forced;
        slot->source = effects->slot[i].source;
    }
}

static tdl_shown_slot *slot_of(const tdl_shown *s, tdl_shown_answer *a, tdl_str item)
{
    int32_t number = item.len ? tdl_catalogue_find(s->app->catalogue, item) : -1;

    for (size_t i = 0; number >= 0 && i < a->slots_n; i++)
        if (a->slot[i].item == number)
            return &a->slot[i];
    return NULL;
}

/* Under the lock. effects: room for those of one answer. */
static bool add_row(tdl_shown *s, const tdl_decision_row *row, tdl_effects *effects)
{
    const tdl_decision *d = &row->decision;
    size_t chosen = 0;
    bool of_surface = read_effects(d, effects);
    size_t tally = tally_of(s, of_surface ? effects->surface : (tdl_str){0});

    while (chosen < d->candidates_n && chosen < TDL_EFFECTS_SLOTS && d->candidates[chosen].chosen)
        chosen++;
    of_surface = of_surface && effects->slots_n == chosen;
    tdl_shown_answer *a = tally == SIZE_MAX ? NULL : tdl_shown_answer_new(chosen);
    if (!a)
        return false;
    a->time_us = d->time_us;
    a->until_us = d->time_us + (tally < s->tallies_n ? s->tally[tally]->window_us : WINDOW_US);
    a->person = d->user.len ? tdl_histories_person(s->app->histories, d->user) : -1;
    a->cluster = cluster_of(d, a->person);
    a->surface = tally;
    a->segment = (uint8_t)segment_of(s->app, d);
    int group = group_of(s, a->person);
    a->group = (uint8_t)group;
    fill_slots(s, d, of_surface ? effects : NULL, a);
    bool ok = group >= 0;
    if (ok && of_surface && tally < s->tallies_n)
        ok = !tdl_what_if_add_row(s->tally[tally]->what_if, row, effects, NULL);
    for (size_t i = 0; ok && i < row->rewards_n; i++)
        ok = take(s, a, slot_of(s, a, row->rewards[i].item), &row->rewards[i]);
    if (ok && tdl_shown_answers_add(s->answers, a))
        return true;
    free(a);
    return false;
}

static tdl_status read_piece(tdl_shown *s, tdl_effects *effects, tdl_report *why)
{
    tdl_decision_row *row;
    size_t n;
    tdl_status st;

    tdl_arena_reset(s->arena);
    if ((st = tdl_store_log_read(s->app->context.store, &s->position, PIECE, s->arena, &row, &n,
                                 why)))
        return st;
    pthread_rwlock_rdlock(&s->app->lock);
    for (size_t i = 0; !st && i < n && !s->ended; i++) {
        const tdl_decision *d = &row[i].decision;
        if (d->time_us > s->read_us)
            s->read_us = d->time_us;
        s->ended = d->time_us >= s->ask->until_us + TDL_LOG_DISORDER_US;
        if (d->time_us < s->ask->from_us || d->time_us >= s->ask->until_us ||
            !tdl_str_is(d->app, tdl_recommend_app.name))
            continue;
        if (!add_row(s, &row[i], effects))
            st = no_memory(why);
        if (++s->decisions_n == TDL_SHOWN_DECISIONS_MAX) {
            s->ended = true;
            s->complete = false;
            s->until_us = d->time_us + 1;
        }
    }
    pthread_rwlock_unlock(&s->app->lock);
    s->ended |= n < PIECE;
    return st;
}

/* All answers that an event of this time may be due to. */
static tdl_status read_log(tdl_shown *s, int64_t time_us, tdl_effects *effects, tdl_report *why)
{
    tdl_status st = TDL_OK;

    while (!st && !s->ended &&
           (time_us == INT64_MAX || s->read_us <= time_us + TDL_LOG_DISORDER_US))
        st = read_piece(s, effects, why);
    return st;
}

/* ---- events that name no decision ---- */

static bool attribute(tdl_shown *s, const tdl_event *event)
{
    bool ok = true;

    pthread_rwlock_rdlock(&s->app->lock);
    int32_t item = tdl_catalogue_find(s->app->catalogue, event->item);
    int32_t person = tdl_histories_person(s->app->histories, event->user);
    pthread_rwlock_unlock(&s->app->lock);
    if (item >= 0 && item == s->item && event->time_us < s->ask->until_us) {
        int kind = tdl_shown_kind(s->item_kinds, event->kind);
        if ((ok = kind >= 0))
            s->item_events[kind]++;
    }
    if (event->decision_id.len)
        return ok; // it came with that decision
    tdl_shown_slot *slot = tdl_shown_answers_find(s->answers, person, item, event->time_us);
    return ok && (!slot || take(s, slot->answer, slot, event));
}

static tdl_status follow_events(tdl_shown *s, tdl_effects *effects, tdl_report *why)
{
    tdl_scan *scan = NULL;
    tdl_event event;
    bool more = true;
    tdl_status st = tdl_scan_open(s->app->context.store, s->ask->from_us, 0, &scan, why);

    while (!st && !(st = tdl_scan_next(scan, &event, NULL, &more, why)) && more) {
        if ((st = read_log(s, event.time_us, effects, why)) ||
            event.time_us >= s->ask->until_us + s->window_max_us)
            break;
        tdl_shown_answers_close(s->answers, event.time_us);
        if (event.item.len && !attribute(s, &event))
            st = no_memory(why);
    }
    tdl_scan_close(scan);
    return st;
}

/* ---- the report ---- */

static tdl_status check(tdl_shown *s, tdl_report *why)
{
    const tdl_shown_ask *ask = s->ask;
    tdl_surface *surface = NULL;
    tdl_status st = TDL_OK;

    if (ask->until_us <= ask->from_us)
        return TDL_FAIL(why, TDL_E_INVALID, "from must be before to");
    if (ask->until_us - ask->from_us > (TDL_SHOWN_DAYS_MAX - 1) * DAY_US)
        return TDL_FAIL(why, TDL_E_INVALID, "a report is of at most %d days",
                        TDL_SHOWN_DAYS_MAX - 1);
    if (ask->surface.len)
        st = tdl_surfaces_take(s->app->surfaces, ask->surface, &surface, why);
    tdl_surface_drop(surface);
    pthread_rwlock_rdlock(&s->app->lock);
    s->catalogue_n = tdl_catalogue_count(s->app->catalogue);
    if (!st && ask->item.len && (s->item = tdl_catalogue_find(s->app->catalogue, ask->item)) < 0)
        st = TDL_FAIL(why, TDL_E_NOT_FOUND, "there is no item \"%.*s\"", TDL_FMT(ask->item));
    pthread_rwlock_unlock(&s->app->lock);
    return st;
}

static tdl_status begin(tdl_shown *s, tdl_report *why)
{
    tdl_status st = check(s, why);

    if (st)
        return st;
    s->kinds = tdl_names_new();
    s->item_kinds = tdl_names_new();
    s->groups = tdl_names_new();
    s->arena = tdl_arena_new(PIECE_BYTES);
    s->answers = tdl_shown_answers_new(TDL_SHOWN_SLOTS_MAX, tally_closed, s);
    if (!s->kinds || !s->item_kinds || !s->groups || !s->arena || !s->answers)
        return no_memory(why);
    if (s->ask->surface.len && add_tally(s, s->ask->surface) == SIZE_MAX) // and no other
        return no_memory(why);
    return tdl_store_log_begin(s->app->context.store, s->ask->from_us, &s->position, why);
}

static void release(tdl_shown *s)
{
    for (size_t i = 0; i < s->tallies_n; i++)
        tdl_shown_tally_free(s->tally[i]);
    tdl_shown_answers_free(s->answers);
    tdl_names_free(s->kinds);
    tdl_names_free(s->item_kinds);
    tdl_names_free(s->groups);
    tdl_arena_free(s->arena);
    free(s);
}

tdl_status tdl_recommend_shown(tdl_app *app, const tdl_shown_ask *ask, tdl_jw *out, tdl_report *why)
{
    tdl_shown *s = calloc(1, sizeof *s);
    tdl_effects *effects = calloc(1, sizeof *effects);
    tdl_status st;

    if (!s || !effects) {
        free(s);
        free(effects);
        return no_memory(why);
    }
    s->app = app;
    s->ask = ask;
    s->item = -1;
    s->complete = true;
    s->read_us = INT64_MIN;
    s->until_us = ask->until_us;
    s->window_max_us = WINDOW_US;
    if ((st = begin(s, why)) || (st = follow_events(s, effects, why)))
        goto out;
    s->early_n = tdl_shown_answers_early(s->answers); // later ones miss no event
    if ((st = read_log(s, INT64_MAX, effects, why)))
        goto out;
    tdl_shown_answers_close(s->answers, INT64_MAX);
    if ((st = s->failed.status)) {
        if (why)
            *why = s->failed;
        goto out;
    }
    st = tdl_shown_write(s, out, why);
out:
    release(s);
    free(effects);
    return st;
}

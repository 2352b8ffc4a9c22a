#include "apps/recommend/what_if.h"

#include <stdlib.h>
#include <string.h>

#include "apps/recommend/names.h"
#include "apps/recommend/shown.h"

enum { PIECE = 200, PIECE_BYTES = 64 << 20, FIRST_ROWS = 256 };

typedef struct part_rows {
    tdl_logged_row *row; /* [cap] */
    size_t n, cap;
} part_rows;

struct tdl_what_if {
    size_t slots_max;
    tdl_names *parts, *users;
    part_rows of[TDL_WHAT_IF_PARTS_MAX]; /* by the number of a part's name */
};

tdl_what_if *tdl_what_if_new(size_t slots_max)
{
    tdl_what_if *w = calloc(1, sizeof *w);

    if (!w)
        return NULL;
    w->slots_max = slots_max;
    w->parts = tdl_names_new();
    w->users = tdl_names_new();
    if (w->parts && w->users)
        return w;
    tdl_what_if_free(w);
    return NULL;
}

void tdl_what_if_free(tdl_what_if *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < TDL_WHAT_IF_PARTS_MAX; i++)
        free(w->of[i].row);
    tdl_names_free(w->parts);
    tdl_names_free(w->users);
    free(w);
}

static tdl_status no_memory(tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for logged answers");
}

static bool put_row(part_rows *of, const tdl_logged_row *row, size_t slots_max)
{
    if (of->n == slots_max)
        return true;
    if (of->n == of->cap) {
        size_t cap = of->cap ? 2 * of->cap : FIRST_ROWS;
        tdl_logged_row *rows = realloc(of->row, cap * sizeof *rows);
        if (!rows)
            return false;
        of->row = rows;
        of->cap = cap;
    }
    of->row[of->n++] = *row;
    return true;
}

/* Did chance have a part in it, and is the chance known? */
static bool is_open(const tdl_slot_told *slot, double chance)
{
    return !slot->forced && !slot->estimated && chance > 0 && chance < 1;
}

tdl_status tdl_what_if_add(tdl_what_if *w, const tdl_effects *e, const double *chance,
                           const bool *rewarded, uint32_t unit, tdl_report *why)
{
    for (size_t p = 0; p < e->parts_n; p++) {
        int32_t part = tdl_names_find(w->parts, e->part[p].name);
        if (part < 0 && tdl_names_count(w->parts) < TDL_WHAT_IF_PARTS_MAX &&
            (part = tdl_names_add(w->parts, e->part[p].name)) < 0)
            return no_memory(why);
        for (size_t i = 0; part >= 0 && i < e->slots_n; i++) {
            tdl_logged_row row = {.reward = rewarded[i],
                                  .propensity = chance[i],
                                  .target = e->slot[i].firsts >> p & 1U,
                                  .unit = unit};
            if (is_open(&e->slot[i], chance[i]) && !put_row(&w->of[part], &row, w->slots_max))
                return no_memory(why);
        }
    }
    return TDL_OK;
}

/* ---- from the store ---- */

static bool is_rewarded(const tdl_decision_row *row, tdl_str item)
{
    for (size_t i = 0; i < row->rewards_n; i++)
        if (tdl_str_eq(row->rewards[i].item, item) &&
            !tdl_str_eq(row->rewards[i].kind, TDL_SHOWN_VIEW))
            return true;
    return false;
}

/* Of what was shown, the chance that each item had, and whether something came of it. False: the
 * row is not what its effects say. */
static bool read_slots(const tdl_decision_row *row, const tdl_effects *effects, double *ret_chance,
                       bool *ret_rewarded)
{
    const tdl_decision *d = &row->decision;
    size_t n = 0;

    for (; n < d->candidates_n && n < TDL_EFFECTS_SLOTS && d->candidates[n].chosen; n++) {
        ret_chance[n] = d->candidates[n].propensity;
        ret_rewarded[n] = is_rewarded(row, d->candidates[n].item);
    }
    return n == effects->slots_n;
}

static int32_t unit_of(tdl_names *users, const tdl_decision *d)
{
    return tdl_names_add(users, d->user.len ? d->user : tdl_str_of(d->id));
}

tdl_status tdl_what_if_add_row(tdl_what_if *w, const tdl_decision_row *row,
                               const tdl_effects *effects, tdl_report *why)
{
    double chance[TDL_EFFECTS_SLOTS];
    bool rewarded[TDL_EFFECTS_SLOTS];

    if (!read_slots(row, effects, chance, rewarded))
        return TDL_OK;
    int32_t unit = unit_of(w->users, &row->decision);
    return unit < 0 ? no_memory(why)
                    : tdl_what_if_add(w, effects, chance, rewarded, (uint32_t)unit, why);
}

/* One walk over the log. */
typedef struct walk {
    tdl_str surface;
    tdl_names *users;
    tdl_effects *effects; /* of the row under way */
    tdl_logged_answer_fn *each;
    void *context;
} walk;

/* Of another surface, or damaged: passed over. */
static tdl_status see_row(const walk *w, const tdl_decision_row *row, tdl_report *why)
{
    const tdl_decision *d = &row->decision;
    tdl_packed packed = {d->why.at, d->why.len, false};
    uint64_t form = tdl_packed_number(&packed, 1);
    double chance[TDL_EFFECTS_SLOTS];
    bool rewarded[TDL_EFFECTS_SLOTS];

    if (!tdl_str_is(d->app, tdl_recommend_app.name) || !tdl_effects_has(form) ||
        !tdl_effects_unpack(&packed, form, w->effects) ||
        !tdl_str_eq(w->effects->surface, w->surface) ||
        !read_slots(row, w->effects, chance, rewarded))
        return TDL_OK;
    int32_t unit = unit_of(w->users, d);
    if (unit < 0)
        return no_memory(why);
    const tdl_logged_answer answer = {d, w->effects, chance, rewarded, (uint32_t)unit};
    return w->each(w->context, &answer, why);
}

tdl_status tdl_logged_each(tdl_store *store, tdl_str surface, int64_t from_us, tdl_names *users,
                           tdl_logged_answer_fn *each, void *context, tdl_report *why)
{
    tdl_arena *arena = tdl_arena_new(PIECE_BYTES);
    walk w = {.surface = surface,
              .users = users,
              .effects = malloc(sizeof *w.effects),
              .each = each,
              .context = context};
    int64_t position = 0;
    size_t n = 1, read_n = 0;
    tdl_status st =
        arena && w.effects ? tdl_store_log_begin(store, from_us, &position, why) : no_memory(why);

    for (; !st && n && read_n < TDL_SHOWN_DECISIONS_MAX; read_n += n) {
        tdl_decision_row *row;
        tdl_arena_reset(arena);
        st = tdl_store_log_read(store, &position, PIECE, arena, &row, &n, why);
        for (size_t i = 0; !st && i < n; i++)
            st = see_row(&w, &row[i], why);
    }
    free(w.effects);
    tdl_arena_free(arena);
    return st;
}

static tdl_status add_answer(void *context, const tdl_logged_answer *a, tdl_report *why)
{
    return tdl_what_if_add(context, a->effects, a->chance, a->rewarded, a->unit, why);
}

tdl_status tdl_what_if_read(tdl_what_if *w, tdl_store *store, tdl_str surface, int64_t from_us,
                            tdl_report *why)
{
    return tdl_logged_each(store, surface, from_us, w->users, add_answer, w, why);
}

size_t tdl_what_if_count(const tdl_what_if *w)
{
    return (size_t)tdl_names_count(w->parts);
}

tdl_str tdl_what_if_part(const tdl_what_if *w, size_t at)
{
    return tdl_names_at(w->parts, (int32_t)at);
}

tdl_status tdl_what_if_estimate(const tdl_what_if *w, tdl_str part, tdl_off_policy *ret,
                                tdl_report *why)
{
    int32_t number = tdl_names_find(w->parts, part);

    if (number < 0 || !w->of[number].n)
        return TDL_FAIL(why, TDL_E_NOT_FOUND,
                        "no answer that chance had a part in says what %.*s "
                        "would have shown",
                        TDL_FMT(part));
    return tdl_off_policy_estimate(w->of[number].row, w->of[number].n, NULL, ret, why);
}

/* Decisions with their rewards and titles, read back. */
#include <string.h>

#include "base/str.h"
#include "store/candidates.h"
#include "store/rows.h"

/* The title of an item, empty when it has none. A title is a comfort: no failure is worth more. */
static tdl_str title_of(tdl_reader *reader, tdl_str item, tdl_arena *arena)
{
    tdl_rows r = {.reader = reader, .arena = arena};
    tdl_str title = {0};

    if (tdl_rows_start(&r, TDL_READ_TITLE, NULL))
        return title;
    tdl_rows_bind_text(&r, 1, item);
    if (tdl_rows_next(&r))
        title = tdl_rows_keep(&r, 0);
    tdl_rows_end(&r, NULL);
    return title;
}

tdl_str tdl_read_decision_user(const tdl_rows *r)
{
    tdl_str sealed = tdl_rows_bytes(r, 9);

    return sealed.len ? tdl_people_stranger(r->reader->people, tdl_rows_text(r, 3), sealed,
                                            &r->reader->id[0])
                      : tdl_rows_person(r, 3, 10, 0);
}

/* The columns are those of DECISION_COLUMNS in sqlite_rows.c and postgres_rows.c. What is there is
 * ours, so anything unexpected is damage. */
tdl_status tdl_read_decision(tdl_rows *r, tdl_decision *d, tdl_report *why)
{
    tdl_str id = tdl_rows_text(r, 0);
    tdl_str hash = tdl_rows_bytes(r, 8);
    tdl_candidate *candidates;
    tdl_status st;

    if (id.len >= sizeof d->id || hash.len != sizeof d->context_hash)
        return TDL_FAIL(why, TDL_E_CORRUPT, "decision %.*s is damaged", TDL_FMT(id));
    if (id.len)
        memcpy(d->id, id.at, id.len);
    memcpy(d->context_hash, hash.at, sizeof d->context_hash);
    d->time_us = tdl_rows_number(r, 1);
    d->app = tdl_rows_keep(r, 2);
    d->user = tdl_rows_keep_text(r, tdl_read_decision_user(r));
    d->model_version = tdl_rows_keep(r, 6);
    d->why = tdl_rows_keep(r, 7);
    if ((st = tdl_candidates_read(tdl_rows_text(r, 4), tdl_rows_number(r, 5), r->arena, &candidates,
                                  &d->candidates_n, why))) {
        tdl_report_prefix(why, "decision %s", d->id);
        return st;
    }
    d->candidates = candidates;
    return TDL_OK;
}

static tdl_status read_with_titles(tdl_rows *r, tdl_decision *d, tdl_report *why)
{
    tdl_status st = tdl_read_decision(r, d, why);
    tdl_candidate *candidates = (tdl_candidate *)d->candidates; // made here

    for (size_t i = 0; !st && i < d->candidates_n; i++)
        candidates[i].title = title_of(r->reader, candidates[i].item, r->arena);
    return st;
}

/* The rows of a statement that is bound, behind those that are there. */
static tdl_status read_rows(tdl_rows *r, tdl_report *why)
{
    tdl_decision_row *row;
    tdl_status st = TDL_OK;

    while (!st && (row = tdl_rows_next(r))) {
        st = read_with_titles(r, &row->decision, why);
        if (!st)
            st = tdl_read_rewards(r->reader, tdl_str_of(row->decision.id), r->arena, &row->rewards,
                                  &row->rewards_n, why);
    }
    tdl_status ended = tdl_rows_end(r, st ? NULL : why);
    return st ? st : ended;
}

/* Number of the newest stretch of decisions; -1 without any. */
static tdl_status newest_stretch(tdl_reader *reader, int64_t *ret, tdl_report *why)
{
    tdl_rows r = {.reader = reader};
    tdl_status st = tdl_rows_start(&r, TDL_READ_STRETCH, why);

    if (st)
        return st;
    *ret = tdl_rows_next(&r) && !tdl_rows_is_null(&r, 0) ? tdl_rows_number(&r, 0) : -1;
    return tdl_rows_end(&r, why);
}

static tdl_status read_of_user(tdl_rows *r, tdl_str user, size_t limit, tdl_report *why)
{
    int64_t stretch;
    tdl_status st = newest_stretch(r->reader, &stretch, why);

    for (; !st && stretch >= 0 && r->n < limit; stretch--) {
        if ((st = tdl_rows_start(r, TDL_READ_USER_DECISIONS, why)))
            break;
        tdl_rows_bind_person(r, 1, user);
        tdl_rows_bind_limit(r, 2, limit - r->n);
        tdl_rows_bind_number(r, 3, stretch);
        st = read_rows(r, why);
    }
    return st;
}

static tdl_status read_of_all(tdl_rows *r, tdl_str id, size_t limit, tdl_report *why)
{
    tdl_status st = tdl_rows_start(r, id.len ? TDL_READ_DECISION : TDL_READ_DECISIONS, why);

    if (st)
        return st;
    if (id.len)
        tdl_rows_bind_text(r, 1, id);
    tdl_rows_bind_limit(r, 2, limit);
    return read_rows(r, why);
}

tdl_status tdl_read_decisions(tdl_reader *reader, tdl_str id, tdl_str user, size_t limit,
                              tdl_arena *arena, tdl_decision_row **ret, size_t *ret_n,
                              tdl_report *why)
{
    tdl_rows r = {.reader = reader, .arena = arena, .size = sizeof **ret};
    tdl_status st =
        user.len && !id.len ? read_of_user(&r, user, limit, why) : read_of_all(&r, id, limit, why);

    if (st)
        return st;
    *ret = r.at;
    *ret_n = r.n;
    return TDL_OK;
}

#include "apps/recommend/dataset.h"

#include <stdlib.h>

#include "apps/recommend/robots.h"
#include "apps/recommend/taken.h"

typedef struct row {
    int32_t user, item;
    int64_t time_us;
} row;

typedef struct loader {
    tdl_names *items, *users;
    row *rows; /* [rows_cap], in the order of the scan: by time, then arrival */
    size_t rows_n, rows_cap;
    tdl_robots robots;
    bool failed; /* no memory */
} loader;

static void take_item(void *context, const tdl_item *item)
{
    loader *l = context;

    if (tdl_names_add(l->items, item->id) < 0)
        l->failed = true;
}

static bool grow(loader *l)
{
    size_t cap = l->rows_cap ? 2 * l->rows_cap : 4096;

    if (l->rows_n < l->rows_cap)
        return true;
    row *rows = cap <= SIZE_MAX / sizeof *rows ? realloc(l->rows, cap * sizeof *rows) : NULL;
    if (!rows)
        return false;
    l->rows = rows;
    l->rows_cap = cap;
    return true;
}

static void take_item_of(loader *l, const tdl_event *event, const tdl_taken *taken, tdl_str item)
{
    row one = {.user = tdl_names_add(l->users, event->user),
               .item = tdl_names_add(l->items, item),
               .time_us = event->time_us};

    if (one.user < 0 || one.item < 0 || !grow(l) ||
        !tdl_robots_see(&l->robots, one.user, event->time_us, taken->robot)) {
        l->failed = true;
        return;
    }
    l->rows[l->rows_n++] = one;
}

static void take_event(loader *l, const tdl_event *event)
{
    tdl_taken taken;

    tdl_taken_read(event, &taken);
    for (size_t i = 0; i < taken.items_n; i++)
        take_item_of(l, event, &taken, tdl_taken_item(&taken, i));
    tdl_taken_release(&taken);
}

static tdl_status scan_events(loader *l, tdl_store *store, tdl_report *why)
{
    tdl_scan *scan = NULL;
    tdl_event event;
    bool more = true;
    tdl_status st = tdl_scan_open(store, 0, TDL_PURPOSE_TRAINING, &scan, why);

    while (!st && !l->failed) {
        if ((st = tdl_scan_next(scan, &event, NULL, &more, why)) || !more)
            break;
        take_event(l, &event);
    }
    tdl_scan_close(scan);
    return st;
}

/* Leave out what a user had before, in place, and all of robots.
 *   offsets    [users_n + 1], also corrected
 *   last_user  [items_n], -1: the last user met with each item */
static void keep_first(const tdl_robots *robots, size_t *offsets, size_t users_n, int32_t *item,
                       int64_t *time_us, int32_t *last_user, tdl_dataset *ret)
{
    size_t kept = 0, at = 0;

    for (size_t user = 0; user < users_n; user++) {
        size_t end = offsets[user + 1];
        if (tdl_robots_has(robots, (int32_t)user)) {
            ret->robots_n++;
            ret->robot_events_n += end - at;
            at = end;
        }
        for (; at < end; at++) {
            if (last_user[item[at]] == (int32_t)user)
                continue;
            last_user[item[at]] = (int32_t)user;
            item[kept] = item[at];
            time_us[kept++] = time_us[at];
        }
        offsets[user + 1] = kept;
    }
}

/* A stable counting sort by user: the order of the scan stays within each user. */
static tdl_status lay_out(const loader *l, tdl_dataset *ret, tdl_report *why)
{
    size_t users_n = (size_t)tdl_names_count(l->users), items_n = (size_t)tdl_names_count(l->items);
    size_t *offsets = calloc(users_n + 2, sizeof *offsets);
    int32_t *item = malloc((l->rows_n + 1) * sizeof *item);
    int64_t *time_us = malloc((l->rows_n + 1) * sizeof *time_us);
    int32_t *last_user = malloc((items_n + 1) * sizeof *last_user);

    if (l->failed || !offsets || !item || !time_us || !last_user) {
        free(offsets);
        free(item);
        free(time_us);
        free(last_user);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the events after %zu", l->rows_n);
    }
    for (size_t i = 0; i < l->rows_n; i++)
        offsets[l->rows[i].user + 2]++;
    for (size_t u = 2; u <= users_n; u++)
        offsets[u] += offsets[u - 1];
    /* offsets[u + 1] is where user u begins; filling moves it to where the user ends */
    for (size_t i = 0; i < l->rows_n; i++) {
        size_t at = offsets[l->rows[i].user + 1]++;
        item[at] = l->rows[i].item;
        time_us[at] = l->rows[i].time_us;
    }
    for (size_t i = 0; i < items_n; i++)
        last_user[i] = -1;
    keep_first(&l->robots, offsets, users_n, item, time_us, last_user, ret);
    free(last_user);
    ret->interactions = (tdl_interactions){users_n, items_n, offsets, item, time_us};
    return TDL_OK;
}

tdl_status tdl_dataset_load(tdl_store *store, tdl_dataset *ret, tdl_report *why)
{
    loader l = {.items = tdl_names_new(), .users = tdl_names_new()};
    tdl_status st;

    if (!l.items || !l.users) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a data set");
        goto out;
    }
    if ((st = tdl_store_each_item(store, take_item, &l, why)))
        goto out;
    if ((st = scan_events(&l, store, why)))
        goto out;
    if ((st = lay_out(&l, ret, why)))
        goto out;
    ret->items = l.items;
    l.items = NULL; /* the caller's now */
out:
    free(l.rows);
    tdl_robots_release(&l.robots);
    tdl_names_free(l.users);
    tdl_names_free(l.items);
    return st;
}

void tdl_dataset_release(tdl_dataset *dataset)
{
    free((void *)dataset->interactions.offsets);
    free((void *)dataset->interactions.item);
    free((void *)dataset->interactions.time_us);
    tdl_names_free(dataset->items);
    *dataset = (tdl_dataset){0};
}

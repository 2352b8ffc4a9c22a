#include "apps/recommend/feedback_store.h"

#include <string.h>

#include "apps/recommend/names.h"
#include "apps/recommend/robots.h"
#include "apps/recommend/taken.h"

/* One walk over the events: first who is a robot, then the rows of the others. */
typedef struct walk {
    tdl_feedback *feedback; /* NULL: of the first walk */
    tdl_str kind;
    const char *segment; /* property that names a person's; empty = none */
    tdl_names *users;
    tdl_robots robots;
} walk;

static tdl_status see_event(walk *w, const tdl_event *event, const tdl_taken *taken,
                            tdl_report *why)
{
    int32_t user = tdl_names_add(w->users, event->user);

    return user >= 0 && tdl_robots_see(&w->robots, user, event->time_us, taken->robot)
               ? TDL_OK
               : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the users of a log");
}

static tdl_status add_event(walk *w, const tdl_event *event, const tdl_taken *taken,
                            tdl_report *why)
{
    int32_t user = event->user.len ? tdl_names_find(w->users, event->user) : -1;
    json_t *said = NULL;
    tdl_str segment = {0};
    tdl_status st = TDL_OK;

    if (user >= 0 && tdl_robots_has(&w->robots, user))
        return TDL_OK;
    if (w->segment[0] && event->properties.len &&
        memmem(event->properties.at, event->properties.len, w->segment, strlen(w->segment)) &&
        !tdl_json_parse(event->properties, TDL_JSON_LAST_WINS, &said, NULL))
        tdl_json_get_str(said, w->segment, &segment);
    for (size_t i = 0; !st && i < taken->items_n; i++) {
        tdl_feedback_row row = {.user = event->user,
                                .item = tdl_taken_item(taken, i),
                                .order = taken->order,
                                .time_us = event->time_us};
        if ((row.user.len || row.order.len) &&
            !(st = tdl_feedback_add_segment(w->feedback, &row, segment, why)))
            st = tdl_feedback_kind_of_last(w->feedback, event->kind, why);
    }
    json_decref(said);
    return st;
}

static tdl_status walk_events(walk *w, tdl_store *store, tdl_report *why)
{
    tdl_scan *scan = NULL;
    tdl_event event;
    bool more = true;
    tdl_status st = tdl_scan_open(store, 0, TDL_PURPOSE_TRAINING, &scan, why);

    while (!st && !(st = tdl_scan_next(scan, &event, NULL, &more, why)) && more) {
        tdl_taken taken;
        if (w->kind.len && !tdl_str_eq(event.kind, w->kind))
            continue;
        tdl_taken_read(&event, &taken);
        if (taken.items_n)
            st = w->feedback      ? add_event(w, &event, &taken, why)
                 : event.user.len ? see_event(w, &event, &taken, why)
                                  : TDL_OK;
        tdl_taken_release(&taken);
    }
    tdl_scan_close(scan);
    return st;
}

tdl_status tdl_feedback_add_store(tdl_feedback *feedback, tdl_store *store, tdl_str kind,
                                  const char *segment, tdl_report *why)
{
    walk w = {.kind = kind, .segment = segment, .users = tdl_names_new()};
    tdl_status st;

    if (!w.users)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to read events");
    if (!(st = walk_events(&w, store, why))) {
        w.feedback = feedback;
        st = walk_events(&w, store, why);
    }
    tdl_robots_release(&w.robots);
    tdl_names_free(w.users);
    return st;
}

/* Segments: people parted by one trait, "country", as surfaces name it. */
#include <stdio.h>
#include <string.h>

#include "apps/recommend/serving.h"

enum { TRAITS_BYTES = 1 << 20 };

/* Text, number or truth as text; anything else is no segment. ret points into the object or `text`.
 */
static tdl_str value_of(const json_t *traits, const char *name, char text[32])
{
    const json_t *value = json_object_get(traits, name);
    tdl_str found = {0};

    if (json_is_string(value))
        found = (tdl_str){json_string_value(value), json_string_length(value)};
    else if (json_is_integer(value))
        found = (tdl_str){text,
                          (size_t)snprintf(text, 32, "%lld", (long long)json_integer_value(value))};
    else if (json_is_boolean(value))
        found = json_is_true(value) ? TDL_STR("true") : TDL_STR("false");
    return found.len <= TDL_ID_MAX ? found : (tdl_str){0};
}

static bool name_of(const tdl_app *app, char ret[TDL_SEGMENT_MAX + 1])
{
    memcpy(ret, app->segment, app->segment_len);
    ret[app->segment_len] = '\0';
    return app->segment_len > 0;
}

void tdl_segments_learn(tdl_app *app, const tdl_event *event)
{
    const tdl_str said[] = {event->traits_once, event->traits}; // the later one holds
    char name[TDL_SEGMENT_MAX + 1], text[32];

    if (!name_of(app, name))
        return;
    for (size_t i = 0; i < 2; i++) {
        json_t *traits = NULL;
        if (!said[i].len || tdl_json_parse(said[i], TDL_JSON_LAST_WINS, &traits, NULL))
            continue;
        int32_t person = tdl_histories_know(app->histories, event->user);
        bool once = i == 0 && person >= 0 && tdl_live_state_is_placed(app->live, person);
        if (person >= 0 && !once && json_object_get(traits, name))
            tdl_live_state_place(app->live, person, value_of(traits, name, text));
        json_decref(traits);
    }
}

/* What the store has of one person. The lock is taken for the placing alone. */
static tdl_status place(tdl_app *app, const char *name, int32_t person, tdl_str id, tdl_buf *buf,
                        tdl_report *why)
{
    json_t *traits = NULL;
    char text[32];

    tdl_buf_clear(buf);
    tdl_status st = tdl_store_traits(app->context.store, id, buf, why);
    if (!st && buf->len)
        st = tdl_json_parse(tdl_buf_view(buf), TDL_JSON_LAST_WINS, &traits, why);
    if (!st) {
        pthread_rwlock_wrlock(&app->lock);
        tdl_live_state_place(app->live, person, value_of(traits, name, text));
        pthread_rwlock_unlock(&app->lock);
    }
    json_decref(traits);
    return st;
}

tdl_status tdl_segments_follow(tdl_app *app, tdl_report *why)
{
    char wanted[TDL_SEGMENT_MAX], name[TDL_SEGMENT_MAX + 1];
    size_t len = tdl_surfaces_segment(app->surfaces, wanted);
    tdl_buf buf = {.limit = TRAITS_BYTES};
    tdl_status st = TDL_OK;

    pthread_rwlock_wrlock(&app->lock);
    bool same = len == app->segment_len && (!len || !memcmp(wanted, app->segment, len));
    app->segment_len = len;
    if (len)
        memcpy(app->segment, wanted, len);
    int32_t n = tdl_histories_count(app->histories);
    bool any = name_of(app, name);
    pthread_rwlock_unlock(&app->lock);
    for (int32_t i = 0; !st && !same && any && i < n; i++) {
        pthread_rwlock_rdlock(&app->lock);
        tdl_str id = tdl_histories_id(app->histories, i);
        int32_t person = tdl_histories_person(app->histories, id);
        pthread_rwlock_unlock(&app->lock);
        if (person == i) // others stand for somebody
            st = place(app, name, person, id, &buf, why);
    }
    tdl_buf_release(&buf);
    return st;
}

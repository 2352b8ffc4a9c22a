/* What is read, of any backend: events, users, items, flags, models, keys. */
#include <string.h>

#include "base/str.h"
#include "store/rows.h"

/* ---- events ---- */

/* The columns are those of EVENT_COLUMNS in sqlite_rows.c and
 * postgres_rows.c. */
void tdl_read_event(const tdl_rows *r, tdl_event *ret)
{
    bool has_value = !tdl_rows_is_null(r, 4);

    *ret = (tdl_event){
        .time_us = tdl_rows_number(r, 0),
        .user = tdl_rows_person(r, 1, 10, 0),
        .kind = tdl_rows_text(r, 2),
        .item = tdl_rows_text(r, 3),
        .value = has_value ? tdl_rows_real(r, 4) : 0,
        .has_value = has_value,
        .properties = tdl_rows_text(r, 5),
        .source = tdl_rows_text(r, 6),
        .message_id = tdl_rows_text(r, 7),
        .decision_id = tdl_rows_text(r, 8),
    };
}

tdl_status tdl_read_scan_start(tdl_reader *reader, int64_t from_us, unsigned purposes,
                               tdl_report *why)
{
    tdl_rows r = {.reader = reader};
    tdl_status st;

    if ((st = reader->ops->hold_snapshot(reader, why)) ||
        (st = tdl_rows_start(&r, TDL_READ_SCAN, why)))
        return st;
    tdl_rows_bind_number(&r, 1, from_us);
    tdl_rows_bind_number(&r, 2, (int64_t)purposes);
    reader->scan = r.s;
    return TDL_OK;
}

tdl_status tdl_read_scan_next(tdl_reader *reader, tdl_event *ret, int64_t *ret_seq, bool *ret_more,
                              tdl_report *why)
{
    tdl_rows r = {.reader = reader, .s = reader->scan};

    *ret_more = tdl_rows_next(&r) != NULL;
    if (!*ret_more)
        return tdl_rows_end(&r, why);
    tdl_read_event(&r, ret);
    if (ret_seq)
        *ret_seq = tdl_rows_number(&r, 9);
    return TDL_OK;
}

static tdl_status list_events(tdl_rows *r, tdl_event **ret, size_t *ret_n, tdl_report *why)
{
    tdl_event *e;
    tdl_status st;

    while ((e = tdl_rows_next(r))) {
        tdl_read_event(r, e);
        e->user = tdl_rows_keep_text(r, e->user);
        e->kind = tdl_rows_keep_text(r, e->kind);
        e->item = tdl_rows_keep_text(r, e->item);
        e->properties = tdl_rows_keep_text(r, e->properties);
        e->source = tdl_rows_keep_text(r, e->source);
        e->message_id = tdl_rows_keep_text(r, e->message_id);
        e->decision_id = tdl_rows_keep_text(r, e->decision_id);
    }
    if ((st = tdl_rows_end(r, why)))
        return st;
    *ret = r->at;
    *ret_n = r->n;
    return TDL_OK;
}

tdl_status tdl_read_user_events(tdl_reader *reader, tdl_str user, size_t limit, tdl_arena *arena,
                                tdl_event **ret, size_t *ret_n, tdl_report *why)
{
    tdl_rows r = {.reader = reader, .arena = arena, .size = sizeof **ret};
    tdl_status st = tdl_rows_start(&r, TDL_READ_PERSON_EVENTS, why);

    if (st)
        return st;
    tdl_rows_bind_person(&r, 1, user);
    tdl_rows_bind_limit(&r, 2, limit);
    return list_events(&r, ret, ret_n, why);
}

tdl_status tdl_read_rewards(tdl_reader *reader, tdl_str decision_id, tdl_arena *arena,
                            tdl_event **ret, size_t *ret_n, tdl_report *why)
{
    tdl_rows r = {.reader = reader, .arena = arena, .size = sizeof **ret};
    tdl_status st = tdl_rows_start(&r, TDL_READ_REWARDS, why);

    if (st)
        return st;
    tdl_rows_bind_text(&r, 1, decision_id);
    return list_events(&r, ret, ret_n, why);
}

/* ---- users and items ---- */

/* substr counts code points. */
static int64_t code_points(tdl_str text)
{
    int64_t n = 0;

    for (size_t i = 0; i < text.len; i++)
        n += (text.at[i] & 0xc0) != 0x80;
    return n;
}

/* Of the `looked_at` users whose name in the store starts with `name_prefix`, those whose id starts
 * with `id_prefix`, up to `limit`. The first row may be there already. */
static tdl_status add_users(tdl_rows *r, tdl_str name_prefix, tdl_str id_prefix, size_t looked_at,
                            size_t limit, tdl_report *why)
{
    tdl_user_row *user;
    tdl_status st = tdl_rows_start(r, TDL_READ_USERS, why);

    if (st)
        return st;
    tdl_rows_bind_text(r, 1, name_prefix);
    tdl_rows_bind_number(r, 2, code_points(name_prefix));
    tdl_rows_bind_limit(r, 3, looked_at);
    while (r->n < limit && (user = tdl_rows_next(r))) {
        tdl_str id = tdl_rows_person(r, 0, 3, 0);
        bool is_there = r->n > 1 && tdl_str_eq(id, ((tdl_user_row *)r->at)->id);
        if (tdl_str_starts(id, id_prefix) && !is_there)
            *user = (tdl_user_row){.id = tdl_rows_keep_text(r, id),
                                   .events_n = tdl_rows_number(r, 1),
                                   .last_us = tdl_rows_number(r, 2)};
        else
            r->n--; // its place is the next one's
    }
    return tdl_rows_end(r, why);
}

/* Where the first row belongs by its time: the others are in order. */
static void place_first(tdl_user_row *rows, size_t n)
{
    tdl_user_row first = rows[0];
    size_t at = 0;

    for (; at + 1 < n && rows[at + 1].last_us >= first.last_us; at++)
        rows[at] = rows[at + 1];
    rows[at] = first;
}

/* Of a sealed store the id itself is found by its pseudonym; those that only start alike must be
 * looked for. */
static tdl_status find_users(tdl_rows *r, tdl_str prefix, size_t limit, tdl_report *why)
{
    char name[TDL_PSEUDONYM_LEN + 1];
    tdl_status st =
        add_users(r, tdl_people_name(r->reader->people, prefix, name), prefix, 1, limit, why);

    bool found = r->n != 0;
    if (st || (st = add_users(r, (tdl_str){0}, prefix, TDL_USERS_SEARCHED_MAX, limit, why)))
        return st;
    if (found)
        place_first(r->at, r->n);
    return TDL_OK;
}

tdl_status tdl_read_users(tdl_reader *reader, tdl_str prefix, size_t limit, tdl_arena *arena,
                          tdl_user_row **ret, size_t *ret_n, tdl_report *why)
{
    tdl_rows r = {.reader = reader, .arena = arena, .size = sizeof **ret};
    tdl_status st = reader->people && prefix.len
                        ? find_users(&r, prefix, limit, why)
                        : add_users(&r, prefix, (tdl_str){0}, limit, limit, why);

    if (st)
        return st;
    *ret = r.at;
    *ret_n = r.n;
    return TDL_OK;
}

tdl_status tdl_read_get_item(tdl_reader *reader, tdl_str id, tdl_arena *arena, tdl_item *ret,
                             tdl_report *why)
{
    tdl_rows r = {.reader = reader, .arena = arena};
    tdl_item item = {0};
    tdl_status st = tdl_rows_start(&r, TDL_READ_ITEM, why);

    if (st)
        return st;
    tdl_rows_bind_text(&r, 1, id);
    bool found = tdl_rows_next(&r) != NULL;
    if (found)
        item = (tdl_item){.id = tdl_rows_keep(&r, 0),
                          .title = tdl_rows_keep(&r, 1),
                          .attributes = tdl_rows_keep(&r, 2)};
    if ((st = tdl_rows_end(&r, why)))
        return st;
    if (!found)
        return TDL_FAIL(why, TDL_E_NOT_FOUND, "there is no item \"%.*s\"", TDL_FMT(id));
    *ret = item;
    return TDL_OK;
}

tdl_status tdl_read_each_item(tdl_reader *reader, void (*fn)(void *context, const tdl_item *item),
                              void *context, tdl_report *why)
{
    tdl_rows r = {.reader = reader};
    tdl_status st = tdl_rows_start(&r, TDL_READ_ITEMS, why);

    if (st)
        return st;
    while (tdl_rows_next(&r)) {
        tdl_item item = {.id = tdl_rows_text(&r, 0),
                         .title = tdl_rows_text(&r, 1),
                         .attributes = tdl_rows_text(&r, 2)};
        fn(context, &item);
    }
    return tdl_rows_end(&r, why);
}

static tdl_status read_version(tdl_reader *reader, int64_t *ret, tdl_report *why)
{
    tdl_rows r = {.reader = reader};
    tdl_status st = tdl_rows_start(&r, TDL_READ_VERSION, why);

    if (st)
        return st;
    if (tdl_rows_next(&r))
        *ret = tdl_rows_number(&r, 0);
    return tdl_rows_end(&r, why);
}

tdl_status tdl_read_changed_items(tdl_reader *reader, int64_t *position,
                                  void (*fn)(void *context, const tdl_item *item), void *context,
                                  tdl_report *why)
{
    tdl_rows r = {.reader = reader};
    tdl_status st;

    if (*position < 0)
        return read_version(reader, position, why);
    if ((st = tdl_rows_start(&r, TDL_READ_CHANGED_ITEMS, why)))
        return st;
    tdl_rows_bind_number(&r, 1, *position);
    while (tdl_rows_next(&r)) {
        tdl_item item = {.id = tdl_rows_text(&r, 0),
                         .title = tdl_rows_text(&r, 1),
                         .attributes = tdl_rows_text(&r, 2)};
        fn(context, &item);
        *position = tdl_rows_number(&r, 3);
    }
    return tdl_rows_end(&r, why);
}

/* ---- flags, models, keys, counts ---- */

tdl_status tdl_read_flags(tdl_reader *reader, tdl_arena *arena, tdl_flag_row **ret, size_t *ret_n,
                          tdl_report *why)
{
    tdl_rows r = {.reader = reader, .arena = arena, .size = sizeof **ret};
    tdl_flag_row *flag;
    tdl_status st = tdl_rows_start(&r, TDL_READ_FLAGS, why);

    if (st)
        return st;
    while ((flag = tdl_rows_next(&r)))
        *flag = (tdl_flag_row){.id = tdl_rows_number(&r, 0),
                               .key = tdl_rows_keep(&r, 1),
                               .family = tdl_rows_keep(&r, 2),
                               .definition = tdl_rows_keep(&r, 3),
                               .version = tdl_rows_number(&r, 4),
                               .created_us = tdl_rows_number(&r, 5),
                               .updated_us = tdl_rows_number(&r, 6)};
    if ((st = tdl_rows_end(&r, why)))
        return st;
    *ret = r.at;
    *ret_n = r.n;
    return TDL_OK;
}

tdl_status tdl_read_models(tdl_reader *reader, tdl_str app, tdl_arena *arena, tdl_model_row **ret,
                           size_t *ret_n, tdl_report *why)
{
    tdl_rows r = {.reader = reader, .arena = arena, .size = sizeof **ret};
    tdl_model_row *model;
    tdl_status st = tdl_rows_start(&r, TDL_READ_MODELS, why);

    if (st)
        return st;
    tdl_rows_bind_text(&r, 1, app);
    while ((model = tdl_rows_next(&r))) {
        tdl_str hash = tdl_rows_text(&r, 6);
        *model = (tdl_model_row){.version = tdl_rows_keep(&r, 0),
                                 .app = tdl_rows_keep(&r, 1),
                                 .path = tdl_rows_keep(&r, 2),
                                 .report = tdl_rows_keep(&r, 3),
                                 .created_us = tdl_rows_number(&r, 4),
                                 .bytes = tdl_rows_number(&r, 5),
                                 .active = tdl_rows_number(&r, 7) != 0,
                                 .stale_us = tdl_rows_number(&r, 8)};
        if (hash.len && hash.len < sizeof model->hash)
            memcpy(model->hash, hash.at, hash.len);
    }
    if ((st = tdl_rows_end(&r, why)))
        return st;
    *ret = r.at;
    *ret_n = r.n;
    return TDL_OK;
}

/* A damaged key is never valid. */
static void read_key(tdl_rows *r, tdl_key_row *key)
{
    tdl_str id = tdl_rows_text(r, 0);
    int64_t right = tdl_rows_number(r, 1);
    tdl_str hash = tdl_rows_bytes(r, 5);
    bool sound = id.len && id.len < sizeof key->id && right >= TDL_RIGHT_WRITE &&
                 right <= TDL_RIGHT_ADMIN && hash.len == sizeof key->hash;

    *key = (tdl_key_row){.right = sound ? (tdl_right)right : TDL_RIGHT_WRITE,
                         .label = tdl_rows_keep(r, 2),
                         .created_us = tdl_rows_number(r, 3),
                         .revoked_us = sound ? tdl_rows_number(r, 4) : 1};
    if (sound) {
        memcpy(key->id, id.at, id.len);
        memcpy(key->hash, hash.at, sizeof key->hash);
    }
}

tdl_status tdl_read_keys(tdl_reader *reader, tdl_arena *arena, tdl_key_row **ret, size_t *ret_n,
                         tdl_report *why)
{
    tdl_rows r = {.reader = reader, .arena = arena, .size = sizeof **ret};
    tdl_key_row *key;
    tdl_status st = tdl_rows_start(&r, TDL_READ_KEYS, why);

    if (st)
        return st;
    while ((key = tdl_rows_next(&r)))
        read_key(&r, key);
    if ((st = tdl_rows_end(&r, why)))
        return st;
    *ret = r.at;
    *ret_n = r.n;
    return TDL_OK;
}

tdl_status tdl_read_count(tdl_reader *reader, tdl_store_counts *ret, tdl_report *why)
{
    tdl_rows r = {.reader = reader};
    tdl_store_counts counts = *ret;
    tdl_status st = tdl_rows_start(&r, TDL_READ_COUNTS, why);

    if (st)
        return st;
    if (tdl_rows_next(&r)) {
        counts.events = tdl_rows_number(&r, 0);
        counts.users = tdl_rows_number(&r, 1);
        counts.items = tdl_rows_number(&r, 2);
        counts.decisions = tdl_rows_number(&r, 3);
        counts.rewards = tdl_rows_number(&r, 4);
    }
    if ((st = tdl_rows_end(&r, why)))
        return st;
    *ret = counts;
    return TDL_OK;
}

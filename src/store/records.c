/* Items, decisions, models and keys. */
#include <sodium.h>
#include <string.h>

#include "base/timestamp.h"
#include "store/audit.h"
#include "store/candidates.h"
#include "store/check.h"
#include "store/key.h"
#include "store/store_parts.h"

/* ---- catalogue ---- */

typedef struct item_list {
    const tdl_item *items; /* [n] */
    size_t n;
} item_list;

static tdl_status put_items(const tdl_store_ops *ops, tdl_backend *backend, const void *context,
                            tdl_report *why)
{
    const item_list *list = context;
    tdl_status st = TDL_OK;

    for (size_t i = 0; !st && i < list->n; i++)
        st = ops->put_item(backend, &list->items[i], why);
    return st;
}

tdl_status tdl_store_put_items(tdl_store *store, const tdl_item *items, size_t items_n,
                               tdl_report *why)
{
    item_list list = {items, items_n};

    for (size_t i = 0; i < items_n; i++) {
        tdl_status st = tdl_check_item(&items[i], why);
        if (st) {
            tdl_report_prefix(why, "item %zu", i);
            return st;
        }
    }
    return tdl_store_write(store, put_items, &list, why);
}

tdl_status tdl_store_get_item(tdl_store *store, tdl_str id, tdl_arena *arena, tdl_item *ret,
                              tdl_report *why)
{
    tdl_reader *reader;
    tdl_status st = tdl_store_take_reader(store, &reader, why);

    if (st)
        return st;
    st = store->ops->get_item(reader, id, arena, ret, why);
    tdl_store_give_back(store, reader);
    return st;
}

tdl_status tdl_store_each_item(tdl_store *store, void (*fn)(void *context, const tdl_item *item),
                               void *context, tdl_report *why)
{
    tdl_reader *reader;
    tdl_status st = tdl_store_take_reader(store, &reader, why);

    if (st)
        return st;
    st = store->ops->each_item(reader, fn, context, why);
    tdl_store_give_back(store, reader);
    return st;
}

tdl_status tdl_store_changed_items(tdl_store *store, int64_t *position,
                                   void (*fn)(void *context, const tdl_item *item), void *context,
                                   tdl_report *why)
{
    tdl_reader *reader;
    tdl_status st;

    if (!store->ops->changed_items)
        return TDL_OK;
    if ((st = tdl_store_take_reader(store, &reader, why)))
        return st;
    st = store->ops->changed_items(reader, position, fn, context, why);
    tdl_store_give_back(store, reader);
    return st;
}

/* ---- persons ---- */

tdl_status tdl_store_person(tdl_store *store, tdl_str id, tdl_arena *arena, tdl_str *ret,
                            tdl_report *why)
{
    tdl_reader *reader;
    tdl_status st = tdl_store_take_reader(store, &reader, why);

    if (st)
        return st;
    st = store->ops->person(reader, id, arena, ret, why);
    tdl_store_give_back(store, reader);
    return st;
}

tdl_status tdl_store_each_alias(tdl_store *store,
                                void (*fn)(void *context, tdl_str alias, tdl_str person),
                                void *context, tdl_report *why)
{
    tdl_reader *reader;
    tdl_status st = tdl_store_take_reader(store, &reader, why);

    if (st)
        return st;
    st = store->ops->each_alias(reader, fn, context, why);
    tdl_store_give_back(store, reader);
    return st;
}

tdl_status tdl_store_traits(tdl_store *store, tdl_str id, tdl_buf *ret, tdl_report *why)
{
    tdl_reader *reader;
    tdl_status st = tdl_store_take_reader(store, &reader, why);

    if (st)
        return st;
    st = store->ops->traits(reader, id, ret, why);
    tdl_store_give_back(store, reader);
    return st;
}

/* ---- flags ---- */

static tdl_status put_flag(const tdl_store_ops *ops, tdl_backend *backend, const void *context,
                           tdl_report *why)
{
    return ops->put_flag(backend, context, why);
}

tdl_status tdl_store_put_flag(tdl_store *store, const tdl_flag_row *flag, tdl_report *why)
{
    tdl_flag_row row = *flag;
    tdl_status st;

    if ((st = tdl_check_text("key", flag->key, TDL_ID_MAX, true, why)) ||
        (st = tdl_check_text("family", flag->family, TDL_ID_MAX, true, why)) ||
        (st = tdl_check_object("definition", flag->definition, why)))
        return st;
    row.version = 0;
    row.updated_us = tdl_time_now();
    const tdl_audit_entry entry = {
        .action = "flag.put",
        .members = {{"flag", tdl_value_text(flag->key)}, {"family", tdl_value_text(flag->family)}}};
    return tdl_store_change(store, put_flag, &row, &entry, why);
}

static tdl_status drop_flag(const tdl_store_ops *ops, tdl_backend *backend, const void *context,
                            tdl_report *why)
{
    return ops->drop_flag(backend, *(const tdl_str *)context, why);
}

tdl_status tdl_store_drop_flag(tdl_store *store, tdl_str key, tdl_report *why)
{
    const tdl_audit_entry entry = {.action = "flag.drop",
                                   .members = {{"flag", tdl_value_text(key)}}};

    return tdl_store_change(store, drop_flag, &key, &entry, why);
}

tdl_status tdl_store_flags(tdl_store *store, tdl_arena *arena, tdl_flag_row **ret, size_t *ret_n,
                           tdl_report *why)
{
    tdl_reader *reader;
    tdl_status st = tdl_store_take_reader(store, &reader, why);

    if (st)
        return st;
    st = store->ops->flags(reader, arena, ret, ret_n, why);
    tdl_store_give_back(store, reader);
    return st;
}

/* ---- decisions ---- */

tdl_status tdl_store_queue_decision(tdl_store *store, tdl_decision_text text, tdl_report *why)
{
    char name[TDL_PSEUDONYM_LEN + 1];

    if (store->people) {
        text.asker = text.user;
        text.user = tdl_people_name(store->people, text.asker, name);
    }
    return tdl_writer_log(store->writer, &text, why);
}

/* On the caller's thread, because there is one writer and many callers. */
tdl_status tdl_store_log_decision(tdl_store *store, const tdl_decision *d, tdl_report *why)
{
    tdl_buf candidates = {0};
    tdl_decision_text text = {.id = tdl_str_of(d->id),
                              .app = d->app,
                              .user = d->user,
                              .model_version = d->model_version,
                              .why = d->why,
                              .time_us = d->time_us};
    tdl_status st;

    if (!store->writer)
        return TDL_FAIL(why, TDL_E_FORBIDDEN, "the store was opened for reading only");
    memcpy(text.context_hash, d->context_hash, sizeof text.context_hash);
    tdl_candidates_write(&candidates, d->candidates, d->candidates_n, &text.chosen_n);
    text.candidates = tdl_buf_view(&candidates);
    st = candidates.failed ? TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to log a decision")
                           : tdl_store_queue_decision(store, text, why);
    tdl_buf_release(&candidates);
    return st;
}

/* Decisions are queued without waiting, so what was logged before this call may still be. */
static tdl_status list_decisions(tdl_store *store, tdl_str id, tdl_str user, size_t limit,
                                 tdl_arena *arena, tdl_decision_row **ret, size_t *ret_n,
                                 tdl_report *why)
{
    tdl_reader *reader;
    tdl_status st;

    tdl_store_flush(store);
    if ((st = tdl_store_take_reader(store, &reader, why)))
        return st;
    st = store->ops->decisions(reader, id, user, limit, arena, ret, ret_n, why);
    tdl_store_give_back(store, reader);
    return st;
}

tdl_status tdl_store_get_decision(tdl_store *store, tdl_str id, tdl_arena *arena,
                                  tdl_decision_row *ret, tdl_report *why)
{
    tdl_decision_row *row;
    size_t n = 0;
    tdl_status st = TDL_OK;

    if (id.len)
        st = list_decisions(store, id, (tdl_str){0}, 1, arena, &row, &n, why);
    if (st)
        return st;
    if (!n)
        return TDL_FAIL(why, TDL_E_NOT_FOUND, "there is no decision \"%.*s\"", TDL_FMT(id));
    *ret = *row;
    return TDL_OK;
}

tdl_status tdl_store_decisions(tdl_store *store, tdl_str user, size_t limit, tdl_arena *arena,
                               tdl_decision_row **ret, size_t *ret_n, tdl_report *why)
{
    return list_decisions(store, (tdl_str){0}, user, limit, arena, ret, ret_n, why);
}

/* ---- models ---- */

typedef struct publication {
    const tdl_store *store;
    const tdl_model_row *model;
} publication;

/* The file and its row in one commit: who sees the row finds the file. */
static tdl_status put_model(const tdl_store_ops *ops, tdl_backend *backend, const void *context,
                            tdl_report *why)
{
    const publication *p = context;
    tdl_status st = ops->put_model(backend, p->model, why);

    return st ? st : tdl_store_send_file(p->store, ops, backend, p->model->path, why);
}

tdl_status tdl_store_put_model(tdl_store *store, const tdl_model_row *model, tdl_report *why)
{
    const tdl_audit_entry entry = {.action = "model.put",
                                   .members = {{"model", tdl_value_text(model->version)},
                                               {"app", tdl_value_text(model->app)},
                                               {"active", tdl_value_number(model->active)},
                                               {"file", tdl_value_text(tdl_str_of(model->hash))}}};

    return tdl_store_change(store, put_model, &(publication){store, model}, &entry, why);
}

tdl_status tdl_store_move_model(tdl_store *store, const tdl_model_row *model, tdl_report *why)
{
    return tdl_store_write(store, put_model, &(publication){store, model}, why);
}

static tdl_status activate_model(const tdl_store_ops *ops, tdl_backend *backend,
                                 const void *context, tdl_report *why)
{
    return ops->activate_model(backend, *(const tdl_str *)context, why);
}

tdl_status tdl_store_activate_model(tdl_store *store, tdl_str version, tdl_report *why)
{
    const tdl_audit_entry entry = {.action = "model.activate",
                                   .members = {{"model", tdl_value_text(version)}}};

    return tdl_store_change(store, activate_model, &version, &entry, why);
}

tdl_status tdl_store_models(tdl_store *store, tdl_str app, tdl_arena *arena, tdl_model_row **ret,
                            size_t *ret_n, tdl_report *why)
{
    tdl_reader *reader;
    tdl_status st = tdl_store_take_reader(store, &reader, why);

    if (st)
        return st;
    st = store->ops->models(reader, app, arena, ret, ret_n, why);
    tdl_store_give_back(store, reader);
    return st;
}

/* ---- keys ---- */

static tdl_status put_key(const tdl_store_ops *ops, tdl_backend *backend, const void *context,
                          tdl_report *why)
{
    return ops->put_key(backend, context, why);
}

tdl_status tdl_store_create_key(tdl_store *store, tdl_right right, tdl_str label,
                                char ret_text[TDL_KEY_TEXT_MAX], tdl_report *why)
{
    char text[TDL_KEY_TEXT_MAX];
    tdl_key_row row;
    tdl_status st;

    if (right < TDL_RIGHT_WRITE || right > TDL_RIGHT_ADMIN)
        return TDL_FAIL(why, TDL_E_INVALID, "a key's right is write, decide or admin");
    if ((st = tdl_check_text("label", label, TDL_LABEL_MAX, false, why)))
        return st;
    tdl_key_make(right, tdl_time_now(), &row, text);
    row.label = label;
    const tdl_audit_entry entry = {
        .action = "key.create",
        .members = {{"key", tdl_value_text(tdl_str_of(row.id))},
                    {"right", tdl_value_text(tdl_str_of(tdl_right_name(right)))}}};
    if (!(st = tdl_store_change(store, put_key, &row, &entry, why)))
        memcpy(ret_text, text, sizeof text);
    sodium_memzero(text, sizeof text);
    return st;
}

tdl_status tdl_store_keys(tdl_store *store, tdl_arena *arena, tdl_key_row **ret, size_t *ret_n,
                          tdl_report *why)
{
    tdl_reader *reader;
    tdl_status st = tdl_store_take_reader(store, &reader, why);

    if (st)
        return st;
    st = store->ops->keys(reader, arena, ret, ret_n, why);
    tdl_store_give_back(store, reader);
    return st;
}

typedef struct revocation {
    tdl_str id;
    int64_t now_us;
} revocation;

static tdl_status revoke_key(const tdl_store_ops *ops, tdl_backend *backend, const void *context,
                             tdl_report *why)
{
    const revocation *r = context;

    return ops->revoke_key(backend, r->id, r->now_us, why);
}

tdl_status tdl_store_revoke_key(tdl_store *store, tdl_str id, tdl_report *why)
{
    revocation r = {id, tdl_time_now()};
    const tdl_audit_entry entry = {.action = "key.revoke",
                                   .members = {{"key", tdl_value_text(id)}}};

    return tdl_store_change(store, revoke_key, &r, &entry, why);
}

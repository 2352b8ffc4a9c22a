/* A store in a folder of its own, for the tests that need one. */
#ifndef TESTS_RECOMMEND_STORED_H
#define TESTS_RECOMMEND_STORED_H

#include "cases.h"
#include "store/store.h"

typedef struct stored {
    char folder[64];
    tdl_store *store;
    unsigned messages_n;
} stored;

static inline void open_store(stored *s)
{
    char url[96];
    tdl_report why = {0};

    snprintf(url, sizeof url, "sqlite:%s/treadle.db", s->folder);
    expect_ok(tdl_store_open(url, NULL, &s->store, &why), &why);
}

static inline void set_up_store(stored *s)
{
    make_folder(s->folder);
    open_store(s);
}

static inline void tear_down_store(stored *s)
{
    tdl_store_close(s->store);
    remove_folder(s->folder);
}

/* item NULL = an event without one */
static inline void store_event(stored *s, const char *user, const char *item, int64_t time_us)
{
    char message_id[32];
    tdl_event event = {.time_us = time_us,
                       .user = tdl_str_of(user),
                       .kind = TDL_STR("view"),
                       .item = tdl_str_of(item),
                       .source = TDL_STR("test")};
    tdl_report why = {0};

    snprintf(message_id, sizeof message_id, "m%u", s->messages_n++);
    event.message_id = tdl_str_of(message_id);
    expect_ok(tdl_store_append(s->store, &event, 1, NULL, &why), &why);
}

static inline void store_item(stored *s, const char *id, const char *title)
{
    tdl_item item = {.id = tdl_str_of(id), .title = tdl_str_of(title)};
    tdl_report why = {0};

    expect_ok(tdl_store_put_items(s->store, &item, 1, &why), &why);
}

#endif

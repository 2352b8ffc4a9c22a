/* What hangs on rows that were removed from a shared store: messages seen, and totals. */
#include "store/postgres.h"

tdl_status tdl_pg_forget_messages(tdl_backend *b, const tdl_expired *events, size_t n,
                                  tdl_report *why)
{
    unsigned char hash[TDL_PG_MESSAGE_BYTES];
    tdl_buf array = {0};
    tdl_pg_parameters p = {0};
    tdl_status st;

    tdl_pg_array(&array, TDL_PG_UUID, n);
    for (size_t i = 0; i < n; i++) {
        tdl_pg_hash_message(events[i].source, events[i].message_id, hash);
        tdl_pg_add_text(&array, (tdl_str){(const char *)hash, sizeof hash});
    }
    tdl_pg_bind_buf(&p, 1, &array);
    st = array.failed ? TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to remove events")
                      : tdl_pg_write(b, TDL_PG_MESSAGES_OFF, &p, "removing events", NULL, why);
    tdl_buf_release(&array);
    return st;
}

void tdl_pg_removed(tdl_backend *b, const tdl_removed *rows)
{
    b->now.removed += rows->events;
    b->now.rewards -= rows->rewards;
    b->now.decisions -= rows->decisions;
}

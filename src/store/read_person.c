/* Persons, read back: ids that are one, and what is known of them. */
#include "base/json.h"
#include "base/str.h"
#include "store/rows.h"

tdl_status tdl_read_person(tdl_reader *reader, tdl_str id, tdl_arena *arena, tdl_str *ret,
                           tdl_report *why)
{
    tdl_rows r = {.reader = reader, .arena = arena};
    tdl_str person = id;
    tdl_status st = tdl_rows_start(&r, TDL_READ_PERSON, why);

    if (st)
        return st;
    tdl_rows_bind_person(&r, 1, id);
    if (tdl_rows_next(&r))
        person = tdl_rows_keep_text(&r, tdl_rows_person(&r, 0, 1, 0));
    if ((st = tdl_rows_end(&r, why)))
        return st;
    *ret = person;
    return TDL_OK;
}

tdl_status tdl_read_each_alias(tdl_reader *reader,
                               void (*fn)(void *context, tdl_str alias, tdl_str person),
                               void *context, tdl_report *why)
{
    tdl_rows r = {.reader = reader};
    tdl_status st = tdl_rows_start(&r, TDL_READ_ALIASES, why);

    if (st)
        return st;
    while (tdl_rows_next(&r))
        fn(context, tdl_rows_person(&r, 0, 2, 0), tdl_rows_person(&r, 1, 4, 1));
    return tdl_rows_end(&r, why);
}

/* A trait that cannot be read is left out. */
static void write_trait(const tdl_rows *r, tdl_buf *value, tdl_jw *w)
{
    tdl_str name = tdl_rows_text(r, 0);
    tdl_user_seal owner = {.name = tdl_rows_text(r, 2), .key = tdl_rows_bytes(r, 3)};
    tdl_str said = tdl_people_trait(r->reader->people, owner, name, tdl_rows_text(r, 1), value);

    if (!said.len)
        return;
    tdl_jw_key(w, name.at);
    tdl_jw_raw(w, said);
}

tdl_status tdl_read_traits(tdl_reader *reader, tdl_str id, tdl_buf *ret, tdl_report *why)
{
    tdl_rows r = {.reader = reader};
    tdl_buf value = {0};
    tdl_jw w = {.out = ret};
    tdl_status st = tdl_rows_start(&r, TDL_READ_TRAITS, why);

    if (st)
        return st;
    tdl_rows_bind_person(&r, 1, id);
    tdl_jw_object(&w);
    while (tdl_rows_next(&r))
        write_trait(&r, &value, &w);
    tdl_jw_end_object(&w);
    tdl_buf_release(&value);
    st = tdl_rows_end(&r, why);
    return st || !ret->failed ? st : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the traits");
}

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
    tdl_rows_bind_text(&r, 1, id);
    if (tdl_rows_next(&r))
        person = tdl_rows_keep(&r, 0);
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
        fn(context, tdl_rows_text(&r, 0), tdl_rows_text(&r, 1));
    return tdl_rows_end(&r, why);
}

tdl_status tdl_read_traits(tdl_reader *reader, tdl_str id, tdl_buf *ret, tdl_report *why)
{
    tdl_rows r = {.reader = reader};
    tdl_jw w = {.out = ret};
    tdl_status st = tdl_rows_start(&r, TDL_READ_TRAITS, why);

    if (st)
        return st;
    tdl_rows_bind_text(&r, 1, id);
    tdl_jw_object(&w);
    while (tdl_rows_next(&r)) {
        tdl_jw_key(&w, tdl_rows_text(&r, 0).at);
        tdl_jw_raw(&w, tdl_rows_text(&r, 1));
    }
    tdl_jw_end_object(&w);
    st = tdl_rows_end(&r, why);
    return st || !ret->failed ? st : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the traits");
}

/* Who is whom: the ids of a person, their traits, parting them; and groups. */
#include "http/query.h"
#include "http/routes.h"
#include "wire/native/native.h"

enum { GROUPS_MAX = 1000 };

/* ---- persons ---- */

static tdl_status write_person(tdl_request *r, tdl_str id, tdl_report *why)
{
    tdl_jw w = tdl_request_writer(r);

    return tdl_native_write_person(r->http->store, id, r->arena, &w, why);
}

tdl_status tdl_route_person(tdl_request *r, tdl_report *why)
{
    return write_person(r, r->parameter, why);
}

tdl_status tdl_route_split_person(tdl_request *r, tdl_report *why)
{
    tdl_str person;
    tdl_status st = tdl_loop_split(r->http->loop, r->parameter, r->arena, &person, why);

    return st ? st : write_person(r, person, why);
}

/* ---- groups ---- */

static void write_group_head(tdl_jw *w, const tdl_group_row *group)
{
    tdl_jw_kstr(w, "type", group->type);
    tdl_jw_kstr(w, "name", group->name);
    tdl_jw_key(w, "updated");
    if (group->updated_us)
        tdl_jw_time(w, group->updated_us);
    else
        tdl_jw_null(w);
}

tdl_status tdl_route_groups(tdl_request *r, tdl_report *why)
{
    tdl_jw w = tdl_request_writer(r);
    tdl_group_row *groups;
    tdl_str type;
    int64_t limit;
    size_t n;
    tdl_status st;

    if ((st = tdl_query_text(r->query, "type", TDL_ID_MAX, r->arena, &type, why)) ||
        (st = tdl_query_int(r->query, "limit", 1, GROUPS_MAX, 50, r->arena, &limit, why)) ||
        (st = tdl_store_groups(r->http->store, type, (size_t)limit, r->arena, &groups, &n, why)))
        return st;
    tdl_jw_object(&w);
    tdl_jw_key(&w, "groups");
    tdl_jw_array(&w);
    for (size_t i = 0; i < n; i++) {
        tdl_jw_object(&w);
        write_group_head(&w, &groups[i]);
        tdl_jw_end_object(&w);
    }
    tdl_jw_end_array(&w);
    tdl_jw_end_object(&w);
    return TDL_OK;
}

tdl_status tdl_route_group(tdl_request *r, tdl_report *why)
{
    tdl_jw w = tdl_request_writer(r);
    tdl_group_row group = {.type = r->parameter, .name = r->second};
    tdl_buf traits = {0};
    tdl_status st = tdl_store_group_traits(r->http->store, group.type, group.name, &traits,
                                           &group.updated_us, why);

    if (!st) {
        tdl_jw_object(&w);
        write_group_head(&w, &group);
        tdl_jw_kraw(&w, "traits", tdl_buf_view(&traits));
        tdl_jw_end_object(&w);
    }
    tdl_buf_release(&traits);
    return st;
}

/* Which column is what: by the map, or by the names that logs use. */
#include <ctype.h>
#include <string.h>

#include "cli/feedlog_parts.h"

const char *const tdl_feedlog_field_name[TDL_FEEDLOG_FIELDS_N] = {
    "user", "item", "time", "order", "kind", "value", "segment", "title", "price"};

/* In small letters, without _, - and blanks; a type behind ":" is cut off. */
static const struct usual {
    tdl_feedlog_field field;
    const char *name;
} usual[] = {
    {TDL_FEEDLOG_USER, "user"},
    {TDL_FEEDLOG_USER, "userid"},
    {TDL_FEEDLOG_USER, "uid"},
    {TDL_FEEDLOG_USER, "customerid"},
    {TDL_FEEDLOG_USER, "visitorid"},
    {TDL_FEEDLOG_USER, "personid"},
    {TDL_FEEDLOG_USER, "reviewerid"},
    {TDL_FEEDLOG_ITEM, "item"},
    {TDL_FEEDLOG_ITEM, "itemid"},
    {TDL_FEEDLOG_ITEM, "iid"},
    {TDL_FEEDLOG_ITEM, "movieid"},
    {TDL_FEEDLOG_ITEM, "productid"},
    {TDL_FEEDLOG_ITEM, "stockcode"},
    {TDL_FEEDLOG_ITEM, "asin"},
    {TDL_FEEDLOG_ITEM, "sku"},
    {TDL_FEEDLOG_TIME, "time"},
    {TDL_FEEDLOG_TIME, "timestamp"},
    {TDL_FEEDLOG_TIME, "eventtime"},
    {TDL_FEEDLOG_TIME, "invoicedate"},
    {TDL_FEEDLOG_TIME, "unixreviewtime"},
    {TDL_FEEDLOG_TIME, "date"},
    {TDL_FEEDLOG_TIME, "datetime"},
    {TDL_FEEDLOG_TIME, "createdat"},
    {TDL_FEEDLOG_ORDER, "order"},
    {TDL_FEEDLOG_ORDER, "orderid"},
    {TDL_FEEDLOG_ORDER, "invoice"},
    {TDL_FEEDLOG_ORDER, "invoiceno"},
    {TDL_FEEDLOG_ORDER, "basketid"},
    {TDL_FEEDLOG_ORDER, "transactionid"},
    {TDL_FEEDLOG_KIND, "kind"},
    {TDL_FEEDLOG_KIND, "event"},
    {TDL_FEEDLOG_KIND, "eventtype"},
    {TDL_FEEDLOG_KIND, "feedbacktype"},
    {TDL_FEEDLOG_KIND, "behavior"},
    {TDL_FEEDLOG_VALUE, "value"},
    {TDL_FEEDLOG_VALUE, "rating"},
    {TDL_FEEDLOG_TITLE, "title"},
    {TDL_FEEDLOG_TITLE, "description"},
    {TDL_FEEDLOG_PRICE, "price"},
    {TDL_FEEDLOG_PRICE, "unitprice"},
};

enum { NAME_BYTES = 64 };

static void plain_name(tdl_str column, char ret[NAME_BYTES])
{
    size_t n = 0;

    for (size_t i = 0; i < column.len && column.at[i] != ':' && n + 1 < NAME_BYTES; i++)
        if (!strchr("_- ", column.at[i]))
            ret[n++] = (char)tolower((unsigned char)column.at[i]);
    ret[n] = '\0';
}

tdl_feedlog_field tdl_feedlog_field_of(const tdl_feedlog *log, tdl_str column)
{
    char name[NAME_BYTES];

    for (size_t f = 0; f < TDL_FEEDLOG_FIELDS_N; f++)
        if (log->mapped[f].len && tdl_str_eq(log->mapped[f], column))
            return (tdl_feedlog_field)f;
    plain_name(column, name);
    for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
        if (!log->mapped[usual[i].field].len && !strcmp(name, usual[i].name))
            return usual[i].field;
    return TDL_FEEDLOG_FIELDS_N;
}

static tdl_status map_one(tdl_feedlog *log, tdl_str piece, tdl_report *why)
{
    const char *equals = memchr(piece.at, '=', piece.len);

    if (!equals)
        return TDL_FAIL_HINT(why, TDL_E_USAGE, "write field=column, as in user=customer",
                             "--map: \"%.*s\" is not field=column", TDL_FMT(piece));
    tdl_str name = {piece.at, (size_t)(equals - piece.at)};
    for (size_t f = 0; f < TDL_FEEDLOG_FIELDS_N; f++)
        if (tdl_str_is(name, tdl_feedlog_field_name[f])) {
            log->mapped[f] = (tdl_str){equals + 1, piece.len - name.len - 1};
            return TDL_OK;
        }
    return TDL_FAIL_HINT(why, TDL_E_USAGE,
                         "fields are user, item, time, order, kind, value, segment, title and "
                         "price",
                         "--map: there is no field \"%.*s\"", TDL_FMT(name));
}

tdl_status tdl_feedlog_map(tdl_feedlog *log, tdl_report *why)
{
    const char *list = log->options->map ? log->options->map : "";
    tdl_status st = TDL_OK;

    if (log->options->segment && log->options->segment[0])
        log->mapped[TDL_FEEDLOG_SEGMENT] = tdl_str_of(log->options->segment);
    while (!st && *list) {
        size_t n = strcspn(list, ",");
        if (n)
            st = map_one(log, tdl_str_trim((tdl_str){list, n}), why);
        list += n + (list[n] == ',');
    }
    return st;
}

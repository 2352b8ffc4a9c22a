/* Logs of other recommenders (feedlog_reader.h) as events. */
#include <math.h>

#include "base/json.h"
#include "cli/feedlog_reader.h"
#include "cli/import_parts.h"

typedef struct log_import {
    tdl_importer *to;
} log_import;

/* {"order_id": "..."}, or nothing. */
static tdl_str order_properties(tdl_importer *to, tdl_str order)
{
    tdl_buf out = {0};
    tdl_jw w = {.out = &out};

    if (!order.len)
        return (tdl_str){0};
    tdl_jw_object(&w);
    tdl_jw_kstr(&w, "order_id", order);
    tdl_jw_end_object(&w);
    tdl_str copy = tdl_arena_str(to->arena, tdl_buf_view(&out));
    tdl_buf_release(&out);
    return copy;
}

/* {"price": 2.55}, or nothing. */
static tdl_str item_attributes(tdl_importer *to, tdl_str price)
{
    tdl_buf out = {0};
    tdl_jw w = {.out = &out};
    double number;

    if (!tdl_str_double(price, &number) || !isfinite(number) || number < 0)
        return (tdl_str){0};
    tdl_jw_object(&w);
    tdl_jw_knumber(&w, "price", number);
    tdl_jw_end_object(&w);
    tdl_str copy = tdl_arena_str(to->arena, tdl_buf_view(&out));
    tdl_buf_release(&out);
    return copy;
}

static tdl_status take_row(void *context, const tdl_feedlog_row *row, tdl_report *why)
{
    tdl_importer *to = ((log_import *)context)->to;
    tdl_status st;

    if (tdl_importer_skips(to))
        return TDL_OK;
    if ((st = tdl_importer_make_room(to, why)))
        return st;
    tdl_event event = {
        .user = tdl_arena_str(to->arena, row->user.len ? row->user : row->order),
        .kind = tdl_arena_str(to->arena, row->kind.len ? row->kind : tdl_str_of(to->options->kind)),
        .item = tdl_arena_str(to->arena, row->item),
        .source = tdl_str_of(to->options->source),
        .properties = order_properties(to, row->order),
        .value = row->value,
        .has_value = row->has_value,
        .time_us = row->time_us};
    event.message_id = tdl_importer_content_id(to, &event);
    if (row->title.len &&
        (st = tdl_importer_item(to, event.item, tdl_arena_str(to->arena, row->title),
                                item_attributes(to, row->price), why)))
        return st;
    return tdl_importer_event(to, &event, row->line, row->item, why);
}

static void reject(void *context, size_t line, const tdl_report *why)
{
    tdl_importer_reject(((log_import *)context)->to, line, (tdl_str){0}, why);
}

tdl_status tdl_import_log(tdl_importer *importer, tdl_report *why)
{
    log_import context = {importer};
    tdl_feedlog_options options = {.path = importer->options->path,
                                   .map = importer->options->map,
                                   .progress = importer->progress,
                                   .rejected = reject};
    tdl_feedlog_result result;

    if (tdl_feedlog_has_no_times(options.path))
        return TDL_FAIL(why, TDL_E_INVALID, "%s: sequences have no times, and events need one",
                        options.path);
    return tdl_feedlog_read(&options, take_row, &context, &result, why);
}

#include "store/check.h"

#include <math.h>

#include "base/json.h"

static const int64_t FUTURE_US = 24 * 3600 * INT64_C(1000000);

/* C0, DEL and C1 (U+0080 to U+009F, C2 80 to C2 9F). */
static bool is_control(tdl_str text, size_t i)
{
    unsigned char byte = (unsigned char)text.at[i];

    return byte < 0x20 || byte == 0x7f ||
           (byte == 0xc2 && i + 1 < text.len && (unsigned char)text.at[i + 1] < 0xa0);
}

tdl_status tdl_check_text(const char *field, tdl_str text, size_t max, bool required,
                          tdl_report *why)
{
    size_t bad;

    if (!text.len)
        return required ? TDL_FAIL(why, TDL_E_INVALID, "%s is missing", field) : TDL_OK;
    if (text.len > max)
        return TDL_FAIL(why, TDL_E_INVALID, "%s is %zu bytes long, %zu are allowed", field,
                        text.len, max);
    if (!tdl_str_utf8(text, &bad))
        return TDL_FAIL(why, TDL_E_INVALID, "%s is not valid UTF-8 at byte %zu", field, bad);
    for (size_t i = 0; i < text.len; i++)
        if (is_control(text, i))
            return TDL_FAIL(why, TDL_E_INVALID, "%s holds a control character at byte %zu", field,
                            i);
    return TDL_OK;
}

tdl_status tdl_check_object(const char *field, tdl_str text, tdl_report *why)
{
    json_t *value = NULL;
    tdl_status st;

    if (!text.len)
        return TDL_OK;
    if (text.len > TDL_PROPERTIES_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "%s: %zu bytes, %d are allowed", field, text.len,
                        TDL_PROPERTIES_MAX);
    if ((st = tdl_json_parse(text, TDL_JSON_LAST_WINS, &value, why))) {
        tdl_report_prefix(why, "%s", field);
        return st;
    }
    if (!json_is_object(value))
        st = TDL_FAIL(why, TDL_E_INVALID, "%s: must be a JSON object, not of type %s", field,
                      tdl_json_type_name(value));
    json_decref(value);
    return st;
}

tdl_status tdl_event_check(const tdl_event *event, int64_t now_us, tdl_report *why)
{
    tdl_status st;

    if ((st = tdl_check_text("user", event->user, TDL_ID_MAX, true, why)) ||
        (st = tdl_check_text("kind", event->kind, TDL_KIND_MAX, true, why)) ||
        (st = tdl_check_text("item", event->item, TDL_ID_MAX, false, why)) ||
        (st = tdl_check_text("source", event->source, TDL_ID_MAX, true, why)) ||
        (st = tdl_check_text("message_id", event->message_id, TDL_ID_MAX, true, why)) ||
        (st = tdl_check_text("decision_id", event->decision_id, TDL_ID_MAX, false, why)) ||
        (st = tdl_check_text("alias", event->alias, TDL_ID_MAX, false, why)) ||
        (st = tdl_check_object("traits", event->traits, why)) ||
        (st = tdl_check_object("traits_once", event->traits_once, why)) ||
        (st = tdl_check_text("group_type", event->group_type, TDL_ID_MAX, event->group.len, why)) ||
        (st = tdl_check_text("group", event->group, TDL_ID_MAX, event->group_type.len, why)) ||
        (st = tdl_check_object("group_traits", event->group_traits, why)))
        return st;
    if (event->has_value && !isfinite(event->value))
        return TDL_FAIL(why, TDL_E_INVALID, "value is not a finite number");
    if (event->time_us < 0)
        return TDL_FAIL(why, TDL_E_INVALID, "time is before 1970");
    if (event->time_us > now_us + FUTURE_US)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "is the sender's clock right?",
                             "time is more than a day in the future");
    return tdl_check_object("properties", event->properties, why);
}

/* A title is for people: line ends and the like are theirs to choose. */
tdl_status tdl_check_item(const tdl_item *item, tdl_report *why)
{
    size_t bad;
    tdl_status st = tdl_check_text("id", item->id, TDL_ID_MAX, true, why);

    if (st)
        return st;
    if (item->title.len > TDL_PROPERTIES_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "title is %zu bytes long, %d are allowed",
                        item->title.len, TDL_PROPERTIES_MAX);
    if (!tdl_str_utf8(item->title, &bad))
        return TDL_FAIL(why, TDL_E_INVALID, "title is not valid UTF-8 at byte %zu", bad);
    return tdl_check_object("attributes", item->attributes, why);
}

#include "wire/fields.h"

#include <sodium.h>

#include "base/uuid.h"
#include "store/check.h"

enum { HASH_BYTES = 16 };

static tdl_status no_memory(tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "the request needs too much memory");
}

tdl_status tdl_fields_id(const json_t *object, const char *key, tdl_arena *arena, tdl_str *ret,
                         tdl_report *why)
{
    const json_t *value = json_object_get(object, key);

    if (json_is_string(value) && json_string_length(value))
        *ret = (tdl_str){json_string_value(value), json_string_length(value)};
    else if (json_is_integer(value))
        *ret = tdl_arena_printf(arena, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        *ret = tdl_arena_printf(arena, "%.15g", json_real_value(value));
    else
        return TDL_OK;
    return ret->at ? TDL_OK : no_memory(why);
}

tdl_status tdl_fields_first_id(const json_t *object, const char *const *keys, tdl_arena *arena,
                               tdl_str *ret, tdl_report *why)
{
    tdl_status st = TDL_OK;

    for (; !st && !ret->len && *keys; keys++)
        st = tdl_fields_id(object, *keys, arena, ret, why);
    return st;
}

tdl_status tdl_fields_what(const json_t *properties, tdl_arena *arena, tdl_event *event,
                           tdl_report *why)
{
    static const char *const items[] = {"item", "item_id", "product_id", "sku", NULL};
    static const char *const values[] = {"value", "rating", "price", "revenue"};

    for (size_t i = 0; !event->has_value && i < sizeof values / sizeof values[0]; i++)
        event->has_value = tdl_json_get_number(properties, values[i], &event->value);
    tdl_json_get_str(properties, "decision_id", &event->decision_id);
    return tdl_fields_first_id(properties, items, arena, &event->item, why);
}

tdl_status tdl_fields_group_user(tdl_arena *arena, tdl_event *event, tdl_report *why)
{
    if (!event->group.len)
        return TDL_OK;
    tdl_str own =
        tdl_arena_printf(arena, "$%.*s_%.*s", TDL_FMT(event->group_type), TDL_FMT(event->group));
    if (!own.at)
        return no_memory(why);
    if (event->user.len && !tdl_str_eq(event->user, own))
        return TDL_OK;
    event->user = own;
    event->no_person = true;
    return TDL_OK;
}

tdl_status tdl_fields_message_id(tdl_str sent, tdl_arena *arena, tdl_str *ret, tdl_report *why)
{
    unsigned char hash[HASH_BYTES];
    char text[2 * HASH_BYTES + 1], fresh[37];

    if (!sent.len) {
        tdl_uuid7(fresh);
        *ret = tdl_arena_str(arena, tdl_str_of(fresh));
    } else if (tdl_check_text("message_id", sent, TDL_ID_MAX, true, NULL)) {
        crypto_generichash(hash, sizeof hash, (const unsigned char *)sent.at, sent.len, NULL, 0);
        sodium_bin2hex(text, sizeof text, hash, sizeof hash);
        *ret = tdl_arena_str(arena, tdl_str_of(text));
    } else {
        *ret = sent;
    }
    return ret->at ? TDL_OK : no_memory(why);
}

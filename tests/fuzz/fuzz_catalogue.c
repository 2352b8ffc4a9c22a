/* What shops send: the first byte chooses between items to import, a policy of a surface, and a
 * question. Whatever it is, it is refused with a reason or taken. */
#include <stdint.h>
#include <stdlib.h>

#include "apps/recommend/policy.h"
#include "apps/recommend/question.h"
#include "wire/native/items_import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void import(tdl_str text, tdl_arena *arena)
{
    tdl_items_import all;
    tdl_report why = {0};
    tdl_attributes *known = tdl_attributes_new();

    if (!known || !tdl_record_begin(known))
        abort();
    if (tdl_native_import(text, true, arena, &all, &why) && !why.message[0])
        abort();
    for (size_t i = 0; i < all.items_n; i++) {
        tdl_record *record;
        if (!all.items[i].id.len || all.items[i].id.len > TDL_ID_MAX)
            abort();
        if (!tdl_record_new(all.items[i].attributes, known, &record))
            abort();
        if (tdl_record_similarity(record, record) > 1.0000001)
            abort();
        tdl_record_free(record);
    }
    json_decref(all.json);
    tdl_attributes_free(known);
}

static void read_policy(const json_t *json)
{
    tdl_catalogue *catalogue = tdl_catalogue_new();
    tdl_policy *policy = NULL;
    tdl_report why = {0};
    int32_t item = catalogue ? tdl_catalogue_add(catalogue, TDL_STR("a")) : -1;

    if (item < 0)
        abort();
    tdl_catalogue_describe(catalogue, item, TDL_STR("{\"$price\":3,\"$seller\":\"s\"}"));
    tdl_status st = tdl_policy_read(json, tdl_catalogue_attributes(catalogue), &policy, &why);
    if (!st)
        st = tdl_policy_check(policy, catalogue, &why);
    if (st && !why.message[0])
        abort();
    tdl_policy_free(policy);
    tdl_catalogue_free(catalogue);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tdl_str text = {(const char *)data + 1, size ? size - 1 : 0};
    tdl_arena *arena = tdl_arena_new((size_t)64 << 20);
    tdl_question question;
    tdl_report why = {0};
    json_t *json = NULL;

    if (!arena || !size) {
        tdl_arena_free(arena);
        return 0;
    }
    if (data[0] == 'i')
        import(text, arena);
    else if (!tdl_json_parse(text, TDL_JSON_REFUSE_DUPLICATES, &json, NULL)) {
        if (data[0] == 'p')
            read_policy(json);
        else if (tdl_question_read(json, data[0] == 'd', arena, &question, &why) && !why.message[0])
            abort();
    }
    json_decref(json);
    tdl_arena_free(arena);
    return 0;
}

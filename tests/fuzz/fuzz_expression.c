/* Rules' expressions: whatever is written, it is refused or it answers. */
#include <stdlib.h>

#include "apps/recommend/expression.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const tdl_operand *attribute_of(const void *item, int32_t attribute)
{
    TDL_UNUSED(attribute);
    return item;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const tdl_operand value = {.kind = TDL_OPERAND_NUMBER, .number = 3};
    tdl_str text = {(const char *)data, size};
    tdl_arena *arena = tdl_arena_new(1 << 22);
    tdl_attributes *known = tdl_attributes_new();
    json_t *context = json_pack("{s:i, s:{s:s}}", "a", 1, "b", "c", "d");
    tdl_expression *e;
    tdl_bound bound;
    tdl_report why;

    if (!arena || !known || tdl_attributes_add(known, TDL_STR("price"), TDL_OPERAND_NUMBER) < 0 ||
        tdl_attributes_add(known, TDL_STR("tags"), TDL_OPERAND_LIST) < 0)
        abort();
    tdl_status checked = tdl_expression_compile(text, known, arena, &e, &why);
    tdl_status st = tdl_expression_compile(text, NULL, arena, &e, &why);
    if (checked == TDL_OK && st)
        abort(); // checking refuses more, never less
    if (!st && tdl_expression_bind(e, known, context, context, arena, &bound))
        tdl_expression_holds(&bound, &value, attribute_of);
    json_decref(context);
    tdl_attributes_free(known);
    tdl_arena_free(arena);
    return 0;
}

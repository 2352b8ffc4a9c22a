/* A definition, a line break, and a question about it as an SDK sends it: what compiles decides,
 * within bounds, and every answer is whole. */
#include <stdint.h>
#include <stdlib.h>

#include "flags/flags.h"
#include "wire/posthog/flags.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const int64_t NOW_US = INT64_C(1795449172000000);

static void check_answer(const tdl_flag_answer *a)
{
    double sum = 0;

    if (!a->value.len || !a->default_value.len || (a->arms_n && a->chosen >= a->arms_n))
        abort();
    for (size_t i = 0; i < a->arms_n; i++)
        sum += a->arms[i].probability;
    // variants that make more than 100 percent are cut off at their end
    if (a->arms_n && (sum < 1 - 1e-9 || sum > 1 + 1e-9))
        abort();
}

static void check_json(const tdl_buf *text)
{
    json_t *json = NULL;

    if (tdl_json_parse(tdl_buf_view(text), TDL_JSON_LAST_WINS, &json, NULL))
        abort();
    json_decref(json);
}

static void answer(const tdl_flag_set *set, tdl_posthog_question *q, tdl_arena *arena)
{
    tdl_posthog_answer one = {.flag = tdl_flag_set_at(set, 0)};
    tdl_posthog_answers all = {.at = &one, .n = 1, .request_id = "r", .now_us = NOW_US};

    q->context.now_us = NOW_US;
    if (tdl_flag_evaluate(set, one.flag, &q->context, arena, &one.answer, NULL))
        return;
    check_answer(&one.answer);
    for (int form = TDL_POSTHOG_FORM_FULL; form <= TDL_POSTHOG_FORM_LIST; form++) {
        tdl_buf text = {0};
        tdl_jw w = {.out = &text};
        tdl_posthog_answers_write(&all, (tdl_posthog_form)form, &w);
        check_json(&text);
        tdl_buf_release(&text);
    }
}

static void ask(const tdl_flag_set *set, tdl_str raw)
{
    tdl_body_limits limits = {.inflated_max = 1 << 20, .values_max = 10000};
    tdl_arena *arena = tdl_arena_new((size_t)16 << 20);
    tdl_buf storage = {.limit = 4 << 20};
    tdl_posthog_question q = {0};
    tdl_str text;

    if (!tdl_body_unwrap(raw, &limits, &storage, &text, NULL) &&
        !tdl_posthog_question_read(text, arena, &q, NULL))
        answer(set, &q, arena);
    json_decref(q.json);
    tdl_buf_release(&storage);
    tdl_arena_free(arena);
}

static void write_definitions(const tdl_flag_set *set)
{
    for (int old = 0; old < 2; old++) {
        tdl_buf text = {0};
        tdl_jw w = {.out = &text};
        if (!tdl_posthog_definitions_write(set, old, &w, NULL))
            check_json(&text);
        tdl_buf_release(&text);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *at = (const char *)data;
    const char *end = size ? memchr(at, '\n', size) : NULL;
    tdl_flag_row row = {
        .id = 1, .key = TDL_STR("flag"), .family = TDL_STR("posthog"), .version = 1};
    tdl_flag_set *set = NULL;

    if (!end)
        return 0;
    row.definition = (tdl_str){at, (size_t)(end - at)};
    if (tdl_flag_set_new(&row, 1, &set, NULL, NULL))
        return 0;
    if (tdl_flag_set_count(set)) {
        write_definitions(set);
        ask(set, (tdl_str){end + 1, size - (size_t)(end + 1 - at)});
    }
    tdl_flag_set_free(set);
    return 0;
}

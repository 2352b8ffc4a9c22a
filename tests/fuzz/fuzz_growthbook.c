/* GrowthBook: bodies of the tracking plugin, and definitions with the questions asked of them. The
 * first byte chooses; a definition ends with its line, and a question follows. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "store/store.h"
#include "wire/growthbook/growthbook.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const int64_t NOW_US = INT64_C(1795449172000000);

static void check_json(tdl_str text)
{
    json_t *json = NULL;

    if (tdl_json_parse(text, TDL_JSON_REFUSE_DUPLICATES, &json, NULL))
        abort();
    json_decref(json);
}

/* Whatever is decoded passes the store's own check. */
static void track(tdl_str text, tdl_arena *arena)
{
    tdl_batch batch = {0};

    if (!tdl_growthbook_decode(text, NOW_US, arena, &batch, NULL))
        for (size_t i = 0; i < batch.events_n; i++)
            if (tdl_event_check(&batch.events[i], NOW_US, NULL))
                abort();
    tdl_batch_release(&batch);
}

/* Arms are probabilities, and what was answered is one of them. */
static void check_answer(const tdl_flag_answer *answer)
{
    double total = 0;

    check_json(answer->value);
    check_json(answer->default_value);
    if (answer->exposures.len)
        check_json(answer->exposures);
    for (size_t i = 0; i < answer->arms_n; i++)
        total += answer->arms[i].probability;
    if (answer->arms_n && (fabs(total - 1) > 1e-9 || answer->chosen >= answer->arms_n ||
                           !(answer->arms[answer->chosen].probability > 0)))
        abort();
}

static void check_payload(const tdl_flag_set *set, const tdl_flag *flag,
                          const tdl_flag_answer *answer)
{
    tdl_buf text = {0};
    tdl_jw w = {.out = &text};

    tdl_growthbook_begin_answers(&w);
    tdl_growthbook_write_answer(&w, flag, answer);
    tdl_growthbook_end_answers(&w, set);
    check_json(tdl_buf_view(&text));
    tdl_buf_clear(&text);
    w = (tdl_jw){.out = &text};
    tdl_growthbook_write_features(&w, set);
    check_json(tdl_buf_view(&text));
    tdl_buf_release(&text);
}

static void ask(tdl_str definition, tdl_str text, tdl_arena *arena)
{
    tdl_flag_row row = {
        .key = TDL_STR("f"), .family = TDL_STR("growthbook"), .definition = definition};
    tdl_growthbook_question question = {0};
    tdl_flag_set *set = NULL;
    tdl_flag_answer answer;

    if (tdl_flag_set_new(&row, 1, &set, NULL, NULL))
        return;
    if (tdl_flag_set_count(set) &&
        !tdl_growthbook_read_question(text, NOW_US, arena, &question, NULL) &&
        !tdl_flag_evaluate(set, tdl_flag_set_at(set, 0), &question.context, arena, &answer, NULL)) {
        check_answer(&answer);
        check_payload(set, tdl_flag_set_at(set, 0), &answer);
    }
    tdl_growthbook_question_release(&question);
    tdl_flag_set_free(set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    tdl_str text = {(const char *)data + 1, size - 1};
    const char *end = text.len ? memchr(text.at, '\n', text.len) : NULL;
    tdl_arena *arena = tdl_arena_new((size_t)16 << 20);
    if (data[0] == 't' || !end) {
        track(text, arena);
    } else {
        size_t n = (size_t)(end - text.at);
        ask((tdl_str){text.at, n}, (tdl_str){end + 1, text.len - n - 1}, arena);
    }
    tdl_arena_free(arena);
    return 0;
}

#include "feature_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>

#include "flags/javascript.h"

features *features_new(const char *definitions)
{
    features *f = calloc(1, sizeof *f);
    tdl_flag_row rows[32];
    tdl_buf texts[32] = {0};
    json_t *all = NULL, *definition;
    tdl_report warning = {0}, why = {0};
    const char *key;
    size_t n = 0;

    assert_int_equal(tdl_json_parse(tdl_str_of(definitions), TDL_JSON_LAST_WINS, &all, &why), 0);
    json_object_foreach(all, key, definition)
    {
        assert_true(n < 32);
        tdl_js_stringify(&texts[n], definition, true);
        rows[n] = (tdl_flag_row){.key = tdl_str_of(key),
                                 .family = TDL_STR("growthbook"),
                                 .definition = tdl_buf_view(&texts[n])};
        n++;
    }
    if (tdl_flag_set_new(rows, n, &f->set, &warning, &why))
        fail_msg("%s", why.message);
    if (warning.status)
        fail_msg("%s", warning.message);
    for (size_t i = 0; i < n; i++)
        tdl_buf_release(&texts[i]);
    json_decref(all);
    f->arena = tdl_arena_new((size_t)64 << 20);
    return f;
}

void features_free(features *f)
{
    if (!f)
        return;
    tdl_flag_set_free(f->set);
    tdl_arena_free(f->arena);
    json_decref(f->attributes);
    free(f);
}

tdl_flag_answer features_ask(features *f, const char *key, const char *attributes)
{
    const tdl_flag *flag = tdl_flag_set_find(f->set, tdl_str_of(key));
    tdl_flag_answer answer;
    tdl_report why = {0};

    assert_non_null(flag);
    json_decref(f->attributes);
    f->attributes = NULL;
    if (tdl_json_parse(tdl_str_of(attributes), TDL_JSON_LAST_WINS, &f->attributes, &why))
        fail_msg("%s", why.message);
    tdl_flag_context context = {.properties = f->attributes, .url = tdl_str_of(f->url)};
    if (tdl_flag_evaluate(f->set, flag, &context, f->arena, &answer, &why))
        fail_msg("%s", why.message);
    return answer;
}

void features_expect(features *f, const char *key, const char *attributes, const char *value)
{
    tdl_flag_answer answer = features_ask(f, key, attributes);

    if (!tdl_str_is(answer.value, value))
        fail_msg("%s for %s is %.*s, not %s", key, attributes, TDL_FMT(answer.value), value);
}

/* treadle flag list | show | set | delete */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/timestamp.h"
#include "cli/commands.h"
#include "cli/open_store.h"
#include "flags/flags.h"
#include "flags/short.h"

enum { ARENA_BYTES = 128 << 20, FILE_MAX = TDL_PROPERTIES_MAX };

typedef struct flag_values {
    tdl_common common;
    const char *definition, *family, *variants, *payloads;
    bool off;
    int64_t percent;
} flag_values;

static const tdl_option set_options[] = {
    {"definition",
     TDL_OPTION_TEXT,
     offsetof(flag_values, definition),
     "FILE",
     "",
     0,
     0,
     {"a definition in the family's own form; - reads standard input",
      "该系列自有格式的定义文件；- 表示标准输入"}},
    {"family",
     TDL_OPTION_TEXT,
     offsetof(flag_values, family),
     "NAME",
     "posthog",
     0,
     0,
     {"of --definition: posthog or growthbook", "--definition 的系列：posthog 或 growthbook"}},
    {"off",
     TDL_OPTION_FLAG,
     offsetof(flag_values, off),
     NULL,
     NULL,
     0,
     0,
     {"switched off for everybody", "对所有人关闭"}},
    {"percent",
     TDL_OPTION_INT,
     offsetof(flag_values, percent),
     "N",
     "100",
     0,
     100,
     {"share of users who are in", "启用的用户百分比"}},
    {"variants",
     TDL_OPTION_TEXT,
     offsetof(flag_values, variants),
     "LIST",
     "",
     0,
     0,
     {"their shares in percent: control=50,test=50", "各变体的百分比：control=50,test=50"}},
    {"payloads",
     TDL_OPTION_TEXT,
     offsetof(flag_values, payloads),
     "JSON",
     "",
     0,
     0,
     {"what goes with each: {\"test\": {\"color\": \"red\"}}",
      "各变体附带的内容：{\"test\": {\"color\": \"red\"}}"}},
};

/* ---- list, show ---- */

static void write_flag(tdl_jw *w, const tdl_flag_row *flag)
{
    tdl_jw_object(w);
    tdl_jw_kstr(w, "key", flag->key);
    tdl_jw_kstr(w, "family", flag->family);
    tdl_jw_kint(w, "version", flag->version);
    tdl_jw_ktime(w, "created", flag->created_us);
    tdl_jw_ktime(w, "updated", flag->updated_us);
    tdl_jw_kraw(w, "definition", flag->definition);
    tdl_jw_end_object(w);
}

static void print_json(const tdl_flag_row *flags, size_t n, bool list)
{
    tdl_buf out = {0};
    tdl_jw w = {.out = &out};

    if (list) {
        tdl_jw_object(&w);
        tdl_jw_key(&w, "flags");
        tdl_jw_array(&w);
    }
    for (size_t i = 0; i < n; i++)
        write_flag(&w, &flags[i]);
    if (list) {
        tdl_jw_end_array(&w);
        tdl_jw_end_object(&w);
    }
    printf("%.*s\n", (int)out.len, out.at ? out.at : "");
    tdl_buf_release(&out);
}

static void print_table(const tdl_flag_row *flags, size_t n)
{
    printf("%-32s  %-10s  %7s  %s\n", tdl_tr("key", "键"), tdl_tr("family", "系列"),
           tdl_tr("version", "版本"), tdl_tr("updated", "更新时间"));
    for (size_t i = 0; i < n; i++) {
        char updated[TDL_TIME_TEXT_MAX];
        tdl_time_format(flags[i].updated_us, updated);
        printf("%-32.*s  %-10.*s  %7lld  %s\n", TDL_FMT(flags[i].key), TDL_FMT(flags[i].family),
               (long long)flags[i].version, updated);
    }
}

/* Open the store and read all flags; the caller frees the arena and closes the store. */
static tdl_status read_flags(const tdl_common *common, tdl_store **ret_store, tdl_arena **ret_arena,
                             tdl_flag_row **ret, size_t *ret_n, tdl_report *why)
{
    tdl_status st;

    if (!(*ret_arena = tdl_arena_new(ARENA_BYTES)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    if ((st = tdl_open_store(common, false, ret_store, why)))
        return st;
    return tdl_store_flags(*ret_store, *ret_arena, ret, ret_n, why);
}

static tdl_status run_list(const void *values, char **arguments, tdl_report *why)
{
    const tdl_common *common = values;
    tdl_store *store = NULL;
    tdl_arena *arena = NULL;
    tdl_flag_row *flags;
    size_t n;
    tdl_status st = read_flags(common, &store, &arena, &flags, &n, why);

    TDL_UNUSED(arguments);
    if (!st && common->json)
        print_json(flags, n, true);
    else if (!st)
        print_table(flags, n);
    tdl_store_close(store);
    tdl_arena_free(arena);
    return st;
}

static tdl_status print_one(const tdl_flag_row *flags, size_t n, const char *key, bool json,
                            tdl_report *why)
{
    for (size_t i = 0; i < n; i++) {
        if (!tdl_str_is(flags[i].key, key))
            continue;
        if (json)
            print_json(&flags[i], 1, false);
        else
            printf("%.*s\n", (int)flags[i].definition.len, flags[i].definition.at);
        return TDL_OK;
    }
    return TDL_FAIL_HINT(why, TDL_E_NOT_FOUND, "treadle flag list shows what there is",
                         "there is no flag \"%s\"", key);
}

static tdl_status run_show(const void *values, char **arguments, tdl_report *why)
{
    const tdl_common *common = values;
    tdl_store *store = NULL;
    tdl_arena *arena = NULL;
    tdl_flag_row *flags;
    size_t n;
    tdl_status st = read_flags(common, &store, &arena, &flags, &n, why);

    if (!st)
        st = print_one(flags, n, arguments[0], common->json, why);
    tdl_store_close(store);
    tdl_arena_free(arena);
    return st;
}

/* ---- set ---- */

static tdl_status read_file(const char *path, tdl_buf *ret, tdl_report *why)
{
    bool standard = !strcmp(path, "-");
    FILE *file = standard ? stdin : fopen(path, "rb");
    char chunk[4096];
    size_t n;

    if (!file)
        return TDL_FAIL(why, TDL_E_IO, "%s: cannot be opened", path);
    ret->limit = FILE_MAX + 1;
    while (!ret->failed && (n = fread(chunk, 1, sizeof chunk, file)) > 0)
        tdl_buf_add(ret, chunk, n);
    bool broken = ferror(file) != 0;
    if (!standard)
        fclose(file);
    if (broken)
        return TDL_FAIL(why, TDL_E_IO, "%s: cannot be read", path);
    return ret->failed ? TDL_FAIL(why, TDL_E_TOO_LARGE, "%s: larger than %d bytes", path, FILE_MAX)
                       : TDL_OK;
}

/* "control=50,test=50" as an object. */
static tdl_status read_variants(const char *list, json_t *ret, tdl_report *why)
{
    for (const char *at = list; *at;) {
        size_t len = strcspn(at, ",");
        const char *equals = memchr(at, '=', len);
        double percent;
        tdl_str number =
            equals ? (tdl_str){equals + 1, len - (size_t)(equals + 1 - at)} : (tdl_str){0};
        if (!equals || equals == at || !tdl_str_double(number, &percent))
            return TDL_FAIL_HINT(why, TDL_E_USAGE, "write control=50,test=50",
                                 "--variants: \"%.*s\" is no key and percentage", (int)len, at);
        if (json_object_setn_new(ret, at, (size_t)(equals - at), json_real(percent)))
            return TDL_FAIL(why, TDL_E_INVALID, "--variants: \"%.*s\" is no key",
                            (int)(equals - at), at);
        at += len + (at[len] == ',');
    }
    return TDL_OK;
}

static tdl_status read_short(const flag_values *v, json_t *form, tdl_report *why)
{
    json_t *variants = json_object(), *payloads = NULL;
    tdl_status st;

    json_object_set_new(form, "on", json_boolean(!v->off));
    json_object_set_new(form, "percent", json_integer(v->percent));
    json_object_set_new(form, "variants", variants);
    if ((st = read_variants(v->variants, variants, why)) || !*v->payloads)
        return st;
    if ((st =
             tdl_json_parse(tdl_str_of(v->payloads), TDL_JSON_REFUSE_DUPLICATES, &payloads, why))) {
        tdl_report_prefix(why, "--payloads");
        return st;
    }
    json_object_set_new(form, "payloads", payloads);
    return TDL_OK;
}

static tdl_status expand_short(const flag_values *v, tdl_buf *ret, tdl_report *why)
{
    json_t *form = json_object(), *definition = NULL;
    tdl_status st = read_short(v, form, why);

    if (!st && !(st = tdl_flag_short(form, &definition, why)))
        tdl_json_dump(ret, definition);
    json_decref(definition);
    json_decref(form);
    return st;
}

static tdl_status store_flag(const tdl_common *common, const tdl_flag_row *row, tdl_report *why)
{
    tdl_store *store = NULL;
    tdl_status st;

    if (!row->key.len || row->key.len > TDL_ID_MAX || !tdl_str_utf8(row->key, NULL))
        return TDL_FAIL(why, TDL_E_INVALID, "a key is UTF-8 text of 1 to %d bytes", TDL_ID_MAX);
    if ((st = tdl_flag_check(row->family, row->definition, why)) ||
        (st = tdl_open_store(common, false, &store, why)))
        return st;
    st = tdl_store_put_flag(store, row, why);
    tdl_store_close(store);
    return st;
}

static void print_done(const tdl_common *common, const char *key, const char *field,
                       const char *words)
{
    tdl_buf out = {0};
    tdl_jw w = {.out = &out};

    if (!common->json) {
        printf("%s %s\n", words, key);
        return;
    }
    tdl_jw_object(&w);
    tdl_jw_ktext(&w, "key", key);
    tdl_jw_kbool(&w, field, true);
    tdl_jw_end_object(&w);
    printf("%.*s\n", TDL_FMT(tdl_buf_view(&out)));
    tdl_buf_release(&out);
}

static tdl_status run_set(const void *values, char **arguments, tdl_report *why)
{
    const flag_values *v = values;
    tdl_buf definition = {0};
    bool whole = *v->definition != '\0';
    tdl_status st =
        whole ? read_file(v->definition, &definition, why) : expand_short(v, &definition, why);
    tdl_flag_row row = {.key = tdl_str_of(arguments[0]),
                        .family = tdl_str_of(whole ? v->family : "posthog"),
                        .definition = tdl_buf_view(&definition)};

    if (!st)
        st = store_flag(&v->common, &row, why);
    tdl_buf_release(&definition);
    if (!st)
        print_done(&v->common, arguments[0], "stored", tdl_tr("stored", "已保存"));
    return st;
}

static tdl_status run_delete(const void *values, char **arguments, tdl_report *why)
{
    const tdl_common *common = values;
    tdl_store *store = NULL;
    tdl_status st = tdl_open_store(common, false, &store, why);

    if (st)
        return st;
    st = tdl_store_drop_flag(store, tdl_str_of(arguments[0]), why);
    tdl_store_close(store);
    if (!st)
        print_done(common, arguments[0], "deleted", tdl_tr("deleted", "已删除"));
    return st;
}

const tdl_command tdl_command_flag_list = {
    .name = "flag list",
    .values_size = sizeof(tdl_common),
    .summary = {"list flags", "列出特性开关"},
    .examples = "  treadle flag list\n  treadle flag list --json\n",
    .run = run_list,
};

const tdl_command tdl_command_flag_show = {
    .name = "flag show",
    .arguments = "KEY",
    .arguments_n = 1,
    .values_size = sizeof(tdl_common),
    .summary = {"print a flag's definition", "打印特性开关的定义"},
    .examples = "  treadle flag show new-ui > new-ui.json\n",
    .run = run_show,
};

const tdl_command tdl_command_flag_set = {
    .name = "flag set",
    .arguments = "KEY",
    .arguments_n = 1,
    .values_size = sizeof(flag_values),
    .options = set_options,
    .options_n = sizeof set_options / sizeof set_options[0],
    .summary = {"make or change a flag", "创建或修改特性开关"},
    .examples = "  treadle flag set new-ui --percent 20\n"
                "  treadle flag set checkout --variants control=50,test=50\n"
                "  treadle flag set new-ui --definition new-ui.json\n",
    .run = run_set,
};

const tdl_command tdl_command_flag_delete = {
    .name = "flag delete",
    .arguments = "KEY",
    .arguments_n = 1,
    .values_size = sizeof(tdl_common),
    .summary = {"delete a flag", "删除特性开关"},
    .examples = "  treadle flag delete new-ui\n",
    .run = run_delete,
};

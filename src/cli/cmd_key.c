/* treadle key create | list | revoke */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/timestamp.h"
#include "cli/commands.h"
#include "cli/open_store.h"
#include "loop/loop.h"

typedef struct key_values {
    tdl_common common;
    const char *right, *label;
} key_values;

static const tdl_option create_options[] = {
    {"right",
     TDL_OPTION_TEXT,
     offsetof(key_values, right),
     "RIGHT",
     "write",
     0,
     0,
     {"what it may do: write, decide or admin", "权限：write、decide 或 admin"}},
    {"label",
     TDL_OPTION_TEXT,
     offsetof(key_values, label),
     "TEXT",
     "",
     0,
     0,
     {"a name for people", "供人识别的名称"}},
};

static tdl_status print_created(const tdl_common *common, const char *text, tdl_right right)
{
    if (!common->json) {
        fprintf(stderr, "%s\n",
                tdl_tr("Keep it safe: it is shown this once only.", "请妥善保存：只显示这一次。"));
        printf("%s\n", text);
        return TDL_OK;
    }
    tdl_buf out = {0};
    tdl_jw w = {.out = &out};
    tdl_jw_object(&w);
    tdl_jw_ktext(&w, "key", text);
    tdl_jw_ktext(&w, "right", tdl_right_name(right));
    tdl_jw_end_object(&w);
    printf("%.*s\n", TDL_FMT(tdl_buf_view(&out)));
    tdl_buf_release(&out);
    return TDL_OK;
}

static tdl_status run_create(const void *values, char **arguments, tdl_report *why)
{
    const key_values *v = values;
    tdl_store *store = NULL;
    char text[TDL_KEY_TEXT_MAX];
    tdl_right right;
    tdl_status st;

    TDL_UNUSED(arguments);
    if (!tdl_right_parse(tdl_str_of(v->right), &right))
        return TDL_FAIL_HINT(why, TDL_E_USAGE, "use write, decide or admin",
                             "--right: there is no right \"%s\"", v->right);
    if ((st = tdl_open_store(&v->common, false, &store, why)))
        return st;
    st = tdl_store_create_key(store, right, tdl_str_of(v->label), text, why);
    tdl_store_close(store);
    return st ? st : print_created(&v->common, text, right);
}

static void print_keys_json(const tdl_key_row *keys, size_t keys_n)
{
    tdl_buf out = {0};
    tdl_jw w = {.out = &out};

    tdl_jw_object(&w);
    tdl_jw_key(&w, "keys");
    tdl_jw_array(&w);
    for (size_t i = 0; i < keys_n; i++) {
        tdl_jw_object(&w);
        tdl_jw_ktext(&w, "id", keys[i].id);
        tdl_jw_ktext(&w, "right", tdl_right_name(keys[i].right));
        tdl_jw_kstr(&w, "label", keys[i].label);
        tdl_jw_ktime(&w, "created", keys[i].created_us);
        tdl_jw_key(&w, "revoked");
        if (keys[i].revoked_us)
            tdl_jw_time(&w, keys[i].revoked_us);
        else
            tdl_jw_null(&w);
        tdl_jw_end_object(&w);
    }
    tdl_jw_end_array(&w);
    tdl_jw_end_object(&w);
    printf("%.*s\n", (int)out.len, out.at);
    tdl_buf_release(&out);
}

static void print_keys_table(const tdl_key_row *keys, size_t keys_n)
{
    printf("%-16s  %-6s  %-27s  %-7s  %s\n", "id", tdl_tr("right", "权限"),
           tdl_tr("created", "创建时间"), tdl_tr("state", "状态"), tdl_tr("label", "名称"));
    for (size_t i = 0; i < keys_n; i++) {
        char created[TDL_TIME_TEXT_MAX];
        tdl_time_format(keys[i].created_us, created);
        printf("%-16s  %-6s  %-27s  %-7s  %.*s\n", keys[i].id, tdl_right_name(keys[i].right),
               created, keys[i].revoked_us ? tdl_tr("revoked", "已撤销") : tdl_tr("valid", "有效"),
               TDL_FMT(keys[i].label));
    }
}

static tdl_status run_list(const void *values, char **arguments, tdl_report *why)
{
    const tdl_common *common = values;
    tdl_store *store = NULL;
    tdl_arena *arena = tdl_arena_new((size_t)16 << 20);
    tdl_key_row *keys;
    size_t keys_n;
    tdl_status st;

    TDL_UNUSED(arguments);
    if (!arena)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    if ((st = tdl_open_store(common, false, &store, why)))
        goto out;
    if ((st = tdl_store_keys(store, arena, &keys, &keys_n, why)))
        goto out;
    if (common->json)
        print_keys_json(keys, keys_n);
    else
        print_keys_table(keys, keys_n);
out:
    tdl_store_close(store);
    tdl_arena_free(arena);
    return st;
}

static tdl_status run_revoke(const void *values, char **arguments, tdl_report *why)
{
    const tdl_common *common = values;
    tdl_store *store = NULL;
    tdl_status st = tdl_open_store(common, false, &store, why);

    if (st)
        return st;
    st = tdl_store_revoke_key(store, tdl_str_of(arguments[0]), why);
    tdl_store_close(store);
    if (!st && common->json)
        printf("{\"revoked\":\"%s\"}\n", arguments[0]);
    else if (!st)
        printf("%s %s\n", tdl_tr("revoked", "已撤销"), arguments[0]);
    return st;
}

const tdl_command tdl_command_key_create = {
    .name = "key create",
    .values_size = sizeof(key_values),
    .options = create_options,
    .options_n = sizeof create_options / sizeof create_options[0],
    .summary = {"make a key and print it once", "创建密钥并打印一次"},
    .examples = "  treadle key create --right write --label \"web shop\"\n"
                "  treadle key create --right decide --json\n",
    .run = run_create,
};

const tdl_command tdl_command_key_list = {
    .name = "key list",
    .values_size = sizeof(tdl_common),
    .summary = {"list keys (never their text)", "列出密钥（不含密钥内容）"},
    .examples = "  treadle key list\n  treadle key list --json\n",
    .run = run_list,
};

const tdl_command tdl_command_key_revoke = {
    .name = "key revoke",
    .arguments = "ID",
    .arguments_n = 1,
    .values_size = sizeof(tdl_common),
    .summary = {"make a key invalid at once", "立即使密钥失效"},
    .examples = "  treadle key revoke 3f9a6c21d07be458\n",
    .run = run_revoke,
};

/* treadle audit verify | list | export */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/timestamp.h"
#include "cli/commands.h"
#include "cli/open_store.h"
#include "cli/whole_file.h"
#include "store/audit.h"

/* ---- verify ---- */

typedef struct verify_values {
    tdl_common common;
    const char *file, *against;
} verify_values;

static const tdl_option verify_options[] = {
    {"file",
     TDL_OPTION_TEXT,
     offsetof(verify_values, file),
     "FILE",
     "",
     0,
     0,
     {"check an exported file, without any store", "校验导出的文件，不需要存储"}},
    {"against",
     TDL_OPTION_TEXT,
     offsetof(verify_values, against),
     "FILE",
     "",
     0,
     0,
     {"the log must also go through the head of this exported file, kept elsewhere",
      "日志还必须经过此导出文件（保存在别处）的链头"}},
};

static void print_head(tdl_jw *w, const tdl_audit_head *head)
{
    char key[2 * TDL_PUBLIC_KEY_BYTES + 1];

    tdl_jw_ktime(w, "exported", head->time_us);
    tdl_jw_key(w, "public_key");
    sodium_bin2hex(key, sizeof key, head->public_key, sizeof head->public_key);
    tdl_jw_text(w, head->is_signed ? key : NULL);
}

/* head: of a file; NULL for a store. */
static void print_json(const tdl_audit_state *state, const tdl_audit_head *head)
{
    char hash[TDL_CHAIN_HEX + 1];
    tdl_buf out = {0};
    tdl_jw w = {.out = &out};

    tdl_jw_object(&w);
    tdl_jw_kbool(&w, "whole", !state->first_bad);
    tdl_jw_kint(&w, "entries", state->whole.n);
    if (state->first_bad) {
        tdl_jw_kint(&w, "first_bad", state->first_bad);
        tdl_jw_ktext(&w, "problem", state->said.message);
    } else {
        sodium_bin2hex(hash, sizeof hash, state->whole.hash, TDL_CHAIN_BYTES);
        tdl_jw_ktext(&w, "head", hash);
    }
    if (head && !state->first_bad)
        print_head(&w, head);
    tdl_jw_end_object(&w);
    printf("%.*s\n", (int)out.len, out.at);
    tdl_buf_release(&out);
}

static void print_whole(const tdl_audit_state *state, const tdl_audit_head *head)
{
    char hash[TDL_CHAIN_HEX + 1], key[2 * TDL_PUBLIC_KEY_BYTES + 1];

    sodium_bin2hex(hash, sizeof hash, state->whole.hash, TDL_CHAIN_BYTES);
    printf(tdl_tr("the audit log is whole: %" PRId64 " entries, head %s\n",
                  "审计日志完整：%" PRId64 " 条记录，链头 %s\n"),
           state->whole.n, hash);
    if (!head)
        return;
    sodium_bin2hex(key, sizeof key, head->public_key, sizeof head->public_key);
    if (head->is_signed)
        printf(tdl_tr("signed with the key %s\n", "签名公钥 %s\n"), key);
    else
        printf("%s\n", tdl_tr("it is not signed: the store has no keys", "未签名：存储没有密钥"));
}

static tdl_status tell(const verify_values *v, const tdl_audit_state *state,
                       const tdl_audit_head *head, tdl_report *why)
{
    if (v->common.json)
        print_json(state, head);
    else if (!state->first_bad)
        print_whole(state, head);
    if (!state->first_bad)
        return TDL_OK;
    return TDL_FAIL_HINT(why, TDL_E_CONFLICT, "docs/operations.md says what can be done",
                         "the audit log is broken: %s", state->said.message);
}

/* The head of a file that must be good itself. */
static tdl_status read_pass(const char *path, tdl_chain *ret, tdl_report *why)
{
    tdl_audit_state state;
    tdl_audit_head head;
    tdl_status st = tdl_audit_file_check(path, &state, &head, why);

    if (st)
        return st;
    if (state.first_bad)
        return TDL_FAIL(why, TDL_E_INVALID, "%s: %s", path, state.said.message);
    *ret = head.chain;
    return TDL_OK;
}

static tdl_status run_verify(const void *values, char **arguments, tdl_report *why)
{
    const verify_values *v = values;
    tdl_audit_state state;
    tdl_audit_head head;
    tdl_chain pass;
    tdl_store *store;
    tdl_status st;

    TDL_UNUSED(arguments);
    if (*v->file && *v->against)
        return TDL_FAIL_HINT(why, TDL_E_USAGE, "--against compares the store with a file",
                             "--file and --against do not go together");
    if (*v->file) {
        st = tdl_audit_file_check(v->file, &state, &head, why);
        return st ? st : tell(v, &state, &head, why);
    }
    if ((*v->against && (st = read_pass(v->against, &pass, why))) ||
        (st = tdl_open_store(&v->common, true, &store, why)))
        return st;
    st = tdl_store_audit_check(store, *v->against ? &pass : NULL, &state, why);
    tdl_store_close(store);
    return st ? st : tell(v, &state, NULL, why);
}

/* ---- list ---- */

typedef struct list_values {
    tdl_common common;
    int64_t limit;
} list_values;

static const tdl_option list_options[] = {
    {"limit",
     TDL_OPTION_INT,
     offsetof(list_values, limit),
     "N",
     "50",
     1,
     100000,
     {"most entries, the newest", "最多显示的条数，最新的在前"}},
};

static bool is_column(const char *name)
{
    static const char *const columns[] = {"action", "actor", "seq", "ts"};

    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++)
        if (!strcmp(name, columns[i]))
            return true;
    return false;
}

static void print_row(const tdl_audit_row *row)
{
    json_t *record = NULL, *value;
    tdl_str action = {0}, actor = {0};
    char when[TDL_TIME_TEXT_MAX] = "";
    const char *name;
    tdl_buf rest = {0};
    int64_t ts = 0;

    if (tdl_json_parse(row->record, TDL_JSON_REFUSE_DUPLICATES, &record, NULL) ||
        !tdl_json_get_str(record, "action", &action) ||
        !tdl_json_get_str(record, "actor", &actor) || !tdl_json_get_int(record, "ts", &ts))
        action = tdl_str_of(tdl_tr("unreadable", "无法读取"));
    else
        tdl_time_format(ts, when);
    json_object_foreach(record, name, value)
    {
        if (is_column(name))
            continue;
        tdl_buf_printf(&rest, "  %s=", name);
        tdl_json_dump(&rest, value);
    }
    printf("%6" PRId64 "  %-27s  %-20.*s  %-16.*s%.*s\n", row->seq, when, TDL_FMT(actor),
           TDL_FMT(action), TDL_FMT(tdl_buf_view(&rest)));
    tdl_buf_release(&rest);
    json_decref(record);
}

static void print_rows_json(const tdl_audit_row *rows, size_t n)
{
    tdl_buf out = {0};
    tdl_jw w = {.out = &out};

    tdl_jw_object(&w);
    tdl_jw_key(&w, "entries");
    tdl_jw_array(&w);
    for (size_t i = 0; i < n; i++) {
        tdl_jw_object(&w);
        tdl_jw_kint(&w, "seq", rows[i].seq);
        tdl_jw_ktext(&w, "hash", rows[i].hash);
        tdl_jw_kstr(&w, "record", rows[i].record);
        tdl_jw_end_object(&w);
    }
    tdl_jw_end_array(&w);
    tdl_jw_end_object(&w);
    printf("%.*s\n", (int)out.len, out.at);
    tdl_buf_release(&out);
}

static tdl_status run_list(const void *values, char **arguments, tdl_report *why)
{
    const list_values *v = values;
    tdl_store *store = NULL;
    tdl_arena *arena = tdl_arena_new((size_t)64 << 20);
    tdl_audit_row *rows;
    size_t n;
    tdl_status st;

    TDL_UNUSED(arguments);
    if (!arena)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    if ((st = tdl_open_store(&v->common, true, &store, why)) ||
        (st = tdl_store_audit_rows(store, 0, (size_t)v->limit, arena, &rows, &n, why)))
        goto out;
    if (v->common.json)
        print_rows_json(rows, n);
    for (size_t i = 0; !v->common.json && i < n; i++)
        print_row(&rows[i]);
out:
    tdl_store_close(store);
    tdl_arena_free(arena);
    return st;
}

/* ---- export ---- */

typedef struct exporting {
    tdl_store *store;
    tdl_audit_head head;
} exporting;

static tdl_status write_log(void *context, FILE *out, tdl_report *why)
{
    exporting *x = context;

    return tdl_store_audit_export(x->store, NULL, out, &x->head, why);
}

static tdl_status run_export(const void *values, char **arguments, tdl_report *why)
{
    const tdl_common *common = values;
    exporting x = {0};
    tdl_status st = tdl_open_store(common, true, &x.store, why);

    if (st)
        return st;
    st = tdl_whole_file(arguments[0], write_log, &x, why);
    tdl_store_close(x.store);
    if (st)
        return st;
    const tdl_audit_state state = {.whole = x.head.chain};
    if (common->json)
        print_json(&state, &x.head);
    else
        print_whole(&state, &x.head);
    return TDL_OK;
}

const tdl_command tdl_command_audit_verify = {
    .name = "audit verify",
    .values_size = sizeof(verify_values),
    .options = verify_options,
    .options_n = sizeof verify_options / sizeof verify_options[0],
    .summary = {"check that nothing in the audit log was changed", "校验审计日志未被改动"},
    .examples = "  treadle audit verify\n"
                "  treadle audit verify --against /mnt/elsewhere/audit-monday.log\n"
                "  treadle audit verify --file audit-monday.log --json\n",
    .run = run_verify,
};

const tdl_command tdl_command_audit_list = {
    .name = "audit list",
    .values_size = sizeof(list_values),
    .options = list_options,
    .options_n = sizeof list_options / sizeof list_options[0],
    .summary = {"who changed what, newest first", "谁改动了什么，最新的在前"},
    .examples = "  treadle audit list --limit 20\n  treadle audit list --json\n",
    .run = run_list,
};

const tdl_command tdl_command_audit_export = {
    .name = "audit export",
    .arguments = "FILE",
    .arguments_n = 1,
    .values_size = sizeof(tdl_common),
    .summary = {"write the audit log and its head, to be kept elsewhere",
                "导出审计日志及链头，以便保存在别处"},
    .examples = "  treadle audit export /mnt/elsewhere/audit-monday.log\n",
    .run = run_export,
};

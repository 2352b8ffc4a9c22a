/* treadle import FILE: events and catalogue from a file into the store, or to a running server. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/import.h"
#include "cli/open_store.h"
#include "loop/loop.h"

enum { BATCH_N = 1000, REMOTE_BATCH_N = 500, KEY_FILE_MAX = 4096 };

typedef struct import_values {
    tdl_common common;
    const char *map, *attributes, *kind, *url, *key_file, *rejects, *personal;
} import_values;

static const tdl_option import_options[] = {
    {"map",
     TDL_OPTION_TEXT,
     offsetof(import_values, map),
     "FIELD=COLUMN,...",
     "",
     0,
     0,
     {"columns of user, item, kind, value, time, message_id, title",
      "字段对应的列：user、item、kind、value、time、message_id、title"}},
    {"attributes",
     TDL_OPTION_TEXT,
     offsetof(import_values, attributes),
     "COLUMN,...",
     "",
     0,
     0,
     {"columns that describe the item", "描述物品的列"}},
    {"kind",
     TDL_OPTION_TEXT,
     offsetof(import_values, kind),
     "KIND",
     "event",
     0,
     0,
     {"kind of rows that name none", "未注明类型的行所用的事件类型"}},
    {"rejects",
     TDL_OPTION_TEXT,
     offsetof(import_values, rejects),
     "FILE",
     "rejects.jsonl",
     0,
     0,
     {"where rejected rows go, with their reasons", "被拒绝的行及原因写入该文件"}},
    {"personal",
     TDL_OPTION_TEXT,
     offsetof(import_values, personal),
     "POLICY",
     "keep",
     0,
     0,
     {"keep, mask or drop e-mail, phone, card and id numbers in texts; ids are never changed",
      "文本中的邮箱、电话、银行卡号、身份证号：keep 保留、mask 遮盖、drop 删除；标识不改动"}},
    {"url",
     TDL_OPTION_TEXT,
     offsetof(import_values, url),
     "URL",
     NULL,
     0,
     0,
     {"send to the server there instead of opening --data", "发送到该服务器，而不打开 --data"}},
    {"key-file",
     TDL_OPTION_TEXT,
     offsetof(import_values, key_file),
     "FILE",
     NULL,
     0,
     0,
     {"file with the key for --url; or set TREADLE_KEY",
      "存有 --url 密钥的文件；或设 TREADLE_KEY"}},
};

/* ---- into the store ---- */

static tdl_status store_events(void *context, const tdl_event *events, size_t events_n,
                               size_t *ret_new, tdl_report *why)
{
    return tdl_store_append(tdl_loop_store(context), events, events_n, ret_new, why);
}

static tdl_status store_items(void *context, const tdl_item *items, size_t items_n, tdl_report *why)
{
    return tdl_loop_put_items(context, items, items_n, why);
}

static tdl_status import_here(const import_values *v, const tdl_import_options *options,
                              tdl_progress *progress, tdl_import_result *ret, tdl_report *why)
{
    tdl_loop *loop = NULL;
    char key[PATH_MAX];
    tdl_loop_options loop_options = {.data_dir = v->common.data,
                                     .store = v->common.store,
                                     .master_key_file = key,
                                     .exclusive = true,
                                     .threads = 1};
    tdl_status st;

    if ((st = tdl_master_key_file(&v->common, v->common.data, key, why)) ||
        (st = tdl_loop_open(&loop_options, &loop, NULL, why)))
        return st;
    tdl_tell_master_key(tdl_loop_store(loop), key);
    tdl_import_sink sink = {
        .context = loop, .batch_n = BATCH_N, .events = store_events, .items = store_items};
    st = tdl_import_file(options, &sink, progress, ret, why);
    tdl_loop_close(loop);
    return st;
}

/* ---- to a server ---- */

/* The server tells duplicates from new events in its own counts only, so all count as stored. */
static tdl_status send_events(void *context, const tdl_event *events, size_t events_n,
                              size_t *ret_new, tdl_report *why)
{
    *ret_new = events_n;
    return tdl_client_send_events(context, events, events_n, why);
}

static tdl_status send_items(void *context, const tdl_item *items, size_t items_n, tdl_report *why)
{
    return tdl_client_send_items(context, items, items_n, why);
}

static tdl_status read_key(const import_values *v, tdl_buf *ret, tdl_report *why)
{
    const char *key = getenv("TREADLE_KEY");

    if (v->key_file)
        return tdl_file_read(v->key_file, KEY_FILE_MAX, ret, why);
    if (!key || !*key)
        return TDL_FAIL_HINT(why, TDL_E_USAGE, "give --key-file FILE or set TREADLE_KEY",
                             "--url needs a key that may write");
    tdl_buf_text(ret, key);
    return TDL_OK;
}

static tdl_status import_there(const import_values *v, const tdl_import_options *options,
                               tdl_progress *progress, tdl_import_result *ret, tdl_report *why)
{
    tdl_buf key = {0};
    tdl_client *client = NULL;
    tdl_status st = read_key(v, &key, why);

    if (st)
        goto out;
    key.at[strcspn(key.at, "\r\n")] = '\0';
    if ((st = tdl_client_new(v->url, key.at, &client, why)))
        goto out;
    tdl_import_sink sink = {
        .context = client, .batch_n = REMOTE_BATCH_N, .events = send_events, .items = send_items};
    st = tdl_import_file(options, &sink, progress, ret, why);
out:
    tdl_client_free(client);
    tdl_buf_release(&key);
    return st;
}

/* ---- the command ---- */

static void print_json(const tdl_import_result *r, const tdl_import_personal *personal)
{
    tdl_buf out = {0};
    tdl_jw w = {.out = &out};

    tdl_jw_object(&w);
    tdl_jw_kint(&w, "rows", (int64_t)r->rows);
    tdl_jw_kint(&w, "stored", (int64_t)r->stored);
    tdl_jw_kint(&w, "duplicates", (int64_t)r->duplicates);
    tdl_jw_kint(&w, "rejected", (int64_t)r->rejected);
    tdl_jw_kint(&w, "items", (int64_t)r->items);
    tdl_jw_kint(&w, "resumed", (int64_t)r->resumed);
    tdl_jw_knumber(&w, "seconds", round(r->seconds * 1e3) / 1e3);
    tdl_jw_key(&w, "personal");
    tdl_import_personal_json(personal, &w);
    tdl_jw_end_object(&w);
    printf("%.*s\n", (int)out.len, out.at);
    tdl_buf_release(&out);
}

static void print_result(const tdl_common *common, const tdl_import_result *r,
                         const tdl_import_personal *personal)
{
    if (common->json) {
        print_json(r, personal);
        return;
    }
    printf(tdl_tr("%zu rows: %zu events stored, %zu duplicates skipped, %zu rejected; %zu items\n",
                  "%zu 行：入库 %zu 个事件，跳过重复 %zu 个，拒绝 %zu 个；物品 %zu 个\n"),
           r->rows, r->stored, r->duplicates, r->rejected, r->items);
    tdl_import_personal_print(personal);
}

static tdl_status run_import(const void *values, char **arguments, tdl_report *why)
{
    const import_values *v = values;
    tdl_import_personal personal = {0};
    tdl_import_options options = {.path = arguments[0],
                                  .personal = &personal,
                                  .map = v->map,
                                  .attributes = v->attributes,
                                  .kind = v->kind,
                                  .target = v->url ? v->url : v->common.data,
                                  .rejects = v->rejects,
                                  .source = v->url ? "segment" : "import"};
    tdl_import_result result = {0};
    tdl_status st = tdl_personal_policy_named(v->personal, &personal.policy, why);

    if (st)
        return st;
    tdl_progress progress = tdl_progress_start(v->common.quiet);
    st = v->url ? import_there(v, &options, &progress, &result, why)
                : import_here(v, &options, &progress, &result, why);

    tdl_progress_finish(&progress);
    if (result.rejected)
        fprintf(stderr,
                tdl_tr("%zu rows rejected, see %s; the first: %s\n",
                       "拒绝 %zu 行，见 %s；第一处：%s\n"),
                result.rejected, v->rejects, result.first_reject);
    if (result.resumed)
        fprintf(stderr,
                tdl_tr("%zu rows had been handed on by an earlier run\n",
                       "其中 %zu 行已由上一次运行导入\n"),
                result.resumed);
    if (!st || result.rows)
        print_result(&v->common, &result, &personal);
    return st;
}

const tdl_command tdl_command_import = {
    .name = "import",
    .arguments = "FILE",
    .arguments_n = 1,
    .values_size = sizeof(import_values),
    .options = import_options,
    .options_n = sizeof import_options / sizeof import_options[0],
    .summary = {"read events and items from CSV or JSONL", "从 CSV 或 JSONL 读入事件和物品"},
    .examples = "  treadle import ratings.csv --kind rating \\\n"
                "      --map user=userId,item=movieId,value=rating,time=timestamp --attributes "
                "year,genres\n"
                "  treadle import events.jsonl.gz\n"
                "  treadle import events.jsonl --personal mask\n"
                "  TREADLE_KEY=... treadle import orders.csv --url http://127.0.0.1:8321\n",
    .run = run_import,
};

#include "cli/open_store.h"

#include <stdio.h>
#include <string.h>

#include "store/audit.h"

tdl_status tdl_master_key_file(const tdl_common *common, const char *folder, char ret[PATH_MAX],
                               tdl_report *why)
{
    int n = common->master_key_file && *common->master_key_file
                ? snprintf(ret, PATH_MAX, "%s", common->master_key_file)
                : snprintf(ret, PATH_MAX, "%s/master.key", folder);

    return n < PATH_MAX ? TDL_OK
                        : TDL_FAIL(why, TDL_E_INVALID, "the path of the master key is too long");
}

void tdl_tell_master_key(const tdl_store *store, const char *file)
{
    if (tdl_store_sealed_now(store))
        fprintf(stderr,
                tdl_tr("The store is sealed. Its master key is %s: keep a copy elsewhere; without"
                       " it neither the store nor a backup can be read.\n",
                       "存储已加密。主密钥在 %s：请另存一份；没有它，存储和备份都无法读取。\n"),
                file);
}

tdl_status tdl_open_store(const tdl_common *common, bool read_only, tdl_store **ret,
                          tdl_report *why)
{
    char url[PATH_MAX + 32], key[PATH_MAX];
    tdl_store_options options = {
        .read_only = read_only, .must_exist = true, .master_key_file = key, .actor = "cli"};
    tdl_status st = tdl_master_key_file(common, common->data, key, why);

    if (st)
        return st;
    if (snprintf(url, sizeof url, "sqlite:%s/treadle.db", common->data) >= (int)sizeof url)
        return TDL_FAIL(why, TDL_E_INVALID, "%s: path too long", common->data);
    if (!(st = tdl_store_open(common->store ? common->store : url, &options, ret, why)))
        tdl_tell_master_key(*ret, key);
    return st;
}

static tdl_status open_loop(const tdl_common *common, bool must_exist, unsigned threads,
                            tdl_loop **ret, tdl_report *why)
{
    char key[PATH_MAX];
    tdl_loop_options options = {.actor = "cli",
                                .data_dir = common->data,
                                .store = common->store,
                                .master_key_file = key,
                                .must_exist = must_exist,
                                .threads = threads};
    tdl_report warning = {0};
    tdl_status st;

    if ((st = tdl_master_key_file(common, common->data, key, why)) ||
        (st = tdl_loop_open(&options, ret, &warning, why)))
        return st;
    tdl_tell_master_key(tdl_loop_store(*ret), key);
    if (warning.status)
        fprintf(stderr, "treadle: %s\n", warning.message);
    return TDL_OK;
}

tdl_status tdl_open_loop(const tdl_common *common, unsigned threads, tdl_loop **ret,
                         tdl_report *why)
{
    return open_loop(common, true, threads, ret, why);
}

tdl_status tdl_make_loop(const tdl_common *common, unsigned threads, tdl_loop **ret,
                         tdl_report *why)
{
    return open_loop(common, false, threads, ret, why);
}

tdl_status tdl_note_file(const tdl_common *common, const char *action, const char *path,
                         tdl_report *why)
{
    const char *slash = strrchr(path, '/');
    tdl_str name = tdl_str_of(slash ? slash + 1 : path);
    const tdl_audit_entry entry = {.action = action, .members = {{"file", tdl_value_text(name)}}};
    tdl_store *store;
    tdl_status st = tdl_open_store(common, false, &store, why);

    if (st)
        return st;
    st = tdl_store_audit(store, &entry, why);
    tdl_store_close(store);
    return st;
}

#include "cli/open_store.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "store/audit.h"

tdl_status tdl_open_store(const tdl_common *common, bool read_only, tdl_store **ret,
                          tdl_report *why)
{
    char url[PATH_MAX + 32];
    tdl_store_options options = {.read_only = read_only, .must_exist = true, .actor = "cli"};

    if (common->store)
        return tdl_store_open(common->store, &options, ret, why);
    if (snprintf(url, sizeof url, "sqlite:%s/treadle.db", common->data) >= (int)sizeof url)
        return TDL_FAIL(why, TDL_E_INVALID, "%s: path too long", common->data);
    return tdl_store_open(url, &options, ret, why);
}

tdl_status tdl_open_loop(const tdl_common *common, unsigned threads, tdl_loop **ret,
                         tdl_report *why)
{
    tdl_loop_options options = {.actor = "cli",
                                .data_dir = common->data,
                                .store = common->store,
                                .must_exist = true,
                                .threads = threads};
    tdl_report warning = {0};
    tdl_status st = tdl_loop_open(&options, ret, &warning, why);

    if (!st && warning.status)
        fprintf(stderr, "treadle: %s\n", warning.message);
    return st;
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

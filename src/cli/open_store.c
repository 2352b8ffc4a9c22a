#include "cli/open_store.h"

#include <limits.h>
#include <stdio.h>

tdl_status tdl_open_store(const tdl_common *common, bool read_only, tdl_store **ret,
                          tdl_report *why)
{
    char url[PATH_MAX + 32];
    tdl_store_options options = {.read_only = read_only, .must_exist = true};

    if (common->store)
        return tdl_store_open(common->store, &options, ret, why);
    if (snprintf(url, sizeof url, "sqlite:%s/treadle.db", common->data) >= (int)sizeof url)
        return TDL_FAIL(why, TDL_E_INVALID, "%s: path too long", common->data);
    return tdl_store_open(url, &options, ret, why);
}

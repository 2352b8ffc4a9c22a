#include "http/assets.h"

#include <string.h>

#include "base/str.h"

const tdl_asset *tdl_asset_find(tdl_str path)
{
    for (size_t i = 0; i < tdl_assets_n; i++)
        if (tdl_str_is(path, tdl_assets[i].path))
            return &tdl_assets[i];
    return NULL;
}

bool tdl_asset_matches(tdl_str if_none_match, const char *etag)
{
    tdl_str wanted = tdl_str_of(etag);

    while (if_none_match.len) {
        const char *comma = memchr(if_none_match.at, ',', if_none_match.len);
        size_t len = comma ? (size_t)(comma - if_none_match.at) : if_none_match.len;
        tdl_str tag = tdl_str_trim((tdl_str){if_none_match.at, len});
        if (tdl_str_starts(tag, TDL_STR("W/")))
            tag = (tdl_str){tag.at + 2, tag.len - 2};
        if (tdl_str_is(tag, "*") || tdl_str_eq(tag, wanted))
            return true;
        len += comma != NULL;
        if_none_match = (tdl_str){if_none_match.at + len, if_none_match.len - len};
    }
    return false;
}

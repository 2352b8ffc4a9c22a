#include "table/read_parts.h"

tdl_status tdl_read_jsonl(const char *source, const tdl_read_options *options, tdl_frame *ret,
                          tdl_read_counts *counts, tdl_report *why)
{
    TDL_UNUSED(options);
    TDL_UNUSED(ret);
    TDL_UNUSED(counts);
    return TDL_FAIL(why, TDL_E_USAGE, "%s: not yet", source);
}

#include "cli/number_option.h"

#include "base/str.h"

tdl_status tdl_number_option(const char *name, const char *text, double fallback, double low,
                             double high, double *ret, tdl_report *why)
{
    *ret = fallback;
    if (!text || !*text)
        return TDL_OK;
    if (!tdl_str_double(tdl_str_of(text), ret) || !(*ret >= low && *ret <= high))
        return TDL_FAIL(why, TDL_E_USAGE, "--%s %s: a number from %g to %g is wanted", name, text,
                        low, high);
    return TDL_OK;
}

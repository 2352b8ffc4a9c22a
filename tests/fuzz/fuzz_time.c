/* RFC 3339 times: what is accepted must print and read back as the same moment. */
#include <stdint.h>
#include <stdlib.h>

#include "base/timestamp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const int64_t first = -62167219200000000, last = 253402300799999999; /* years 0 to 9999 */
    tdl_report why = {0};
    char text[TDL_TIME_TEXT_MAX];
    int64_t us, again;

    if (tdl_time_parse((tdl_str){(const char *)data, size}, &us, &why)) {
        if (why.status != TDL_E_INVALID || !tdl_str_utf8(tdl_str_of(why.message), NULL))
            abort();
        return 0;
    }
    tdl_time_format(us, text);
    if (tdl_time_parse(tdl_str_of(text), &again, NULL))
        abort();
    if (us >= first && us <= last && again != us)
        abort();
    return 0;
}

/* What answer is asked for, as text: any of it is refused with a report, or gives a range that is
 * not empty and a score that is there.
 *
 * The bytes: one that says which kind of target, then the text. */
#include <stdint.h>
#include <stdlib.h>

#include "apps/predict/until.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static char no[] = "no", yes[] = "yes", perhaps[] = ">=0.5", column[] = "y";
    static char *class_name[] = {no, yes, perhaps};
    const tdl_predict_target kinds[] = {
        {.column = column, .task = TDL_TASK_BINARY, .class_name = class_name, .classes_n = 2},
        {.column = column, .task = TDL_TASK_CLASSES, .class_name = class_name, .classes_n = 3},
        {.column = column, .task = TDL_TASK_REGRESSION},
        {.column = column, .task = TDL_TASK_QUANTILE}};
    const double output[] = {0.2, 0.3, 0.5};
    tdl_until until = {0};
    tdl_report why = {0};
    char *text;

    if (!n || !(text = strndup((const char *)bytes + 1, n - 1)))
        return 0;
    const tdl_predict_target *target = &kinds[bytes[0] % 4];
    tdl_status st = tdl_until_read(text, target, 0.5, 0.2, &until, &why);
    if (st ? st != why.status || !why.message[0]
           : !(until.low <= until.high) || until.class_of >= 3 ||
                 !(tdl_until_score(&until, output, 3) < 1))
        abort();
    free(text);
    return 0;
}

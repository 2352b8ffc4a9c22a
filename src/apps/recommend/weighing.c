#include "apps/recommend/weighing.h"

const char *const tdl_weighing_name[TDL_WEIGHINGS_N] = {"all 1", "target only", "target 3"};

uint8_t tdl_weighing_of(tdl_weighing weighing, bool of_target)
{
    static const uint8_t of[TDL_WEIGHINGS_N][2] = {{1, 1}, {0, 1}, {1, 3}};

    return of[weighing][of_target];
}

#include "learn/xgboost.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const char *const default_names[] = {"libxgboost.so.0", "libxgboost.so", NULL};

/* clang-format off: one a line */
static const struct {
    const char *name;
    size_t at; /* the pointer's place in tdl_xgboost */
} functions[] = {
    {"XGBoostVersion", offsetof(tdl_xgboost, version_of)},
    {"XGBGetLastError", offsetof(tdl_xgboost, last_error)},
    {"XGDMatrixCreateFromMat", offsetof(tdl_xgboost, matrix_new)},
    {"XGDMatrixSetFloatInfo", offsetof(tdl_xgboost, matrix_set)},
    {"XGDMatrixSetUIntInfo", offsetof(tdl_xgboost, matrix_set_whole)},
    {"XGDMatrixFree", offsetof(tdl_xgboost, matrix_free)},
    {"XGBoosterCreate", offsetof(tdl_xgboost, booster_new)},
    {"XGBoosterSetParam", offsetof(tdl_xgboost, booster_set)},
    {"XGBoosterUpdateOneIter", offsetof(tdl_xgboost, booster_update)},
    {"XGBoosterPredictFromDMatrix", offsetof(tdl_xgboost, predict)},
    {"XGBoosterSaveModelToBuffer", offsetof(tdl_xgboost, save)},
    {"XGBoosterLoadModelFromBuffer", offsetof(tdl_xgboost, load)},
    {"XGBoosterFree", offsetof(tdl_xgboost, booster_free)},
};
/* clang-format on */

tdl_status tdl_xgboost_open(const char *const *names, tdl_xgboost *ret, tdl_report *why)
{
    tdl_xgboost found = {0};
    const char *name = NULL;
    void *library = NULL;

    if (!names)
        names = default_names;
    setenv("OMP_WAIT_POLICY", "passive", 1);
    for (size_t i = 0; !library && names[i]; i++)
        library = dlopen(name = names[i], RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return TDL_FAIL_HINT(why, TDL_E_NOT_FOUND, "apt install libxgboost0",
                             "boosted trees need %s, which is not installed", names[0]);
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        void *symbol = dlsym(library, functions[i].name);

        if (!symbol) {
            dlclose(library);
            return TDL_FAIL_HINT(why, TDL_E_INVALID, "apt install libxgboost0",
                                 "%s has no function %s", name, functions[i].name);
        }
        memcpy((char *)&found + functions[i].at, &symbol, sizeof symbol);
    }
    found.version_of(&found.version[0], &found.version[1], &found.version[2]);
    if (found.version[0] < 1 || (found.version[0] == 1 && found.version[1] < 6))
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "apt install libxgboost0",
                             "%s is version %d.%d; 1.6 is the oldest that will do", name,
                             found.version[0], found.version[1]);
    *ret = found;
    return TDL_OK;
}

#include <stdlib.h>
#include <string.h>

#include "cli/command.h"

const char *tdl_tr(const char *en, const char *zh)
{
    static const char *const variables[] = {"TREADLE_LANG", "LC_ALL", "LC_MESSAGES", "LANG"};

    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        const char *value = getenv(variables[i]);
        if (value && *value)
            return strncmp(value, "zh", 2) ? en : zh;
    }
    return en;
}

#include "stats/numbers.h"

#include <math.h>

json_t *tdl_numbers_save(const double *values, size_t n)
{
    json_t *ret = json_array();

    for (size_t i = 0; ret && i < n; i++)
        if (json_array_append_new(ret, json_real(values[i]))) {
            json_decref(ret);
            return NULL;
        }
    return ret;
}

bool tdl_numbers_load(const json_t *array, double *ret, size_t n)
{
    if (!json_is_array(array) || json_array_size(array) != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        const json_t *value = json_array_get(array, i);

        ret[i] = json_number_value(value);
        if (!json_is_number(value) || !isfinite(ret[i]))
            return false;
    }
    return true;
}

/* A forecaster's file: any bytes are refused or give a forecaster that answers with numbers. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "forecast/forecaster.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    const double level[] = {.9};
    double mean[16], low[16], high[16];
    tdl_forecast ret = {.mean = mean, .low = low, .high = high};
    tdl_forecaster *f = NULL;
    tdl_report why = {0};

    if (tdl_forecaster_parse((tdl_str){(const char *)bytes, n}, &f, &why)) {
        if (!why.message[0])
            abort();
        return 0;
    }
    size_t horizon = tdl_forecaster_horizon(f) < 16 ? tdl_forecaster_horizon(f) : 16;
    for (size_t i = 0; i < tdl_forecaster_series(f) && i < 4; i++)
        if (!tdl_forecaster_predict(f, i, NULL, 0, horizon, level, 1, &ret, &why))
            for (size_t h = 0; h < horizon; h++)
                if (isnan(low[h]) && !isnan(mean[h]))
                    abort();
    tdl_forecaster_free(f);
    return 0;
}

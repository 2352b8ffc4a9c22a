#include <math.h>

#include "base/timestamp.h"
#include "wire/clock.h"

static const int64_t SECOND_US = 1000000;
static const double MILLISECONDS_FROM = 1e11;     /* smaller numbers are seconds */
static const double SECONDS_MAX = 253402300800.0; /* year 10000 */

static bool epoch_time(double number, int64_t *ret_us)
{
    double seconds = fabs(number) >= MILLISECONDS_FROM ? number / 1e3 : number;

    if (!(fabs(seconds) < SECONDS_MAX))
        return false;
    *ret_us = (int64_t)llround(seconds * 1e6);
    return true;
}

bool tdl_clock_parse(tdl_str text, int64_t *ret_us)
{
    double number;

    return !tdl_time_parse(text, ret_us, NULL) ||
           (tdl_str_double(text, &number) && epoch_time(number, ret_us));
}

bool tdl_clock_read(const json_t *value, int64_t *ret_us)
{
    if (json_is_number(value))
        return epoch_time(json_number_value(value), ret_us);
    return json_is_string(value) &&
           tdl_clock_parse((tdl_str){json_string_value(value), json_string_length(value)}, ret_us);
}

int64_t tdl_clock_correct(int64_t raw_us, int64_t sent_us, int64_t received_us)
{
    int64_t skew_us = sent_us < 0 ? 0 : received_us - sent_us;
    int64_t us = raw_us;

    if (skew_us > 10 * SECOND_US || skew_us < -10 * SECOND_US)
        us += skew_us;
    return us > received_us + 60 * SECOND_US ? received_us : us;
}

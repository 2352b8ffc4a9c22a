/* Calibration: scores of a classifier become probabilities that come true.
 *
 * Fitted on scores of rows the classifier has not been trained on, such as out-of-fold ones.
 *
 * | method      | binary, of log odds s                 | classes, of log probabilities s |
 * |-------------|---------------------------------------|---------------------------------|
 * | identity    | sigmoid(s)                            | softmax(s)                      |
 * | temperature | sigmoid(a s)                          | softmax(a s)                    |
 * | platt       | sigmoid(a s + b)                      |                                 |
 * | isotonic    | steps that rise, straight in between  |                                 |
 *
 * Temperature is the a > 0 of least log-loss (Guo et al., 2017), by Newton's method in a bracket.
 * Platt's a and b fit targets (n1 + 1) / (n1 + 2) and 1 / (n0 + 2) (Lin, Lin and Weng, 2007).
 * Isotonic pools adjacent violators (Barlow et al., 1972), rows of one score as one; between the
 * mean scores of two blocks it goes straight, beyond the first and last it stays; probabilities
 * keep 1 / (n + 2) away from 0 and 1, so that no log-loss is infinite.
 */
#ifndef TDL_STATS_CALIBRATE_H
#define TDL_STATS_CALIBRATE_H

#include <stddef.h>

#include "base/json.h"

/* X(name, text). Simple ones first: of two as good the first is chosen. */
#define TDL_CALIBRATION_MAP(X)                                                                     \
    X(IDENTITY, "identity")                                                                        \
    X(TEMPERATURE, "temperature")                                                                  \
    X(PLATT, "platt")                                                                              \
    X(ISOTONIC, "isotonic")

typedef enum tdl_calibration_method {
#define TDL_CALIBRATION_ENUM(name, text) TDL_CALIBRATION_##name,
    TDL_CALIBRATION_MAP(TDL_CALIBRATION_ENUM)
#undef TDL_CALIBRATION_ENUM
        TDL_CALIBRATION_METHODS, /* how many; as an argument: whichever is best */
    TDL_CALIBRATION_AUTO = TDL_CALIBRATION_METHODS
} tdl_calibration_method;

typedef struct tdl_calibration {
    tdl_calibration_method method;
    size_t width; /* scores of a row: 1 for binary, else classes */
    double a, b;
    double *score, *rate; /* [knots_n] of isotonic: ascending; not falling */
    size_t knots_n;
} tdl_calibration;

const char *tdl_calibration_name(tdl_calibration_method method); /* AUTO is "auto" */
bool tdl_calibration_find(tdl_str name, tdl_calibration_method *ret);

/* Fit by one method, or by the one of least cross-validated log-loss (5 stratified folds of the
 * rows given; the split has a fixed seed). With fewer than 5 rows of a class AUTO is identity.
 *   scores    [n][width] finite
 *   y         [n] 0 or 1 when width = 1, else 0 .. width - 1
 *   weight    [n] or NULL = 1
 *   ret_loss  [TDL_CALIBRATION_METHODS] what AUTO compared; NaN where not tried; may be NULL
 *   returns   TDL_OK | TDL_E_INVALID (which row; platt or isotonic of classes) | TDL_E_NO_MEMORY
 */
tdl_status tdl_calibration_fit(tdl_calibration_method method, const double *scores, size_t width,
                               const double *y, const double *weight, size_t n,
                               tdl_calibration *ret, double *ret_loss, tdl_report *why);
void tdl_calibration_release(tdl_calibration *c); /* accepts a zeroed struct */

/* scores [n][width] -> ret [n][width] probabilities, of class 1 when width = 1; may be the same. */
void tdl_calibration_apply(const tdl_calibration *c, const double *scores, size_t n, double *ret);

/* As JSON and back, exactly. Loading treats the value as hostile. */
json_t *tdl_calibration_save(const tdl_calibration *c); /* NULL: no memory */
tdl_status tdl_calibration_load(const json_t *saved, tdl_calibration *ret, tdl_report *why);

#endif

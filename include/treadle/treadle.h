/* Treadle: the engine a small product team puts under its product. Includes the whole public API.
 */
#ifndef TREADLE_TREADLE_H
#define TREADLE_TREADLE_H

#include "treadle/event.h"
#include "treadle/nn.h"
#include "treadle/status.h"
#include "treadle/str.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default) /* all else in the library is hidden */

/* Version of the library in use, "MAJOR.MINOR.PATCH". */
const char *tdl_version(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif

/* Checks of what comes from outside, shared by what is stored. */
#ifndef TDL_STORE_CHECK_H
#define TDL_STORE_CHECK_H

#include "store/store.h"

enum { TDL_LABEL_MAX = 200 }; /* bytes of a key's label */

/* Length, UTF-8, and no control characters. The report names `field`. */
tdl_status tdl_check_text(const char *field, tdl_str text, size_t max, bool required,
                          tdl_report *why);
/* Empty, or a JSON object of at most TDL_PROPERTIES_MAX bytes. */
tdl_status tdl_check_object(const char *field, tdl_str text, tdl_report *why);
tdl_status tdl_check_item(const tdl_item *item, tdl_report *why);

#endif

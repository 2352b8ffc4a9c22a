/* The OpenAPI document, compiled in from openapi.json. */
#ifndef TDL_HTTP_OPENAPI_H
#define TDL_HTTP_OPENAPI_H

#include "treadle/str.h"

extern const tdl_str tdl_openapi;

#endif

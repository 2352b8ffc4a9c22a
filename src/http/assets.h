/* Assets: the files of the dashboard, compiled into the program.
 *
 * tools/embed-assets writes the array; when the dashboard is not built it is empty.
 */
#ifndef TDL_HTTP_ASSETS_H
#define TDL_HTTP_ASSETS_H

#include <stdbool.h>
#include <stddef.h>

#include "treadle/str.h"

typedef struct tdl_asset {
    const char *path;           /* "/", "/assets/index-3f2a.js" */
    const char *content_type;   /* */
    const char *etag;           /* strong, quotes included */
    bool gzip;                  /* `bytes` are gzipped */
    const unsigned char *bytes; /* [len] */
    size_t len;
} tdl_asset;

extern const tdl_asset tdl_assets[]; /* [tdl_assets_n], in order of path */
extern const size_t tdl_assets_n;

/* The asset served at `path`, or NULL. */
const tdl_asset *tdl_asset_find(tdl_str path);

/* Does the field value of If-None-Match name this entity tag ("*" names all)? Weak comparison. */
bool tdl_asset_matches(tdl_str if_none_match, const char *etag);

#endif

/* A picture: the bytes of a PNG, PGM or PPM file as pixels, channels first.
 *
 * Gray pictures have one channel, all others three. Transparency is laid on black, 16 bits become
 * 8. Memory is bounded by the size in the header, which is refused above 16,384 a side.
 */
#ifndef TDL_TABLE_PICTURE_H
#define TDL_TABLE_PICTURE_H

#include "base/str.h"

enum { TDL_PICTURE_SIDE_MAX = 16384 };

typedef struct tdl_picture {
    size_t channels, height, width;
    uint8_t *pixel; /* [channels][height][width] */
} tdl_picture;

/* TDL_E_INVALID | TDL_E_CORRUPT | TDL_E_TOO_LARGE | TDL_E_NO_MEMORY. free(ret->pixel). */
tdl_status tdl_picture_read(tdl_str file, tdl_picture *ret, tdl_report *why);

/* As PNG, appended: one channel is gray, three are colours. TDL_E_INVALID | TDL_E_NO_MEMORY */
tdl_status tdl_picture_write_png(const tdl_picture *picture, tdl_buf *out, tdl_report *why);

#endif

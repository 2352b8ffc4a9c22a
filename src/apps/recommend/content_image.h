/* An item's picture as cells: what it looks like at 32 x 32 pixels, through two stages of
 * convolution with fixed random filters (nn/cnn.h). Filters that were never trained already tell
 * shapes, colours and textures apart (Saxe et al., ICML 2011); how much that says of an item is
 * learnt, by the map and the weight of the block.
 *
 *     image     "data:image/png;base64,..." or the path of a PNG, PGM or PPM file below a folder
 *
 * A path that is absolute, leads out of the folder, or is no plain file is not opened: items come
 * from the network. Of files up to 8 MiB and 4 million pixels.
 */
#ifndef TDL_APPS_RECOMMEND_CONTENT_IMAGE_H
#define TDL_APPS_RECOMMEND_CONTENT_IMAGE_H

#include <stdbool.h>

#include "base/str.h"

enum {
    TDL_CONTENT_IMAGE_BYTES_MAX = 8 << 20,
    TDL_CONTENT_IMAGE_PIXELS_MAX = 4000000,
    TDL_CONTENT_IMAGE_CELLS = 64
};

/* ret[TDL_CONTENT_IMAGE_CELLS]; left as it is, and false, where there is no picture that can be
 * read.
 *   folder  NULL: no files */
bool tdl_content_image(tdl_str image, const char *folder, float *ret);

#endif

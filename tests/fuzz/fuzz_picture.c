/* PNG, PGM and PPM: a picture has the size that it says, or the refusal says why. */
#include <stdint.h>
#include <stdlib.h>

#include "table/picture.h"

/* What was read is looked at: a wild pointer is seen by the sanitizer. */
static volatile uint64_t sink;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tdl_picture picture = {0};
    tdl_report why = {0};

    if (tdl_picture_read((tdl_str){(const char *)data, size}, &picture, &why)) {
        if (!why.message[0] || picture.pixel)
            abort();
        return 0;
    }
    for (size_t i = 0; i < picture.channels * picture.height * picture.width; i++)
        sink += picture.pixel[i];
    free(picture.pixel);
    return 0;
}

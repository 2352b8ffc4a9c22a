#include "model_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int make_folder(void **state)
{
    folder *f = calloc(1, sizeof *f);
    const char *below = getenv("TMPDIR");

    snprintf(f->path, sizeof f->path, "%.40s/treadle-model-XXXXXX", below ? below : "/tmp");
    if (!mkdtemp(f->path)) {
        free(f);
        return -1;
    }
    snprintf(f->file, sizeof f->file, "%s/model", f->path);
    *state = f;
    return 0;
}

int remove_folder(void **state)
{
    folder *f = *state;

    unlink(f->file);
    rmdir(f->path);
    free(f);
    return 0;
}

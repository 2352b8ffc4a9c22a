/* Feed a fuzz target every file of a folder: what was once found stays found, with any compiler.
 *
 *   replay_json tests/fuzz/corpus/json
 */
#include <dirent.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The whole file; the input is copied to its exact size, so that a sanitizer sees an overrun. */
static int replay(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = NULL;
    long size = -1;
    int st = 1;

    if (!file || fseek(file, 0, SEEK_END) || (size = ftell(file)) < 0 || fseek(file, 0, SEEK_SET))
        goto out;
    if (!(data = malloc(size > 0 ? (size_t)size : 1)))
        goto out;
    if (fread(data, 1, (size_t)size, file) != (size_t)size)
        goto out;
    LLVMFuzzerTestOneInput(data, (size_t)size);
    st = 0;
out:
    if (st)
        perror(path);
    free(data);
    if (file)
        fclose(file);
    return st;
}

int main(int argc, char **argv)
{
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    struct dirent *entry;
    unsigned seeds_n = 0;
    int st = 0;

    if (!folder) {
        fprintf(stderr, "%s: no such folder; a fuzz target needs a seed there\n",
                argc == 2 ? argv[1] : "usage: replay FOLDER");
        return 1;
    }
    while ((entry = readdir(folder))) {
        char path[PATH_MAX];

        if (entry->d_name[0] == '.')
            continue;
        fprintf(stderr, "replay: %s\n", entry->d_name); /* the last line names what crashed */
        snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
        st |= replay(path);
        seeds_n++;
    }
    closedir(folder);
    if (!seeds_n)
        fprintf(stderr, "%s: empty; a fuzz target needs a seed there\n", argv[1]);
    return st || !seeds_n;
}

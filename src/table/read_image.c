/* Images into frames: a folder with a subfolder for each class, a folder with a table of its files
 * beside them, or IDX files of images and labels. The column `image` is followed by a category
 * `label`, or by the columns of the table. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/file.h"
#include "table/idx.h"
#include "table/levels.h"
#include "table/picture.h"
#include "table/read_parts.h"

enum { FILE_LIMIT = 256 << 20, LABELS_MAX = 1 << 30 };
#define IMAGES_MAX ((size_t)1 << 36)

/* ---- a frame of images ---- */

typedef struct album {
    tdl_column image, label;
    tdl_levels names; /* of classes */
    size_t rows, cap;
} album;

static void release(album *a)
{
    tdl_column_release(&a->image);
    tdl_column_release(&a->label);
    tdl_levels_release(&a->names);
}

static tdl_status no_memory(tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for images");
}

/* Levels in order, names; the album is empty afterwards. Without a label, the image alone. */
static tdl_status finish(album *a, bool labelled, tdl_frame *ret, tdl_report *why)
{
    tdl_frame frame = {.rows = a->rows, .column = calloc(2, sizeof *frame.column)};
    int32_t *place = NULL;
    tdl_status st;

    a->image.type = TDL_COLUMN_IMAGE;
    a->label.type = TDL_COLUMN_CATEGORY;
    a->image.name = strdup("image");
    a->label.name = strdup("label");
    if (!frame.column || !a->image.name || !a->label.name) {
        free(frame.column);
        return no_memory(why);
    }
    if (labelled) {
        if ((st = tdl_levels_sorted(&a->names, &a->label.levels, &a->label.levels_n,
                                    &a->label.level_bytes, &place, why))) {
            free(frame.column);
            return st;
        }
        for (size_t i = 0; i < a->rows; i++)
            a->label.level[i] = place[a->label.level[i]];
        free(place);
        frame.column[1] = a->label;
        a->label = (tdl_column){0};
    }
    frame.column[0] = a->image;
    a->image = (tdl_column){0};
    frame.columns_n = labelled ? 2 : 1;
    *ret = frame;
    return TDL_OK;
}

/* ---- a folder of classes ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void free_names(char **name, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(name[i]);
    free(name);
}

/* Names in a folder in order of bytes, without hidden ones. */
static tdl_status list(const char *path, char ***ret, size_t *ret_n, tdl_report *why)
{
    DIR *folder = opendir(path);
    char **name = NULL;
    size_t n = 0, cap = 0;
    const struct dirent *entry;
    tdl_status st = TDL_OK;

    if (!folder)
        return TDL_FAIL(why, TDL_E_IO, "%s: %s", path, strerror(errno));
    while (!st && (entry = readdir(folder))) {
        if (entry->d_name[0] == '.')
            continue;
        if (n == cap) {
            char **grown = realloc(name, (cap = cap ? 2 * cap : 64) * sizeof *grown);
            st = grown ? TDL_OK : no_memory(why);
            name = grown ? grown : name;
        }
        if (!st && !(name[n] = strdup(entry->d_name)))
            st = no_memory(why);
        n += !st;
    }
    closedir(folder);
    if (st) {
        free_names(name, n);
        return st;
    }
    if (n)
        qsort(name, n, sizeof *name, by_name);
    *ret = name;
    *ret_n = n;
    return TDL_OK;
}

static bool is_folder(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* What is a picture by its name; another kind of picture is refused when it is opened. */
static bool is_picture(const char *name)
{
    static const char *const ends[] = {".png", ".pgm",  ".ppm", ".pnm",  ".jpg", ".jpeg",
                                       ".gif", ".webp", ".bmp", ".tiff", ".tif"};
    const char *end = strrchr(name, '.');

    for (size_t i = 0; end && i < sizeof ends / sizeof ends[0]; i++)
        if (!strcasecmp(end, ends[i]))
            return true;
    return false;
}

static tdl_status room_for_image(album *a, size_t bytes, tdl_report *why)
{
    size_t cap = a->cap ? a->cap + a->cap / 2 : 16, all;
    uint8_t *pixel;
    int32_t *level;

    if (a->rows < a->cap)
        return TDL_OK;
    if (__builtin_mul_overflow(cap, bytes, &all) || all > IMAGES_MAX)
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "more than %zu bytes of images", IMAGES_MAX);
    if (!(pixel = realloc(a->image.pixel, all)))
        return no_memory(why);
    a->image.pixel = pixel;
    if (!(level = realloc(a->label.level, cap * sizeof *level)))
        return no_memory(why);
    a->label.level = level;
    a->cap = cap;
    return TDL_OK;
}

static tdl_status add_picture(album *a, const tdl_picture *p, tdl_str class, tdl_report *why)
{
    tdl_column *c = &a->image;
    size_t bytes = p->channels * p->height * p->width;
    tdl_status st;

    if (!a->rows) {
        c->channels = p->channels;
        c->height = p->height;
        c->width = p->width;
    }
    if (p->channels != c->channels || p->height != c->height || p->width != c->width)
        return TDL_FAIL_HINT(why, TDL_E_INVALID,
                             "bring all to one size: mogrify -resize 64x64! -colorspace sRGB",
                             "%zu x %zu, %s, where the first image is %zu x %zu, %s", p->width,
                             p->height, p->channels == 1 ? "gray" : "in colour", c->width,
                             c->height, c->channels == 1 ? "gray" : "in colour");
    if ((st = room_for_image(a, bytes, why)) ||
        (st = tdl_levels_add(&a->names, class, &a->label.level[a->rows], why)))
        return st;
    memcpy(c->pixel + a->rows * bytes, p->pixel, bytes);
    a->rows++;
    return TDL_OK;
}

static tdl_status add_file(album *a, const char *path, const char *class, tdl_report *why)
{
    tdl_buf bytes = {.limit = FILE_LIMIT};
    tdl_picture picture = {0};
    tdl_status st;

    if ((st = tdl_file_read(path, FILE_LIMIT, &bytes, why))) {
        tdl_buf_release(&bytes);
        return st;
    }
    if ((st = tdl_picture_read(tdl_buf_view(&bytes), &picture, why)) ||
        (st = add_picture(a, &picture, tdl_str_of(class), why)))
        tdl_report_prefix(why, "%s", path);
    free(picture.pixel);
    tdl_buf_release(&bytes);
    return st;
}

static bool full(const album *a, const tdl_read_options *options)
{
    return options->rows_max && a->rows == options->rows_max;
}

static tdl_status add_class(album *a, const char *folder, const char *class,
                            const tdl_read_options *options, tdl_report *why)
{
    char **name = NULL, *path = NULL;
    size_t n = 0;
    tdl_status st = list(folder, &name, &n, why);

    for (size_t i = 0; !st && i < n && !full(a, options); i++) {
        if (!is_picture(name[i]))
            continue;
        if (asprintf(&path, "%s/%s", folder, name[i]) < 0)
            st = no_memory(why);
        else {
            st = add_file(a, path, class, why);
            free(path);
        }
        if (!st && a->rows % 64 == 0)
            st = tdl_read_tell(options, a->rows, 0, why);
    }
    free_names(name, n);
    return st;
}

/* ---- a folder with a table ---- */

/* Names stay within the folder: a table from elsewhere is not to open other files. */
static bool is_inside(tdl_str name)
{
    return name.len && name.at[0] != '/' && !memchr(name.at, 0, name.len) &&
           !(name.len >= 2 && !memcmp(name.at, "..", 2)) && !memmem(name.at, name.len, "/..", 3);
}

static tdl_status add_named(album *a, const char *source, const tdl_column *names, size_t row,
                            tdl_report *why)
{
    tdl_str name = names->level[row] < 0 ? (tdl_str){0} : names->levels[names->level[row]];
    char *path = NULL;
    tdl_status st;

    if (!is_inside(name))
        return TDL_FAIL(why, TDL_E_INVALID,
                        "%s/metadata.csv: row %zu, file_name: \"%.*s\" is no file "
                        "in the folder",
                        source, row + 1, TDL_FMT(name));
    if (asprintf(&path, "%s/%.*s", source, TDL_FMT(name)) < 0)
        return no_memory(why);
    if ((st = add_file(a, path, "", why)))
        tdl_report_prefix(why, "metadata.csv, row %zu", row + 1);
    free(path);
    return st;
}

/* The table, file_name as text, whatever was wished of it. */
static tdl_status read_table(const char *path, const tdl_read_options *options, tdl_frame *ret,
                             tdl_read_counts *counts, tdl_report *why)
{
    tdl_read_options own = *options;
    tdl_column_wish *wish = calloc(options->wishes_n + 1, sizeof *wish);
    tdl_status st;

    if (!wish)
        return no_memory(why);
    own.wishes_n = 0;
    for (size_t i = 0; i < options->wishes_n; i++)
        if (!tdl_str_is(options->wish[i].name, "file_name") &&
            options->wish[i].type != TDL_COLUMN_IMAGE)
            wish[own.wishes_n++] = options->wish[i];
    wish[own.wishes_n++] = (tdl_column_wish){tdl_str_of("file_name"), TDL_COLUMN_CATEGORY};
    own.wish = wish;
    st = tdl_read_csv(path, &own, ret, counts, why);
    free(wish);
    return st;
}

/* The images take the place of the column file_name. */
static tdl_status put_images(album *a, tdl_frame *table, size_t at, tdl_report *why)
{
    tdl_column *c = &table->column[at];
    char *name = strdup("image");
    size_t other;

    if (!name)
        return no_memory(why);
    if (tdl_frame_find(table, tdl_str_of("image"), &other)) {
        free(name);
        return TDL_FAIL(why, TDL_E_INVALID, "metadata.csv: a column `image` beside `file_name`");
    }
    tdl_column_release(c);
    *c = a->image;
    c->name = name;
    c->type = TDL_COLUMN_IMAGE;
    a->image = (tdl_column){0};
    return TDL_OK;
}

/* metadata.csv names the file of each row in its column file_name (as datasets of Hugging Face do);
 * its other columns stand beside the images. */
static tdl_status read_folder_with_table(const char *source, const char *path,
                                         const tdl_read_options *options, tdl_frame *ret,
                                         tdl_read_counts *counts, tdl_report *why)
{
    album a = {0};
    tdl_frame table = {0};
    size_t at = 0;
    tdl_status st = read_table(path, options, &table, counts, why);

    if (!st && !tdl_frame_find(&table, tdl_str_of("file_name"), &at))
        st = TDL_FAIL(why, TDL_E_INVALID, "%s: there is no column file_name", path);
    if (!st && !table.rows)
        st = TDL_FAIL(why, TDL_E_INVALID, "%s: no rows", path);
    for (size_t r = 0; !st && r < table.rows; r++) {
        st = add_named(&a, source, &table.column[at], r, why);
        if (!st && r % 64 == 0)
            st = tdl_read_tell(options, r, table.rows, why);
    }
    if (!st && !(st = put_images(&a, &table, at, why))) {
        *ret = table;
        table = (tdl_frame){0};
    }
    tdl_frame_release(&table);
    release(&a);
    return st;
}

tdl_status tdl_read_image_folder(const char *source, const tdl_read_options *options,
                                 tdl_frame *ret, tdl_read_counts *counts, tdl_report *why)
{
    album a = {0};
    char **class = NULL, *path = NULL;
    struct stat info;
    size_t n = 0;
    tdl_status st;

    if (asprintf(&path, "%s/metadata.csv", source) < 0)
        return no_memory(why);
    if (stat(path, &info) == 0 && S_ISREG(info.st_mode)) {
        st = read_folder_with_table(source, path, options, ret, counts, why);
        free(path);
        return st;
    }
    free(path);
    st = list(source, &class, &n, why);
    for (size_t i = 0; !st && i < n && !full(&a, options); i++) {
        if (asprintf(&path, "%s/%s", source, class[i]) < 0) {
            st = no_memory(why);
            break;
        }
        if (is_folder(path) && !tdl_str_utf8(tdl_str_of(class[i]), NULL))
            st = TDL_FAIL(why, TDL_E_INVALID, "%s: the name of the class is not UTF-8", path);
        else if (is_folder(path))
            st = add_class(&a, path, class[i], options, why);
        free(path);
    }
    if (!st && !a.rows)
        st = TDL_FAIL_HINT(why, TDL_E_INVALID,
                           "make a folder for each class, with its PNG, PGM or PPM files in it",
                           "%s: no image in any folder of it", source);
    if (!st)
        st = finish(&a, true, ret, why);
    free_names(class, n);
    release(&a);
    return st;
}

/* ---- IDX ---- */

/* "train-labels-idx1-ubyte.gz" of "train-images-idx3-ubyte.gz"; NULL without memory or name. */
static char *labels_path(const char *images)
{
    static const char from[] = "images-idx3", to[] = "labels-idx1";
    const char *file = strrchr(images, '/');
    const char *at = strstr(file ? file : images, from);
    char *path = at ? strdup(images) : NULL;

    if (path)
        memcpy(path + (at - images), to, sizeof to - 1);
    return path;
}

static tdl_status take_labels(album *a, const tdl_idx *labels, tdl_report *why)
{
    tdl_status st = TDL_OK;

    if (labels->rank != 1 || labels->n != a->rows)
        return TDL_FAIL(why, TDL_E_INVALID, "%zu labels of rank %zu for %zu images", labels->n,
                        labels->rank, a->rows);
    a->label.level = malloc((a->rows ? a->rows : 1) * sizeof *a->label.level);
    if (!a->label.level)
        return no_memory(why);
    for (size_t i = 0; !st && i < a->rows; i++) {
        char text[4];

        snprintf(text, sizeof text, "%d", labels->data[i]);
        st = tdl_levels_add(&a->names, tdl_str_of(text), &a->label.level[i], why);
    }
    return st;
}

tdl_status tdl_read_image_idx(const char *source, const tdl_read_options *options, tdl_frame *ret,
                              tdl_read_counts *counts, tdl_report *why)
{
    album a = {0};
    tdl_idx images = {0}, labels = {0};
    char *path = labels_path(source);
    bool labelled = false;
    tdl_status st = tdl_idx_read(source, IMAGES_MAX, &images, why);

    TDL_UNUSED(counts);
    if (st)
        goto out;
    if (images.rank != 3 || !images.size[1] || !images.size[2] || images.size[0] > INT32_MAX) {
        st = TDL_FAIL_HINT(why, TDL_E_INVALID, "name the file of images: *-images-idx3-ubyte",
                           "%s: an array of rank %zu, not images", source, images.rank);
        goto out;
    }
    a.rows = images.size[0];
    a.image.pixel = images.data ? images.data : calloc(1, 1);
    images.data = NULL;
    a.image.channels = 1;
    a.image.height = images.size[1];
    a.image.width = images.size[2];
    if (path) {
        st = tdl_idx_read(path, LABELS_MAX, &labels, why);
        labelled = !st;
        if (st == TDL_E_NOT_FOUND)
            st = TDL_OK; /* images alone: to be predicted */
        else if (!st && (st = take_labels(&a, &labels, why)))
            tdl_report_prefix(why, "%s", path);
    }
    if (!st && options->rows_max && options->rows_max < a.rows)
        a.rows = options->rows_max;
    if (!st)
        st = finish(&a, labelled, ret, why);
out:
    free(path);
    tdl_idx_release(&images);
    tdl_idx_release(&labels);
    release(&a);
    return st;
}

/* Images into frames: folders of classes, IDX pairs. The PNGs are written by libpng here, and the
 * last test reads a real set. */
#include "frame_case.h"

#include <png.h>
#include <sys/stat.h>

#include "table/picture.h"

static char root[] = "/tmp/treadle-images-XXXXXX";

static void write_in(const char *name, const void *bytes, size_t n)
{
    char path[128];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", root, name);
    file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    fclose(file);
}

static void make_folder(const char *name)
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s", root, name);
    mkdir(path, 0700);
}

static void write_png(const char *name, uint32_t format, uint32_t width, uint32_t height,
                      const void *pixels)
{
    char path[128];
    png_image image = {
        .version = PNG_IMAGE_VERSION, .format = format, .width = width, .height = height};

    snprintf(path, sizeof path, "%s/%s", root, name);
    assert_true(png_image_write_to_file(&image, path, 0, pixels, 0, NULL));
}

static int start(void **state)
{
    TDL_UNUSED(state);
    strcpy(root + strlen(root) - 6, "XXXXXX");
    if (!mkdtemp(root))
        return -1;
    make_folder("cat");
    make_folder("dog");
    return 0;
}

static int stop(void **state)
{
    char command[128];

    TDL_UNUSED(state);
    snprintf(command, sizeof command, "rm -r '%s'", root);
    return system(command);
}

static void a_folder_a_class_is_read_in_order_of_names(void **state)
{
    const uint8_t gray[] = {0, 50, 100, 150, 200, 255};
    const char pgm[] = "P5\n# a comment\n3 2\n255\nabcdef", half[] = "P5 3 2 5\n\0\1\2\3\4\5";
    tdl_frame f = {0};
    tdl_report why = {0};

    TDL_UNUSED(state);
    write_in("dog/b.pgm", pgm, sizeof pgm - 1);
    write_in("dog/c.PGM", half, sizeof half - 1);
    write_png("cat/9.png", PNG_FORMAT_GRAY, 3, 2, gray);
    write_in("cat/notes.txt", "no image", 8);
    write_in("readme.md", "no class", 8);
    if (tdl_frame_read(root, NULL, &f, NULL, &why))
        fail_msg("%s", why.message);
    assert_int_equal(f.rows, 3);
    assert_cells(&f, "label", "cat|dog|dog");
    assert_type(&f, "label", "category");
    assert_int_equal(f.column[0].width, 3);
    assert_int_equal(f.column[0].height, 2);
    assert_int_equal(f.column[0].channels, 1);
    assert_memory_equal(f.column[0].pixel, gray, 6);
    assert_memory_equal(f.column[0].pixel + 6, "abcdef", 6);
    assert_memory_equal(f.column[0].pixel + 12, "\0\63\146\231\314\377", 6); /* x 51 */
    tdl_frame_release(&f);
}

static void colours_become_planes(void **state)
{
    const uint8_t rgb[] = {1, 2, 3, 4, 5, 6}, rgba[] = {1, 2, 3, 255, 4, 5, 6, 255};
    tdl_frame f = {0};

    TDL_UNUSED(state);
    write_png("cat/1.png", PNG_FORMAT_RGB, 2, 1, rgb);
    write_png("cat/2.png", PNG_FORMAT_RGBA, 2, 1, rgba);
    write_in("dog/3.ppm", "P6 2 1 255\n\1\2\3\4\5\6", 17);
    assert_int_equal(tdl_frame_read(root, NULL, &f, NULL, NULL), TDL_OK);
    assert_int_equal(f.column[0].channels, 3);
    for (size_t i = 0; i < 3; i++)
        assert_memory_equal(f.column[0].pixel + 6 * i, "\1\4\2\5\3\6", 6);
    tdl_frame_release(&f);
}

static void refuse_folder(tdl_status expected, const char *message)
{
    tdl_frame f = {0};
    tdl_report why = {0};
    tdl_status st = tdl_frame_read(root, NULL, &f, NULL, &why);

    if (st != expected || !strstr(why.message, message))
        fail_msg("got %d: %s (%s)", (int)st, why.message, why.hint);
}

static void another_size_is_named(void **state)
{
    TDL_UNUSED(state);
    refuse_folder(TDL_E_INVALID, "no image in any folder");
    write_in("cat/a.pgm", "P5 1 1 255\nx", 12);
    write_in("dog/b.pgm", "P5 2 1 255\nxy", 13);
    refuse_folder(TDL_E_INVALID, "dog/b.pgm: 2 x 1, gray, where the first image is 1 x 1, gray");
}

static void damaged_and_foreign_pictures_are_named(void **state)
{
    const uint8_t gray[64] = {7};
    char path[128];

    TDL_UNUSED(state);
    write_in("cat/a.jpg", "\xff\xd8\xff", 3);
    refuse_folder(TDL_E_INVALID, "cat/a.jpg: neither PNG nor");
    write_in("cat/a.jpg", "P5 9 9 255\nx", 12);
    refuse_folder(TDL_E_CORRUPT, "ends too early");
    write_in("cat/a.jpg", "P5 99999 99999 255\nx", 20);
    refuse_folder(TDL_E_TOO_LARGE, "16384");
    write_in("cat/a.jpg", "P5 1 1 65535\nxx", 15);
    refuse_folder(TDL_E_INVALID, "65535");
    write_in("cat/a.jpg", "P5 1", 4);
    refuse_folder(TDL_E_CORRUPT, "header");
    write_png("cat/a.jpg", PNG_FORMAT_GRAY, 8, 8, gray);
    snprintf(path, sizeof path, "%s/cat/a.jpg", root);
    assert_int_equal(truncate(path, 60), 0);
    refuse_folder(TDL_E_CORRUPT, "a damaged PNG");
}

static void idx_images_have_their_labels_beside_them(void **state)
{
    static const char images[] = "\0\0\x08\3\0\0\0\2\0\0\0\1\0\0\0\2abcd";
    char path[128];
    tdl_frame f = {0};
    tdl_report why = {0};

    TDL_UNUSED(state);
    snprintf(path, sizeof path, "%s/t-images-idx3-ubyte", root);
    write_in("t-images-idx3-ubyte", images, sizeof images - 1);
    assert_int_equal(tdl_frame_read(path, NULL, &f, NULL, NULL), TDL_OK);
    assert_int_equal(f.columns_n, 1);
    tdl_frame_release(&f);
    write_in("t-labels-idx1-ubyte", "\0\0\x08\1\0\0\0\2\7\3", 10);
    assert_int_equal(tdl_frame_read(path, NULL, &f, NULL, NULL), TDL_OK);
    assert_cells(&f, "label", "7|3");
    assert_memory_equal(f.column[0].pixel, "abcd", 4);
    tdl_frame_release(&f);
    write_in("t-labels-idx1-ubyte", "\0\0\x08\1\0\0\0\1\7", 9);
    assert_int_equal(tdl_frame_read(path, NULL, &f, NULL, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "1 labels of rank 1 for 2 images"));
}

/* Xiao, Rasul, Vollgraf 2017: 10,000 test images, 1,000 of each of ten classes. */
/* As datasets of Hugging Face have it: metadata.csv names the files. */
static void a_table_of_files_stands_beside_its_images(void **state)
{
    static const uint8_t pixels[2][4] = {{1, 2, 3, 4}, {5, 6, 7, 8}};
    static const char table[] = "price,file_name,kind\n3.5,dog/b.png,x\n7,a.png,y\n";
    const tdl_read_options options = {0};
    tdl_frame frame = {0};
    tdl_report why = {0};

    TDL_UNUSED(state);
    write_png("a.png", PNG_FORMAT_GRAY, 2, 2, pixels[0]);
    write_png("dog/b.png", PNG_FORMAT_GRAY, 2, 2, pixels[1]);
    write_in("metadata.csv", table, sizeof table - 1);
    if (tdl_frame_read(root, &options, &frame, NULL, &why))
        fail_msg("%s", why.message);
    assert_true(frame.rows == 2 && frame.columns_n == 3);
    assert_string_equal(frame.column[1].name, "image");
    assert_int_equal(frame.column[1].type, TDL_COLUMN_IMAGE);
    assert_memory_equal(frame.column[1].pixel, pixels[1], 4);
    assert_memory_equal(frame.column[1].pixel + 4, pixels[0], 4);
    assert_true(frame.column[0].number[0] == 3.5 && frame.column[0].number[1] == 7);
    assert_string_equal(frame.column[2].name, "kind");
    tdl_frame_release(&frame);
}

static void a_table_of_files_opens_none_outside_its_folder(void **state)
{
    static const char *const bad[] = {"/etc/passwd", "../a.png", "dog/../../a.png", ""};
    const tdl_read_options options = {0};
    tdl_frame frame = {0};

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char table[64];
        tdl_report why = {0};

        snprintf(table, sizeof table, "file_name,price\n%s,1\n", bad[i]);
        write_in("metadata.csv", table, strlen(table));
        assert_int_equal(tdl_frame_read(root, &options, &frame, NULL, &why), TDL_E_INVALID);
        assert_non_null(strstr(why.message, "row 1, file_name"));
    }
    write_in("metadata.csv", "price\n1\n", 8);
    assert_int_equal(tdl_frame_read(root, &options, &frame, NULL, NULL), TDL_E_INVALID);
}

/* What is written is read again, and by libpng's own reader of files above. */
static void a_picture_written_as_png_comes_back(void **state)
{
    uint8_t pixel[] = {0,   50,  100, 150, 200, 250, 1,   51,  101,
                       151, 201, 251, 2,   52,  102, 152, 202, 252};
    const tdl_picture colour = {3, 2, 3, pixel}, gray = {1, 2, 3, pixel}, two = {2, 2, 3, pixel};
    tdl_buf bytes = {0};
    tdl_picture again = {0};

    TDL_UNUSED(state);
    for (int i = 0; i < 2; i++) {
        const tdl_picture *p = i ? &gray : &colour;

        tdl_buf_clear(&bytes);
        assert_int_equal(tdl_picture_write_png(p, &bytes, NULL), TDL_OK);
        assert_int_equal(tdl_picture_read(tdl_buf_view(&bytes), &again, NULL), TDL_OK);
        assert_true(again.channels == p->channels && again.height == 2 && again.width == 3);
        assert_memory_equal(again.pixel, pixel, p->channels * 6);
        free(again.pixel);
    }
    assert_int_equal(tdl_picture_write_png(&two, &bytes, NULL), TDL_E_INVALID);
    tdl_buf_release(&bytes);
}

static void fashion_mnist_is_read(void **state)
{
    static const char path[] = "/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz";
    tdl_frame f = {0};

    TDL_UNUSED(state);
    if (access(path, R_OK)) {
        print_message("skipped: Debian's dataset-fashion-mnist is not installed\n");
        skip();
    }
    assert_int_equal(tdl_frame_read(path, NULL, &f, NULL, NULL), TDL_OK);
    assert_int_equal(f.rows, 10000);
    assert_int_equal(f.column[0].height, 28);
    assert_int_equal(f.column[1].levels_n, 10);
    size_t count[10] = {0};
    for (size_t i = 0; i < f.rows; i++)
        count[f.column[1].level[i]]++;
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(count[i], 1000);
    tdl_frame_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_folder_a_class_is_read_in_order_of_names, start, stop),
        cmocka_unit_test_setup_teardown(colours_become_planes, start, stop),
        cmocka_unit_test_setup_teardown(another_size_is_named, start, stop),
        cmocka_unit_test_setup_teardown(damaged_and_foreign_pictures_are_named, start, stop),
        cmocka_unit_test_setup_teardown(idx_images_have_their_labels_beside_them, start, stop),
        cmocka_unit_test(a_picture_written_as_png_comes_back),
        cmocka_unit_test_setup_teardown(a_table_of_files_stands_beside_its_images, start, stop),
        cmocka_unit_test_setup_teardown(a_table_of_files_opens_none_outside_its_folder, start,
                                        stop),
        cmocka_unit_test(fashion_mnist_is_read),
    };

    return cmocka_run_group_tests_name("table/read_image", tests, NULL, NULL);
}

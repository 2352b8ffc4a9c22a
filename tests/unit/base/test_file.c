#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

static char folder[4096], path[5000];

static const char *in_folder(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int make_folder(void **state)
{
    const char *base = getenv("TMPDIR");

    TDL_UNUSED(state);
    snprintf(folder, sizeof folder, "%s/treadle-file-XXXXXX", base && *base ? base : "/tmp");
    return mkdtemp(folder) ? 0 : -1;
}

static int files_in_folder(void)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    int n = 0;

    while ((entry = readdir(dir)))
        n += entry->d_name[0] != '.';
    closedir(dir);
    return n;
}

static int remove_folder(void **state)
{
    const char *const left[] = {"a", "b", "d/e/f", "d/e", "d"};

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof left / sizeof left[0]; i++)
        remove(in_folder(left[i]));
    return rmdir(folder);
}

static void parts_are_written_one_after_the_other(void **state)
{
    const tdl_str parts[] = {TDL_STR("one "), {0}, TDL_STR("two")};
    tdl_buf buf = {0};

    TDL_UNUSED(state);
    assert_int_equal(tdl_file_write_parts(in_folder("a"), parts, 3, NULL), TDL_OK);
    assert_int_equal(tdl_file_read(in_folder("a"), 100, &buf, NULL), TDL_OK);
    assert_true(tdl_str_is(tdl_buf_view(&buf), "one two"));
    assert_int_equal(files_in_folder(), 1);
    tdl_buf_release(&buf);
}

static void what_was_written_is_read_back(void **state)
{
    tdl_buf buf = {0};
    static char bytes[200000];

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 7 + i / 256);
    assert_int_equal(tdl_file_write(in_folder("a"), (tdl_str){bytes, sizeof bytes}, NULL), TDL_OK);
    tdl_buf_text(&buf, "before");
    assert_int_equal(tdl_file_read(path, sizeof bytes, &buf, NULL), TDL_OK);
    assert_int_equal(buf.len, 6 + sizeof bytes);
    assert_memory_equal(buf.at, "before", 6);
    assert_memory_equal(buf.at + 6, bytes, sizeof bytes);
    tdl_buf_release(&buf);
}

static void a_write_replaces_the_file_and_leaves_no_other(void **state)
{
    tdl_buf buf = {0};

    TDL_UNUSED(state);
    assert_int_equal(tdl_file_write(in_folder("a"), TDL_STR("first, longer"), NULL), TDL_OK);
    assert_int_equal(tdl_file_write(path, TDL_STR("second"), NULL), TDL_OK);
    assert_int_equal(tdl_file_write(in_folder("b"), (tdl_str){0}, NULL), TDL_OK);
    assert_int_equal(tdl_file_read(in_folder("a"), 100, &buf, NULL), TDL_OK);
    assert_string_equal(buf.at, "second");
    assert_int_equal(files_in_folder(), 2);
    tdl_buf_clear(&buf);
    assert_int_equal(tdl_file_read(in_folder("b"), 0, &buf, NULL), TDL_OK);
    assert_int_equal(buf.len, 0);
    tdl_buf_release(&buf);
}

/* A rename onto /dev/null, by root, would leave a machine without one. */
static void a_pipe_and_what_a_link_names_are_written_into(void **state)
{
    tdl_buf read_back = {0};
    struct stat info;
    char fifo[5000], text[8] = {0};

    TDL_UNUSED(state);
    snprintf(fifo, sizeof fifo, "%s", in_folder("a"));
    assert_int_equal(mkfifo(fifo, 0600), 0);
    int fd = open(fifo, O_RDONLY | O_NONBLOCK);
    assert_true(tdl_file_is_special(fifo));
    assert_int_equal(tdl_file_write(fifo, TDL_STR("pipe"), NULL), TDL_OK);
    assert_int_equal(read(fd, text, sizeof text), 4);
    assert_string_equal(text, "pipe");
    close(fd);
    assert_int_equal(lstat(fifo, &info), 0);
    assert_true(S_ISFIFO(info.st_mode));
    remove(fifo);

    assert_int_equal(symlink("b", fifo), 0);
    assert_int_equal(tdl_file_write(fifo, TDL_STR("link"), NULL), TDL_OK);
    assert_int_equal(lstat(fifo, &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    assert_false(tdl_file_is_special(in_folder("b")));
    assert_int_equal(tdl_file_read(in_folder("b"), 100, &read_back, NULL), TDL_OK);
    assert_string_equal(read_back.at, "link");
    tdl_buf_release(&read_back);
    assert_int_equal(files_in_folder(), 2);
    assert_false(tdl_file_is_special(folder));
    assert_false(tdl_file_is_special(in_folder("nothing")));
    remove(in_folder("a"));
    remove(in_folder("b"));
}

static void a_file_over_the_limit_is_refused_and_the_buffer_is_as_before(void **state)
{
    tdl_buf buf = {0};
    tdl_report why = {0};

    TDL_UNUSED(state);
    assert_int_equal(tdl_file_write(in_folder("a"), TDL_STR("0123456789"), NULL), TDL_OK);
    tdl_buf_text(&buf, "kept");
    assert_int_equal(tdl_file_read(path, 9, &buf, &why), TDL_E_TOO_LARGE);
    assert_non_null(strstr(why.message, "9 bytes"));
    assert_string_equal(buf.at, "kept");
    assert_int_equal(tdl_file_read(path, 10, &buf, NULL), TDL_OK);
    tdl_buf_release(&buf);
}

static void a_buffer_that_is_too_small_is_an_error_too(void **state)
{
    tdl_buf buf = {.limit = 5};

    TDL_UNUSED(state);
    assert_int_equal(tdl_file_write(in_folder("a"), TDL_STR("0123456789"), NULL), TDL_OK);
    assert_int_equal(tdl_file_read(path, 100, &buf, NULL), TDL_E_NO_MEMORY);
    tdl_buf_release(&buf);
}

static void missing_files_and_folders_are_named(void **state)
{
    tdl_buf buf = {0};
    tdl_report why = {0};

    TDL_UNUSED(state);
    assert_int_equal(tdl_file_read(in_folder("none"), 100, &buf, &why), TDL_E_NOT_FOUND);
    assert_non_null(strstr(why.message, "none"));
    assert_int_equal(tdl_file_read(folder, 100, &buf, &why), TDL_E_IO);
    assert_int_equal(tdl_file_write(in_folder("none/x"), TDL_STR("x"), &why), TDL_E_NOT_FOUND);
    assert_int_equal(files_in_folder(), 0);
    tdl_buf_release(&buf);
}

static void a_target_that_is_a_folder_is_refused_and_nothing_is_left_beside_it(void **state)
{
    TDL_UNUSED(state);
    assert_int_equal(mkdir(in_folder("d"), 0700), 0);
    assert_int_equal(tdl_file_write(path, TDL_STR("x"), NULL), TDL_E_IO);
    assert_int_equal(files_in_folder(), 1);
}

/* A file size limit of the process stands for a full disk: both fail in write(2). */
static void a_write_that_does_not_fit_keeps_the_old_file_and_leaves_no_other(void **state)
{
    static char bytes[10000];
    struct rlimit before, small;
    tdl_buf buf = {0};
    tdl_report why = {0};
    tdl_status st;

    TDL_UNUSED(state);
    assert_int_equal(tdl_file_write(in_folder("a"), TDL_STR("old"), NULL), TDL_OK);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    small = (struct rlimit){.rlim_cur = 4096, .rlim_max = before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
    st = tdl_file_write(path, (tdl_str){bytes, sizeof bytes}, &why);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(st, TDL_E_IO);
    assert_non_null(strstr(why.message, path));
    assert_int_equal(tdl_file_read(path, 100, &buf, NULL), TDL_OK);
    assert_string_equal(buf.at, "old");
    assert_int_equal(files_in_folder(), 1);
    tdl_buf_release(&buf);
}

static void folders_are_made_with_their_parents_and_private(void **state)
{
    struct stat info;

    TDL_UNUSED(state);
    assert_int_equal(tdl_file_make_dir(in_folder("d/e//f/"), NULL), TDL_OK);
    assert_int_equal(tdl_file_make_dir(in_folder("d/e/f"), NULL), TDL_OK); /* again */
    assert_int_equal(stat(path, &info), 0);
    assert_true(S_ISDIR(info.st_mode));
    assert_int_equal(info.st_mode & 0777, 0700);
}

static void a_file_in_the_way_of_a_folder_is_refused(void **state)
{
    tdl_report why = {0};

    TDL_UNUSED(state);
    assert_int_equal(tdl_file_write(in_folder("a"), TDL_STR("x"), NULL), TDL_OK);
    assert_int_equal(tdl_file_make_dir(path, &why), TDL_E_CONFLICT);
    assert_non_null(strstr(why.message, "not a folder"));
    assert_int_not_equal(tdl_file_make_dir(in_folder("a/b"), &why), TDL_OK);
    assert_int_not_equal(tdl_file_make_dir("", &why), TDL_OK);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(what_was_written_is_read_back),
        IN_FOLDER(parts_are_written_one_after_the_other),
        IN_FOLDER(a_write_replaces_the_file_and_leaves_no_other),
        IN_FOLDER(a_pipe_and_what_a_link_names_are_written_into),
        IN_FOLDER(a_file_over_the_limit_is_refused_and_the_buffer_is_as_before),
        IN_FOLDER(a_buffer_that_is_too_small_is_an_error_too),
        IN_FOLDER(missing_files_and_folders_are_named),
        IN_FOLDER(a_target_that_is_a_folder_is_refused_and_nothing_is_left_beside_it),
        IN_FOLDER(a_write_that_does_not_fit_keeps_the_old_file_and_leaves_no_other),
        IN_FOLDER(folders_are_made_with_their_parents_and_private),
        IN_FOLDER(a_file_in_the_way_of_a_folder_is_refused),
    };

    return cmocka_run_group_tests_name("base/file", tests, NULL, NULL);
}

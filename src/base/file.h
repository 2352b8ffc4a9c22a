/* Files: whole reads under a limit, atomic writes that are durable when they return. */
#ifndef TDL_BASE_FILE_H
#define TDL_BASE_FILE_H

#include "base/str.h"

/* Read all of `path` into `ret` (appended). TDL_E_TOO_LARGE past `limit` bytes. */
tdl_status tdl_file_read(const char *path, size_t limit, tdl_buf *ret, tdl_report *why);

/* Does `path` name something that is neither file nor folder: a device, a pipe, a link (and so
 * /dev/null and /dev/stdout)? A rename would put a file in its place; it is to be written into.
 * False when there is nothing. */
bool tdl_file_is_special(const char *path);

/* Write to a temporary name beside `path`, fsync, rename, fsync of the folder. What is special is
 * written into instead. */
tdl_status tdl_file_write(const char *path, tdl_str bytes, tdl_report *why);
/* The same for bytes that lie in several places: parts [parts_n], one after the other. */
tdl_status tdl_file_write_parts(const char *path, const tdl_str *parts, size_t parts_n,
                                tdl_report *why);

/* BLAKE2b-256 of a file in hexadecimal, and its size. TDL_E_NOT_FOUND | TDL_E_IO */
tdl_status tdl_file_hash(const char *path, char ret_hash[65], int64_t *ret_bytes, tdl_report *why);

/* Make a folder (and its parents) with mode 0700 unless it exists. */
tdl_status tdl_file_make_dir(const char *path, tdl_report *why);

#endif

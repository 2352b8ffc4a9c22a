/* Protocol Buffers, the writing half: fields of the wire format appended to a tdl_buf.
 *
 * There is no schema and no reflection: the caller knows field numbers and types from the message's
 * definition and writes them in the order it wants them. Failure is the buffer's (`out->failed`),
 * checked once at the end.
 *
 *     size_t node = tdl_pb_begin(&out, 1);      // a nested message, field 1
 *     tdl_pb_text(&out, 4, "Gemm");
 *     tdl_pb_end(&out, node);
 *
 * _end shifts the message when its length needs more than one byte, which is cheap for small ones.
 * A message that carries large data is written with _head instead: measure, announce, append. So
 * the data is copied once, or never, when it goes to the file by itself.
 */
#ifndef TDL_TRAIN_PROTOBUF_H
#define TDL_TRAIN_PROTOBUF_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* Scalars. Signed and unsigned integers and booleans are varints, as int64, uint64, int32, enum and
 * bool are; sint (zigzag) is not offered. */
void tdl_pb_uint(tdl_buf *out, uint32_t field, uint64_t value);
void tdl_pb_int(tdl_buf *out, uint32_t field, int64_t value);
void tdl_pb_fixed32(tdl_buf *out, uint32_t field, uint32_t value);
void tdl_pb_fixed64(tdl_buf *out, uint32_t field, uint64_t value);
void tdl_pb_float(tdl_buf *out, uint32_t field, float value);
void tdl_pb_double(tdl_buf *out, uint32_t field, double value);

/* Length-delimited. */
void tdl_pb_bytes(tdl_buf *out, uint32_t field, const void *bytes, size_t n);
void tdl_pb_str(tdl_buf *out, uint32_t field, tdl_str text);
void tdl_pb_text(tdl_buf *out, uint32_t field, const char *nul_terminated);
void tdl_pb_doubles(tdl_buf *out, uint32_t field, const double *values, size_t n); /* packed */

/* A nested message of small size; _begin returns the mark for its _end. They nest. */
size_t tdl_pb_begin(tdl_buf *out, uint32_t field);
void tdl_pb_end(tdl_buf *out, size_t mark);

/* Key and length of `n` bytes which the caller appends next; _head_size: the bytes _head takes. */
void tdl_pb_head(tdl_buf *out, uint32_t field, size_t n);
size_t tdl_pb_head_size(uint32_t field, size_t n);

#endif

/* CRC-32C, the Castagnoli polynomial (RFC 3720, appendix B.4). */
#ifndef TDL_BASE_CRC32C_H
#define TDL_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Checksum of `n` more bytes after those that gave `crc`; 0 at the start. */
uint32_t tdl_crc32c(uint32_t crc, const void *bytes, size_t n);

/* The same without the processor's own instruction: what other machines run. */
uint32_t tdl_crc32c_plain(uint32_t crc, const void *bytes, size_t n);

/* As record files store it, so that a checksum of data that holds checksums stays a good one. */
uint32_t tdl_crc32c_masked(uint32_t crc);

#endif

#pragma once
#include <zlib.h>

// inflateInit2 is a macro that Swift does not import. 16 + MAX_WBITS: a gzip wrapper (RFC 1952), largest window.
static inline int czlib_inflate_init_gzip(z_stream *stream) { return inflateInit2(stream, 16 + MAX_WBITS); }

static inline int czlib_deflate_init_gzip(z_stream *stream) {
  return deflateInit2(stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
}

// SHA-256 (FIPS 180-4) and MD5 (RFC 1321) of bytes, as lower-case hexadecimal text.
//
// Ours, because they are a hundred lines: libcrypto would be another package to build with and five megabytes to
// load in each tool. MD5 is for ids and sums that others made so; it is not safe against forgery.
#pragma once

#include <string>
#include <string_view>

namespace kutils {

std::string sha256_hex(std::string_view bytes);
std::string md5_hex(std::string_view bytes);

}  // namespace kutils

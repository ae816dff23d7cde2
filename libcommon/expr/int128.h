// 128-bit integers, a GNU extension of both compilers: exact where 64 bits of two kinds meet.
#pragma once

namespace kutils::expr {
__extension__ typedef __int128 Int128;
}

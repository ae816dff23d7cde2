// One include for both Catch2 versions: v2 on Debian 12, v3 on Debian 13. Written in v3's words.
#pragma once
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;
#else
#include <catch2/catch.hpp>
namespace Catch::Matchers {
// v3's name; its `Contains` means the elements of a range.
inline auto ContainsSubstring(const std::string& text, CaseSensitive::Choice caring = CaseSensitive::Yes) {
  return Contains(text, caring);
}
}  // namespace Catch::Matchers
#endif

// Whether two lists or maps hold the same, whatever the caller takes for the same: `same(const Value&, const
// Value&)`. Keys of maps are found as the language finds them.
#pragma once

#include "expr/value.h"

namespace kutils::expr {

template <typename Same>
bool same_content(const ListValue& a, const ListValue& b, const Same& same) {
  if (a.size != b.size) return false;
  for (size_t i = 0; i < a.size; ++i) {
    if (!same(a.items[i], b.items[i])) return false;
  }
  return true;
}

template <typename Same>
bool same_content(const MapValue& a, const MapValue& b, const Same& same) {
  if (a.size != b.size) return false;
  for (const MapEntry& entry : a) {
    const Value* other = find(b, entry.key);
    if (!other || !same(entry.value, *other)) return false;
  }
  return true;
}

}  // namespace kutils::expr

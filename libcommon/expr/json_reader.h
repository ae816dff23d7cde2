// What reading JSON into values needs besides the arena, kept from one value to the next.
#pragma once

#include <rapidjson/reader.h>

#include <vector>

#include "expr/context.h"

namespace kutils::expr {

struct JsonReader {
  rapidjson::Reader reader;    // keeps the memory of its stack
  std::vector<Value> stack;    // what is read and belongs to no list or map yet
  std::vector<size_t> starts;  // where the open objects and arrays begin in the text
};

}  // namespace kutils::expr

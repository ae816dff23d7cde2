// Scalar expressions cost no allocation per record: after the first records, whatever the arena and the slots
// need is there.
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include "expr/expressions.h"
#include "support/catch.h"

using namespace kutils;

namespace {
thread_local size_t allocations = 0;
}

// Counts what the whole test program allocates with new; the C++ library's other forms come to these.
// Not inline: g++ 14 would take free() of what it sees come from new for a mistake.
[[gnu::noinline]] void* operator new(size_t bytes) {
  ++allocations;
  if (void* memory = std::malloc(bytes)) return memory;
  throw std::bad_alloc();
}
// A sanitizer's own does not come to ours, and what it gives must not go to our delete.
[[gnu::noinline]] void* operator new(size_t bytes, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(bytes);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept { std::free(memory); }

TEST_CASE("a scalar expression allocates nothing per record") {
  std::vector<std::string> values;
  for (int i = 0; i < 64; ++i) {
    values.push_back(
        "{\"number\":" + std::to_string(i * 7 % 200) + ",\"price\":" + std::to_string(i) +
        ".25,\"country\":\"" + (i % 2 == 0 ? "DE" : "FR") +
        "\",\"uri\":\"/a/long/path/that/no/small/string/holds/" + std::to_string(i) +
        "\",\"note\":\"\\u00e9scaped \\\"text\\\" longer than any small string\",\"ok\":true,\"none\":null,\"user\":{\"id\":" +
        std::to_string(i) + "}}");
  }
  const auto expression =
      GENERATE(as<std::string>{}, "number >= 100 && country == \"DE\"", "number * 2 + 1",
               "price * 1.5 > number", "country in [\"DE\", \"US\"]", "uri.startsWith(\"/a/long\") || ok",
               "user.id % 2 == 0 ? number : -number", "none == null", "has(user.id) && size(uri) > 3",
               "note.contains(\"text\")", "int(price) + number", "_key == \"k\" && _partition == 0");
  CAPTURE(expression);
  expr::Expressions set{expr::Options{}};
  const size_t handle = set.add(expression, "");
  Record record;
  const std::string key = "k";
  record.key = MaybeBytes(key);
  const auto run = [&] {
    size_t sum = 0;
    for (const std::string& value : values) {
      record.value = MaybeBytes(value);
      if (set.bind(record)) return size_t{0};
      sum += static_cast<size_t>(set.evaluate(handle).kind()) + 1;
    }
    return sum;
  };
  CHECK(run() > 0);
  const size_t before = allocations;
  const size_t sum = run();
  const size_t after = allocations;
  CHECK(sum > 0);
  CHECK(after - before == 0);
}

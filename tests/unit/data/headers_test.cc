#include "data/headers.h"

#include <array>
#include <vector>

#include "data/batch.h"
#include "support/catch.h"

namespace kutils {
namespace {

// A message, and how often its headers were read.
struct Message {
  mutable int reads = 0;
  size_t count = 0;
};

std::span<const Header> read(const void* of, Arena& memory) {
  const auto& message = *static_cast<const Message*>(of);
  ++message.reads;
  auto* views = memory.allocate_array<Header>(message.count);
  for (size_t i = 0; i < message.count; ++i) views[i] = {"h", MaybeBytes("value")};
  return {views, message.count};
}

TEST_CASE("headers of a message are read when they are first asked for, once") {
  Batch batch;
  const Message with{0, 2}, without;
  Record& record = batch.records().emplace_back();
  record.headers = Headers(&with, batch.arena(), read);
  const Record copied = record;
  CHECK(with.reads == 0);
  CHECK(record.headers.size() == 2);
  CHECK(record.headers[1].value.view() == "value");
  CHECK(record.headers.back().name == "h");
  CHECK(with.reads == 1);
  const Record again = record;  // what is read is copied as it is
  CHECK(again.headers.size() == 2);
  CHECK(with.reads == 1);
  CHECK(copied.headers.size() == 2);
  record.headers = Headers(&without, batch.arena(), read);
  CHECK(record.headers.empty());
  CHECK(record.headers.empty());
  CHECK(without.reads == 1);
}

TEST_CASE("headers are views of whatever holds them") {
  const std::vector<Header> many{{"a", {}}, {"b", MaybeBytes("1")}};
  const std::array<Header, 1> one{{{"c", {}}}};
  Record record;
  CHECK(record.headers.empty());
  record.headers = many;
  CHECK(record.headers.size() == 2);
  CHECK(record.headers.data() == many.data());
  Output output;
  output.headers = record.headers;
  CHECK(output.headers.data() == many.data());
  record.headers = one;
  CHECK(record.headers[0].name == "c");
  record.headers = {many.data(), 1};
  size_t count = 0;
  for (const Header& header : record.headers) count += header.name == "a" ? 1U : 0U;
  CHECK(count == 1);
  record.headers = {};
  CHECK(record.headers.empty());
}

}  // namespace
}  // namespace kutils

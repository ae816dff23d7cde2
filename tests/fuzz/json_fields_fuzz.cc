// FieldReader against a DOM of the same library: they accept the same texts and see the same values.
#include <rapidjson/document.h>
#include <rapidjson/memorystream.h>

#include <cmath>
#include <cstdint>
#include <string>

#include "data/json_fields.h"
#include "require.h"

using namespace kutils;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // An exact copy on the heap, so that reading one byte too far is seen.
  const std::unique_ptr<char[]> copy(new char[size]);
  std::copy(data, data + size, copy.get());
  const std::string_view text(copy.get(), size);

  FieldSet set;
  for (const char* name : {"a", "b", "number", ""}) set.slot(name);
  FieldReader reader(set);
  reader.want_members();
  const auto error = reader.read(text);
  FieldReader trusting(set, true);
  const auto trusted_error = trusting.read(text);
  if (!error) REQUIRE_HOLDS(!trusted_error);
  if (error && error->message.find("nested more") == 0) return 0;

  rapidjson::Document dom;
  // As a stream: Parse() would skip a byte order mark, or a piece of one.
  rapidjson::MemoryStream stream(text.data(), text.size());
  dom.ParseStream<rapidjson::kParseIterativeFlag>(stream);
  // RapidJSON knows no numbers beyond a double.
  if (dom.GetParseError() == rapidjson::kParseErrorNumberTooBig) return 0;
  if (text.find('\0') != std::string_view::npos) {
    // RapidJSON takes it for the end; we never do.
    REQUIRE_HOLDS(error && error->reason == Reason::not_json);
    return 0;
  }
  REQUIRE_HOLDS(dom.HasParseError() == (error && error->reason == Reason::not_json));
  if (dom.HasParseError()) return 0;
  REQUIRE_HOLDS(dom.IsObject() == !error);
  REQUIRE_HOLDS(dom.IsObject() == reader.is_object());
  if (!dom.IsObject()) return 0;
  REQUIRE_HOLDS(reader.members().size() == dom.MemberCount());
  for (size_t slot = 0; slot < set.size(); ++slot) {
    const rapidjson::Value* last = nullptr;
    // By number: clang warns of comparing this library's iterators in C++20.
    for (rapidjson::SizeType i = 0; i < dom.MemberCount(); ++i) {
      const auto& member = *(dom.MemberBegin() + static_cast<std::ptrdiff_t>(i));
      if (std::string_view(member.name.GetString(), member.name.GetStringLength()) == set.names()[slot])
        last = &member.value;
    }
    const JsonField& field = reader[slot];
    REQUIRE_HOLDS((last == nullptr) == (field.type == JsonType::missing));
    if (!last) continue;
    REQUIRE_HOLDS(field.raw.data() >= text.data() &&
                  field.raw.data() + field.raw.size() <= text.data() + size);
    switch (field.type) {
      case JsonType::null:
        REQUIRE_HOLDS(last->IsNull());
        break;
      case JsonType::boolean:
        REQUIRE_HOLDS(last->IsBool() && last->GetBool() == field.boolean);
        break;
      case JsonType::integer:
        REQUIRE_HOLDS(last->IsInt64() && last->GetInt64() == field.integer);
        break;
      case JsonType::unsigned_integer:
        REQUIRE_HOLDS(last->IsUint64() && !last->IsInt64() && last->GetUint64() == field.unsigned_integer);
        break;
      // The DOM's quick conversion is some units off; ours is from_chars. (Its full precision shifts by
      // clz(0) on zeros.)
      case JsonType::real:
        REQUIRE_HOLDS(last->IsDouble() && std::abs(last->GetDouble() - field.real.value) <=
                                              std::abs(field.real.value) * 1e-14 + 1e-300);
        break;
      case JsonType::string:
        REQUIRE_HOLDS(last->IsString());
        break;
      case JsonType::array:
        REQUIRE_HOLDS(last->IsArray());
        break;
      case JsonType::object:
        REQUIRE_HOLDS(last->IsObject());
        break;
      case JsonType::missing:
        break;
    }
    std::string scratch;
    const auto again = parse_scalar(field.raw, scratch);
    REQUIRE_HOLDS(again && again->type == field.type);
    if (field.type == JsonType::string) REQUIRE_HOLDS(again->string == field.string);
  }
  return 0;
}

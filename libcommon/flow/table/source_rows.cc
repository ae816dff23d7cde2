#include "flow/table/source_rows.h"

#include "state/state_error.h"
#include "state/state_format.h"

namespace kutils::flow {
namespace {

constexpr uint8_t kInGroup = 1;
constexpr uint8_t kText = 2;

}  // namespace

void encode_arguments(std::span<const Argument> arguments, std::string& out) {
  for (const Argument& argument : arguments) {
    out.push_back(argument.present ? 1 : 0);
    if (argument.present) encode(argument.scalar, out);
  }
}

void decode_arguments(Reader& in, std::span<Argument> arguments) {
  for (Argument& argument : arguments) {
    argument = {in.byte() != 0, {}};
    if (argument.present) argument.scalar = decode_scalar(in);
  }
}

const SourceRows::Found& SourceRows::find(std::string_view key) {
  key_.assign(1, state::kSourceRow).append(key);
  found_ = {};
  const auto stored = store_.get(key_);
  if (!stored) return found_;
  bytes_ = *stored;
  Reader in(bytes_);
  const uint8_t flags = in.byte();
  found_.exists = true;
  found_.in_group = (flags & kInGroup) != 0;
  found_.part.group = in.bytes();
  found_.part.group_is_text = (flags & kText) != 0;
  found_.part.arguments = arguments_;
  if (found_.in_group) decode_arguments(in, arguments_);
  if (!in.ok() || !in.at_end()) throw state::CorruptState("a source row in the state is broken");
  return found_;
}

void SourceRows::put(const Contribution* part) {
  value_.assign(1, static_cast<char>(part == nullptr ? 0 : kInGroup | (part->group_is_text ? kText : 0)));
  put_bytes(value_, part == nullptr ? std::string_view() : part->group);
  if (part != nullptr) encode_arguments(part->arguments, value_);
  store_.put(key_, value_);
  ++dirty_;
}

void SourceRows::erase() {
  store_.erase(key_);
  ++dirty_;
}

}  // namespace kutils::flow

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
    const bool has_key = argument.present && argument.scalar.key != nullptr;
    out.push_back(has_key ? 2 : argument.present ? 1 : 0);
    if (argument.present) encode(argument.scalar, out);
    if (has_key) encode(*argument.scalar.key, out);
  }
}

void ReadArguments::read(Reader& in) {
  for (size_t i = 0; i < arguments_.size(); ++i) {
    const uint8_t present = in.byte();
    if (present > 2) return in.fail();
    arguments_[i] = {present != 0, {}};
    if (present != 0) arguments_[i].scalar = decode_scalar(in);
    if (present != 2) continue;
    keys_[i] = decode_scalar(in);
    arguments_[i].scalar.key = &keys_[i];
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
  found_.part.arguments = arguments_.view();
  if (found_.in_group) arguments_.read(in);
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

#include "kmap/nested_fields.h"

#include <algorithm>
#include <utility>

#include "data/json_write.h"

namespace kutils {
namespace {

const char* kind_of(std::string_view json) {
  switch (json.front()) {
    case '"':
      return "a string";
    case '[':
      return "a list";
    case 't':
    case 'f':
      return "true or false";
    default:
      return "a number";
  }
}

}  // namespace

bool NestedFields::add(const std::vector<std::string>& path, size_t at, size_t number, bool sets) {
  if (at == path.size()) {
    if (!fields_.empty() || set_ || drop_) return false;
    (sets ? set_ : drop_) = number;
    sets_ = sets;
    return true;
  }
  if (set_ || drop_) return false;
  const auto same = [&](const std::unique_ptr<NestedFields>& field) { return field->name_ == path[at]; };
  auto found = std::find_if(fields_.begin(), fields_.end(), same);
  if (found == fields_.end()) {
    auto field = std::make_unique<NestedFields>(path[at]);
    field->path_ = path_ + "." + path[at];
    append_json_string(path[at], field->prefix_);
    field->prefix_ += ':';
    found = fields_.insert(fields_.end(), std::move(field));
  }
  if (!reader_) {
    reader_ = std::make_unique<FieldReader>(no_fields_);
    reader_->want_members();
  }
  if (!(*found)->add(path, at + 1, number, sets)) return false;
  sets_ = sets_ || sets;
  return true;
}

std::optional<RecordError> NestedFields::append_member(NestedFields& field, const JsonMember* member,
                                                       const List& list, std::string& text) {
  if (text.back() != '{') text += ',';
  if (member && !field.set_) {
    text += member->name_raw;
    text += ':';
  } else {
    text += field.prefix_;
  }
  if (field.set_) return list.append_value(*field.set_);
  return field.append(member ? member->value_raw : std::string_view(), list, text);
}

std::optional<RecordError> NestedFields::append(std::string_view raw, const List& list, std::string& text) {
  const bool is_object = !raw.empty() && raw.front() == '{';
  changed_ = !is_object && sets_;
  if (!is_object && !sets_) {
    text += raw;
    return std::nullopt;
  }
  if (!is_object && !raw.empty() && raw != "null")
    return RecordError{Reason::not_an_object,
                       "'" + path_ + "' is " + kind_of(raw) + ", so that no field can be set in it"};
  if (is_object) {
    if (auto error = reader_->read(raw)) return error;
  }
  for (const auto& field : fields_) field->seen_ = false;
  const size_t start = text.size();
  text += '{';
  if (is_object) {
    for (const JsonMember& member : reader_->members()) {
      const auto named = [&](const std::unique_ptr<NestedFields>& field) {
        return field->name_ == member.name;
      };
      const auto found = std::find_if(fields_.begin(), fields_.end(), named);
      if (found == fields_.end()) {
        if (text.back() != '{') text += ',';
        text += member.name_raw;
        text += ':';
        text += member.value_raw;
        continue;
      }
      NestedFields& field = **found;
      if (field.drop_) list.was_there(*field.drop_);
      changed_ = changed_ || field.drop_ || field.set_;
      if (field.drop_ || (field.set_ && field.seen_)) continue;
      field.seen_ = true;
      if (auto error = append_member(field, &member, list, text)) return error;
      changed_ = changed_ || field.changed_;
    }
  }
  for (const auto& field : fields_) {
    if (field->seen_ || !field->sets_) continue;
    changed_ = true;
    if (auto error = append_member(*field, nullptr, list, text)) return error;
  }
  text += '}';
  if (changed_) return std::nullopt;
  text.resize(start);
  text += raw;
  return std::nullopt;
}

}  // namespace kutils

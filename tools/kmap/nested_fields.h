// The fields within a field that a list sets or drops: `user.name=E`, `-user.email`, `user.address.city=E`.
//
// Of the field's JSON only what the paths name is made again; all else is spliced as the bytes that came, and the
// whole field if nothing in it changes. A parent that is missing or null becomes an object where something in it
// is set; one that is no object is an error there. Where something is only to be dropped, there is nothing to
// drop then. Of duplicates each is dropped, and the first replaced by what is set, the others left out.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "data/json_fields.h"

namespace kutils {

class NestedFields {
 public:
  // How the list that the paths stand in makes what they set, by its number there.
  struct List {
    std::function<std::optional<RecordError>(size_t set)> append_value;
    std::function<void(size_t drop)> was_there;
  };
  explicit NestedFields(std::string name) : path_(name), name_(std::move(name)) {}

  // `path` from this field's own name on, two names or more. False: it is there already, or lies within
  // another, or another within it.
  bool set(const std::vector<std::string>& path, size_t number) { return add(path, 1, number, true); }
  bool drop(const std::vector<std::string>& path, size_t number) { return add(path, 1, number, false); }
  bool sets() const { return sets_; }  // anything

  // Appends the field's new JSON to `text`; `raw` is the one that it had, empty if it is missing. REQUIRES: a
  // missing one is asked for only if something is set. An error leaves `text` unusable.
  std::optional<RecordError> append(std::string_view raw, const List& list, std::string& text);

 private:
  bool add(const std::vector<std::string>& path, size_t at, size_t number, bool sets);
  std::optional<RecordError> append_member(NestedFields& field, const JsonMember* member, const List& list,
                                           std::string& text);

  std::string path_;  // for messages
  std::string name_;
  std::string prefix_;  // `"name":`
  std::optional<size_t> set_, drop_;
  std::vector<std::unique_ptr<NestedFields>> fields_;  // none: it is set or dropped itself
  bool sets_ = false;
  bool seen_ = false;     // in the object that append() is making
  bool changed_ = false;  // by the last append()
  FieldSet no_fields_;
  std::unique_ptr<FieldReader> reader_;
};

}  // namespace kutils

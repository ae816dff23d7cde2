// kmap and kscore: builds a new value for each record from a list, like SQL's SELECT.
//
//   a, b              these fields only
//   *, x=E            all, with x added - or replaced where it stands
//   *, -email         all but email
//   *, new=old, -old  renamed
//   =E                the whole value; null makes a tombstone
//
// Members that are not named are spliced in as the bytes that came, and so is a field that is passed on or
// renamed; only what an expression makes is written.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "expr/expressions.h"
#include "flow/topology/stage.h"

namespace kutils {

// Which of the fields that a list drops any record had; of all stages made of one plan, which may run in
// threads of their own.
struct DropsSeen {
  explicit DropsSeen(size_t drops) : seen(drops) {}
  std::atomic<bool> any_record{false};
  std::vector<std::atomic<bool>> seen;  // by place among the drops
};

struct MapPlan {
  std::string list;
  std::string what = "LIST";  // names the list in messages
  bool adds_to_all = false;   // kscore: as if `*, ` stood in front; only NAME=EXPR items
  expr::Options options;
  std::shared_ptr<DropsSeen> drops_seen = {};  // may be null
  bool keep_null = false;                      // pass records without a value on, where the list reads fields
};

// expr::parse_list(); an aggregate (`count(*)`) is answered with the tools that have it.
std::vector<expr::ListItem> map_items(const std::string& list, const std::string& what);

class MapStage final : public flow::Stage {
 public:
  explicit MapStage(const MapPlan& plan);  // throws usage_error for a bad list
  void process(const Record& record, flow::Emitter& out) override;
  std::string canonical() const;
  const std::vector<std::string>& drops() const { return drops_; }

 private:
  struct Item {
    std::string name;
    std::string prefix;  // `"name":`, escaped once
    size_t handle = 0;
    bool before_all = false;  // stands before `*`
  };

  void make_object(const Record& record, flow::Emitter& out);
  // The bytes of a field that the expression only names; nullopt: it is to be evaluated. An output is a line:
  // what spans several is written again.
  std::optional<std::string_view> passed_on(size_t handle) const;
  // Appends `"name":value`; an error leaves `text_` unusable.
  std::optional<RecordError> append_item(const Item& item);
  bool dropped(std::string_view name);

  expr::Expressions expressions_;
  std::vector<Item> items_;
  std::vector<std::string> drops_;
  bool all_ = false;
  bool keep_null_;
  std::optional<size_t> whole_;
  std::string text_;  // the value being made; kept, so that a steady flow allocates nothing
  std::shared_ptr<DropsSeen> drops_seen_;
  std::vector<bool> in_place_;  // items that replaced a member of this record
};

}  // namespace kutils

// kmap and kscore: builds a new value for each record from a list, like SQL's SELECT.
//
//   a, b              these fields only
//   *, x=E            all, with x added - or replaced where it stands
//   *, -email         all but email
//   *, new=old, -old  renamed
//   *, user.name=E    a field within a field set; -user.name drops one
//   =E                the whole value; null makes a tombstone
//
// Members that are not named are spliced in as the bytes that came, and so is a field that is passed on or
// renamed; only what an expression makes is written.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "expr/expressions.h"
#include "flow/topology/stage.h"
#include "kmap/nested_fields.h"

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
    std::string canonical;
    std::string prefix;  // `"name":`, escaped once
    size_t handle = 0;
    bool before_all = false;               // stands before `*`
    std::unique_ptr<NestedFields> nested;  // not null: not made, but changed within
  };
  struct NestedSet {
    std::string canonical;
    size_t handle;
  };

  Item* made(std::string_view name);  // null pointer: no item has the name
  Item& add(const std::string& name);
  NestedFields& nested(const expr::ListItem& item);
  [[noreturn]] void refuse_overlap(const std::string& name) const;

  void make_object(const Record& record, flow::Emitter& out);
  // The bytes of a field that the expression only names; nullopt: it is to be evaluated. An output is a line:
  // what spans several is written again.
  std::optional<std::string_view> passed_on(size_t handle) const;
  // These append to `text_`, which an error leaves unusable. append_item(): `"name":value`; `raw`: the value that
  // it has in the record, empty if none.
  std::optional<RecordError> append_value(size_t handle);
  std::optional<RecordError> append_item(const Item& item, std::string_view raw = {});
  bool dropped(std::string_view name);
  void saw_dropped(size_t drop);

  const std::string what_;
  expr::Expressions expressions_;
  std::vector<Item> items_;
  std::vector<NestedSet> nested_sets_;
  std::vector<std::string> drops_, canonical_drops_;
  std::vector<std::pair<std::string, size_t>> top_drops_;  // name, number among the drops
  bool all_ = false;
  bool keep_null_;
  std::optional<size_t> whole_;
  std::string text_;  // the value being made; kept, so that a steady flow allocates nothing
  std::shared_ptr<DropsSeen> drops_seen_;
  const NestedFields::List nested_list_;
  std::vector<bool> in_place_;  // items that replaced a member of this record
};

}  // namespace kutils

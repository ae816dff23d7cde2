// kmap and kscore: builds a new value for each record from a list, like SQL's SELECT.
//
//   a, b              these fields only
//   *, x=E            all, with x added - or replaced where it stands
//   *, -email         all but email
//   *, new=old, -old  renamed
//   k, a.*            the fields of an object, where they do not take the place of others
//   *, user.name=E    a field within a field set; -user.name drops one
//   =E                the whole value; null makes a tombstone
//
// Members that are not named are spliced in as the bytes that came, and so is a field that is passed on or
// renamed; only what an expression makes is written.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "expr/expressions.h"
#include "flow/topology/stage.h"
#include "kmap/nested_fields.h"

namespace kutils::expr {
class Context;
}

namespace kutils {

// Which of the fields that a list drops any record had; of all stages made of one plan, which may run in
// threads of their own.
struct DropsSeen {
  explicit DropsSeen(size_t drops) : seen(drops) {}
  std::atomic<bool> any_record{false};
  std::vector<std::atomic<bool>> seen;  // by place among the drops
};

// --each: a record becomes as many as EXPR's list has items, each seen under a name by the list's expressions.
struct EachItem {
  std::string text;   // `w=EXPR`, or `i, w=EXPR` with the place from 0, or a map's key
  bool left = false;  // without an item: one record, with null for the names
};

struct MapPlan {
  std::string list;
  std::string what = "LIST";  // names the list in messages
  bool adds_to_all = false;   // kscore: as if `*, ` stood in front; only NAME=EXPR items
  expr::Options options;
  std::shared_ptr<DropsSeen> drops_seen = {};  // may be null
  std::optional<EachItem> each = {};
  bool keep_null = false;               // pass records without a value on, where the list reads fields
  std::vector<std::string> given = {};  // names of values that are given for each record (kscan)
};

// expr::parse_list(); an aggregate (`count(*)`) is answered with the tools that have it.
std::vector<expr::ListItem> map_items(const std::string& list, const std::string& what);

class MapStage final : public flow::Stage {
 public:
  explicit MapStage(const MapPlan& plan);  // throws usage_error for a bad list
  ~MapStage() override;
  void process(const Record& record, flow::Emitter& out) override;
  // REQUIRES, before each process(), if the plan has names: their values as JSON, which live until it returns.
  void give(std::span<const std::string_view> values) { given_ = values; }
  std::string canonical() const;
  std::string canonical_each() const;  // REQUIRES: the plan has --each
  const std::vector<std::string>& drops() const { return drops_; }

 private:
  struct Item {
    std::string name;
    std::string canonical;
    std::string prefix;  // `"name":`, escaped once
    size_t handle = 0;
    std::optional<size_t> given;           // it is nothing but this one of the values that are given
    bool before_all = false;               // stands before `*`
    std::unique_ptr<NestedFields> nested;  // not null: not made, but changed within
  };
  // What the list names in order, where objects are spread: then all fields are gathered before they are written.
  struct Part {
    enum class Kind { all, spread, item } kind;
    size_t index = 0;  // item: among the items; spread: its expression's handle
    std::unique_ptr<FieldReader> reader = {};
  };
  struct Gathered {
    std::string_view name;
    std::string_view name_raw;            // empty: to be written anew from `name`
    std::optional<std::string_view> raw;  // the JSON that it had; else `value`
    expr::Value value = {};
    const Item* item = nullptr;  // not null: it is made by the item
  };
  struct NestedSet {
    std::string canonical;
    size_t handle;
  };

  Item* made(std::string_view name);  // null pointer: no item has the name
  Item& add(const std::string& name);
  NestedFields& nested(const expr::ListItem& item);
  std::optional<size_t> given_of(const expr::ListItem& item) const;
  [[noreturn]] void refuse_overlap(const std::string& name) const;

  std::optional<RecordError> take_given();
  void read_each(const MapPlan& plan);
  void explode(const Record& record, flow::Emitter& out);
  // These append what the list makes of the bound record to `text_`, which an error leaves unusable.
  std::optional<RecordError> make_object();
  std::optional<RecordError> make_spread();
  // A field of `*` or of an object that is spread.
  void gather(Gathered field);
  std::optional<RecordError> gather_spread(Part& part);
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
  std::string text_;  // the values being made; kept, so that a steady flow allocates nothing
  size_t start_ = 0;  // of the one being made
  std::vector<std::string> given_names_;
  std::vector<bool> given_is_read_;  // by an expression, and not only passed on
  std::span<const std::string_view> given_;
  std::unique_ptr<expr::Context> given_values_;  // its arena holds them
  std::optional<size_t> each_;
  size_t each_names_ = 0;
  bool each_left_ = false;
  std::string each_text_;
  std::vector<std::optional<size_t>> ends_;  // of the values that --each made; nullopt: a null
  std::vector<Part> parts_;
  bool spreads_ = false;
  std::vector<Gathered> gathered_;
  std::unordered_map<std::string_view, size_t> places_;  // by name, in `gathered_`
  std::deque<std::string> texts_;
  FieldSet no_fields_;
  std::shared_ptr<DropsSeen> drops_seen_;
  const NestedFields::List nested_list_;
  std::vector<bool> in_place_;  // items that replaced a member of this record
};

}  // namespace kutils

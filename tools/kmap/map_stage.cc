#include "kmap/map_stage.h"

#include <algorithm>
#include <utility>

#include "base/correction.h"
#include "data/json_write.h"
#include "expr/context.h"
#include "expr/habits.h"
#include "flow/topology/pass.h"

namespace kutils {

namespace {

// Its message shows the item, its hint the whole list.
size_t add_item(expr::Expressions& expressions, const expr::ListItem& item, const MapPlan& plan) {
  try {
    expr::InList place{plan.list.substr(0, item.position),
                       plan.list.substr(item.position + item.expression.size())};
    if (item.kind == expr::ListItem::Kind::field && !item.named) place.before += item.name + "=";
    return expressions.add(item.expression, plan.what, expr::Expect::any, place);
  } catch (const Error& error) {
    const auto fits = [&](const std::string& other) {
      try {
        expr::Options options = plan.options;
        options.warn = {};
        expr::Expressions aside(options);
        for (const std::string& name : plan.given) aside.declare(name);
        for (const expr::ListItem& one :
             expr::parse_list(other, plan.what, expr::Unnamed::refused, expr::Paths::allowed))
          if (!one.expression.empty() && one.kind != expr::ListItem::Kind::command)
            aside.add(one.expression, plan.what);
        return true;
      } catch (const Error&) {
        return false;
      }
    };
    std::string hint = expr::with_our_spelling(error.hint(), plan.list, true, fits);
    if (hint == error.hint() && hint.rfind("write: ", 0) == 0) {
      // Of this item alone; behind the change it has no name of its own.
      const std::string named = expr::named_spelling(plan.list, item.position, fits);
      if (!named.empty()) hint = "write: " + named;
    }
    throw Error(error.code(), error.what(), hint);
  }
}

bool is_plain(std::string_view name) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !name.empty() && !(name[0] >= '0' && name[0] <= '9') && std::all_of(name.begin(), name.end(), plain);
}

// The item's name as a list that means the same has it. A top-level name stands as it is, as ever, unless it would
// read as a path.
std::string canonical_name(const expr::ListItem& item) {
  if (item.path.empty() && item.name.find('.') == std::string::npos) return item.name;
  std::string out;
  for (const std::string& name : item.path.empty() ? std::vector{item.name} : item.path) {
    if (!out.empty()) out += '.';
    if (is_plain(name))
      out += name;
    else
      append_json_string(name, out);
  }
  return out;
}

}  // namespace

std::vector<expr::ListItem> map_items(const std::string& list, const std::string& what) {
  try {
    return expr::parse_list(list, what, expr::Unnamed::refused, expr::Paths::allowed);
  } catch (const Error& error) {
    // `jq -c .items`, without the | of a co-process.
    for (const char* program :
         {"jq ", "sed ", "awk ", "grep ", "tr ", "cut ", "perl ", "python3 ", "python "})
      if (list.starts_with(program))
        throw CorrectedError(error.what(), {.before = "a program stands behind a |: ", .spec = "| " + list});
    const std::string& hint = error.hint();
    if (hint.find("count()") == std::string::npos || hint.find("ktable ") != std::string::npos) throw;
    throw Error(error.code(), error.what(), expr::aggregate_hint("count"));
  }
}

MapStage::MapStage(const MapPlan& plan)
    : what_(plan.what),
      expressions_(plan.options),
      keep_null_(plan.keep_null),
      each_left_(plan.each && plan.each->left),
      drops_seen_(plan.drops_seen),
      nested_list_{[this](size_t set) { return append_value(nested_sets_[set].handle); },
                   [this](size_t drop) { saw_dropped(drop); }} {
  using Kind = expr::ListItem::Kind;
  if (plan.each) read_each(plan);
  for (const std::string& name : plan.given) expressions_.declare(name);
  given_names_ = plan.given;
  given_is_read_.assign(given_names_.size(), false);
  if (!given_names_.empty()) given_values_ = std::make_unique<expr::Context>();
  const std::vector<expr::ListItem> list = map_items(plan.list, plan.what);
  all_ = plan.adds_to_all;
  for (const expr::ListItem& item : list) {
    const bool plain = item.kind == Kind::field;
    if (plan.adds_to_all && !(plain && item.named)) {
      throw usage_error(plan.what + ": every item must be NAME=EXPR" +
                            (item.expression.empty() ? "" : ", and '" + item.expression + "' has no name"),
                        "to drop, rename or choose fields use kmap");
    }
    switch (item.kind) {
      case Kind::all:
        if (all_) throw usage_error(plan.what + ": '*' stands twice");
        all_ = true;
        parts_.push_back({Part::Kind::all});
        for (Item& earlier : items_) earlier.before_all = !earlier.nested;
        break;
      case Kind::spread:
        spreads_ = true;
        parts_.push_back({Part::Kind::spread, add_item(expressions_, item, plan),
                          std::make_unique<FieldReader>(no_fields_)});
        parts_.back().reader->want_members();
        break;
      case Kind::drop:
        if (!item.path.empty()) {
          if (!nested(item).drop(item.path, drops_.size())) refuse_overlap(item.name);
        } else {
          top_drops_.emplace_back(item.name, drops_.size());
        }
        drops_.push_back(item.name);
        canonical_drops_.push_back("-" + canonical_name(item));
        break;
      case Kind::whole:
        if (list.size() > 1) throw usage_error(plan.what + ": '=EXPR' is the whole value and stands alone");
        whole_ = add_item(expressions_, item, plan);
        break;
      case Kind::command:
        throw usage_error(plan.what + ": '| CMD' stands alone");
      case Kind::field: {
        if (item.name.empty()) {
          throw usage_error(plan.what + ": '" + item.expression + "' needs a name",
                            "write NAME=" + item.expression);
        }
        if (!item.path.empty()) {
          const size_t handle = add_item(expressions_, item, plan);
          if (!nested(item).set(item.path, nested_sets_.size())) refuse_overlap(item.name);
          nested_sets_.push_back({canonical_name(item), handle});
          break;
        }
        if (Item* other = made(item.name)) {
          if (other->nested) refuse_overlap(item.name);
          throw usage_error(plan.what + ": the field '" + item.name + "' is made twice");
        }
        parts_.push_back({Part::Kind::item, items_.size()});
        Item& added = add(item.name);
        added.canonical = canonical_name(item);
        added.handle = add_item(expressions_, item, plan);
        added.given = given_of(item);
        break;
      }
    }
  }
  if (!drops_.empty() && !all_ && !spreads_) {
    throw usage_error(plan.what + ": '-" + drops_[0] + "' drops a field of '*', which is not in the list",
                      "write '*, -" + drops_[0] + "'");
  }
  for (const auto& [name, number] : top_drops_) {
    const Item* item = made(name);
    if (item && item->nested) refuse_overlap(name);
    if (item) throw usage_error(plan.what + ": the field '" + name + "' is both made and dropped");
  }
  if (all_) expressions_.want_members();
  // A name may also stand for a field (x.n) or a variable of its own ([1].map(n, n)); then the value is set in vain.
  for (const expr::ListItem& item : list)
    if (item.kind != Kind::drop && item.kind != Kind::all && !given_of(item))
      for (size_t i = 0; i < given_names_.size(); ++i)
        if (item.expression.find(given_names_[i]) != std::string::npos) given_is_read_[i] = true;
}

// The value that is given under the item's expression, if that is nothing else.
std::optional<size_t> MapStage::given_of(const expr::ListItem& item) const {
  if (item.kind != expr::ListItem::Kind::field || !item.path.empty()) return std::nullopt;
  const auto found = std::find(given_names_.begin(), given_names_.end(), item.expression);
  if (found == given_names_.end()) return std::nullopt;
  return static_cast<size_t>(found - given_names_.begin());
}

std::optional<RecordError> MapStage::take_given() {
  given_values_->arena.reset();
  given_values_->restart();
  try {
    for (size_t i = 0; i < given_names_.size(); ++i) {
      if (!given_is_read_[i]) continue;
      const expr::Value value = given_values_->json(given_[i]);
      if (value.is_error())
        return RecordError{value.as_error().reason, std::string(value.as_error().message)};
      expressions_.set(i, value);
    }
  } catch (const expr::LimitExceeded& limit) {
    return RecordError{Reason::expression, std::string(limit.message)};
  }
  return std::nullopt;
}

MapStage::Item* MapStage::made(std::string_view name) {
  const auto same = [&](const Item& item) { return item.name == name; };
  const auto found = std::find_if(items_.begin(), items_.end(), same);
  return found == items_.end() ? nullptr : &*found;
}

MapStage::Item& MapStage::add(const std::string& name) {
  Item& item = items_.emplace_back();
  item.name = name;
  append_json_string(name, item.prefix);
  item.prefix += ':';
  return item;
}

void MapStage::refuse_overlap(const std::string& name) const {
  throw usage_error(
      what_ + ": '" + name + "' is made or dropped, and so is a field around it or within it",
      "leave one of the two out: 'user=E' makes all of user, 'user.name=E' sets one field of it");
}

// What changes within the field that the item's path begins with.
NestedFields& MapStage::nested(const expr::ListItem& item) {
  Item* known = made(item.path[0]);
  if (known && !known->nested) refuse_overlap(item.name);
  if (!known) known = &add(item.path[0]);
  if (!known->nested) known->nested = std::make_unique<NestedFields>(item.path[0]);
  return *known->nested;
}

MapStage::~MapStage() = default;

std::string MapStage::canonical() const {
  if (whole_) return "=" + expressions_.canonical(*whole_);
  std::string out;
  const auto add = [&](const std::string& item) { out += (out.empty() ? "" : ", ") + item; };
  for (const Part& part : parts_) {
    if (!spreads_) break;
    if (part.kind == Part::Kind::all) add("*");
    if (part.kind == Part::Kind::spread) add(expressions_.canonical(part.index) + ".*");
    if (part.kind == Part::Kind::item)
      add(items_[part.index].canonical + "=" + expressions_.canonical(items_[part.index].handle));
  }
  bool all_said = !all_ || spreads_;
  for (const Item& item : items_) {
    if (spreads_) break;
    if (!all_said && !item.before_all) {
      add("*");
      all_said = true;
    }
    if (!item.nested) add(item.canonical + "=" + expressions_.canonical(item.handle));
  }
  if (!all_said) add("*");
  for (const auto& [path, handle] : nested_sets_) add(path + "=" + expressions_.canonical(handle));
  for (const std::string& drop : canonical_drops_) add(drop);
  return out;
}

bool MapStage::dropped(std::string_view name) {
  const auto same = [&](const auto& drop) { return drop.first == name; };
  const auto found = std::find_if(top_drops_.begin(), top_drops_.end(), same);
  if (found == top_drops_.end()) return false;
  saw_dropped(found->second);
  return true;
}

void MapStage::saw_dropped(size_t drop) {
  if (!drops_seen_) return;
  auto& seen = drops_seen_->seen[drop];
  if (!seen.load(std::memory_order_relaxed)) seen.store(true, std::memory_order_relaxed);
}

void MapStage::process(const Record& record, flow::Emitter& out) {
  const bool reads_value = all_ || expressions_.reads_fields();
  if (record.value.is_null() && reads_value) {
    if (keep_null_) {
      out.emit(&record, flow::pass(record));
    } else {
      out.drop(record, flow::DropReason::tombstone);
    }
    return;
  }
  if (auto error = expressions_.bind(record)) return out.fail(record, std::move(*error));
  text_.clear();
  start_ = 0;
  if (each_) return explode(record, out);
  if (!given_names_.empty())
    if (auto error = take_given()) return out.fail(record, std::move(*error));

  Output output = flow::pass(record);
  if (!whole_) {
    if (auto error = make_object()) return out.fail(record, std::move(*error));
    output.value = MaybeBytes(text_);
    return out.emit(&record, output);
  }
  if (const auto raw = passed_on(*whole_); raw && *raw != "null") {
    output.value = MaybeBytes(*raw);
    return out.emit(&record, output);
  }
  Result<expr::Value> value = expressions_.get(*whole_);
  if (!value) return out.fail(record, std::move(value.error()));
  if (value->is_null()) {
    output.value = MaybeBytes();
  } else {
    if (auto error = expr::append_json(*value, text_)) return out.fail(record, std::move(*error));
    output.value = MaybeBytes(text_);
  }
  out.emit(&record, output);
}

std::optional<std::string_view> MapStage::passed_on(size_t handle) const {
  const auto raw = expressions_.raw_json(handle);
  if (!raw) return std::nullopt;
  // Only within lists and objects is there white space.
  const bool is_nested = raw->front() == '{' || raw->front() == '[';
  if (is_nested && (raw->find('\n') != raw->npos || raw->find('\r') != raw->npos)) return std::nullopt;
  return raw;
}

std::optional<RecordError> MapStage::append_value(size_t handle) {
  if (const auto raw = passed_on(handle)) {
    text_ += *raw;
    return std::nullopt;
  }
  Result<expr::Value> value = expressions_.get(handle);
  if (!value) return std::move(value.error());
  return expr::append_json(*value, text_);
}

std::optional<RecordError> MapStage::append_item(const Item& item, std::string_view raw) {
  if (item.nested && raw.empty() && !item.nested->sets()) return std::nullopt;
  if (text_.size() > start_ + 1) text_ += ',';
  text_ += item.prefix;
  if (item.nested) return item.nested->append(raw, nested_list_, text_);
  if (!item.given) return append_value(item.handle);
  text_ += given_[*item.given];
  return std::nullopt;
}

namespace {

// Members that are taken as they are. Those that stand next to each other in the record, with nothing but the comma
// and the colon between, are copied at once.
class JsonRun {
 public:
  explicit JsonRun(std::string& text) : text_(text) {}
  // `follows`: something stands before it in the object.
  void add(const JsonMember& member, bool follows) {
    const char* const name = member.name_raw.data();
    const char* const colon = name + member.name_raw.size();
    const bool is_tight = colon + 1 == member.value_raw.data() && *colon == ':';
    if (begin_ && is_tight && name == end_ + 1 && *end_ == ',') {
      end_ = member.value_raw.data() + member.value_raw.size();
      return;
    }
    if (follows || begin_) {
      end();
      text_ += ',';
    }
    if (is_tight) {
      begin_ = name;
      end_ = member.value_raw.data() + member.value_raw.size();
      return;
    }
    text_ += member.name_raw;
    text_ += ':';
    text_ += member.value_raw;
  }
  void end() {
    if (begin_) text_.append(begin_, end_);
    begin_ = end_ = nullptr;
  }

 private:
  std::string& text_;
  const char* begin_ = nullptr;  // of those that are not copied yet
  const char* end_ = nullptr;
};

}  // namespace

std::optional<RecordError> MapStage::make_object() {
  if (all_ && !expressions_.value_is_object())
    return RecordError{Reason::not_an_object,
                       "'*' means all fields of an object, and this value is not an object"};
  if (all_ && drops_seen_ && !drops_seen_->any_record.load(std::memory_order_relaxed))
    drops_seen_->any_record.store(true, std::memory_order_relaxed);
  if (spreads_) return make_spread();
  in_place_.assign(items_.size(), false);
  text_ += '{';
  if (all_) {
    for (const Item& item : items_) {
      if (!item.before_all) break;
      if (auto error = append_item(item)) return error;
    }
    JsonRun run(text_);
    for (const JsonMember& member : expressions_.members()) {
      if (dropped(member.name)) continue;
      const auto item =
          std::find_if(items_.begin(), items_.end(), [&](const Item& i) { return i.name == member.name; });
      if (item == items_.end()) {
        run.add(member, text_.size() > start_ + 1);
        continue;
      }
      run.end();
      const auto index = static_cast<size_t>(item - items_.begin());
      if (item->before_all || (in_place_[index] && !item->nested)) continue;
      in_place_[index] = true;
      if (auto error = append_item(*item, member.value_raw)) return error;
    }
    run.end();
  }
  for (size_t i = 0; i < items_.size(); ++i) {
    if (items_[i].before_all || in_place_[i]) continue;
    if (auto error = append_item(items_[i])) return error;
  }
  text_ += '}';
  return std::nullopt;
}

}  // namespace kutils

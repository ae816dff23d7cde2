#include "flow/aggregate/aggregate_set.h"

#include <algorithm>

#include "data/json_write.h"

namespace kutils::flow {
namespace {

// "count, sum and avg": the functions of the registry that can do something.
template <typename Can>
std::string names_of(const Can& can) {
  std::vector<std::string> names;
  for (const AggregateFunction& function : aggregate_functions())
    if (can(*make_aggregate(function, {"", function.name, "", {1}, "", "", "", "", true})))
      names.push_back(function.name);
  std::string text;
  for (size_t i = 0; i < names.size(); ++i)
    text += (i == 0 ? "" : i + 1 == names.size() ? " and " : ", ") + names[i];
  return text;
}

}  // namespace

AggregateSet::AggregateSet(std::vector<AggregateItem> items, bool in_front) : items_(std::move(items)) {
  for (const AggregateItem& item : items_) {
    const AggregateFunction* function = find_aggregate_function(item.function);
    if (function == nullptr) throw usage_error("no aggregate is called " + item.function + "()");
    for (const AggregateItem& other : items_)
      if (&other != &item && other.name == item.name)
        throw usage_error("two aggregates are called '" + item.name + "'",
                          "give one of them another name: NAME=" + item.function + "(...)");
    Slot slot;
    slot.aggregate = make_aggregate(*function, item);
    if (auto front = in_front ? slot.aggregate->front() : nullptr) slot.aggregate = std::move(front);
    slot.offset = state_size_;
    append_json_string(item.name, slot.label);
    slot.label += ':';
    slot.may_refuse = slot.aggregate->may_refuse();
    slot.folds = slot.aggregate->folds();
    slot.part = slot.aggregate->has_unmerge() ? Part::unmerging
                : slot.aggregate->choice()    ? Part::chosen
                                              : Part::others;
    may_refuse_ |= slot.may_refuse;
    state_size_ += (slot.aggregate->state_size() + 15) / 16 * 16;
    slots_.push_back(std::move(slot));
  }
}

void AggregateSet::require_merge(std::string_view who) const {
  for (size_t i = 0; i < slots_.size(); ++i)
    if (!slots_[i].aggregate->has_merge())
      throw usage_error(items_[i].function + "() cannot be merged, which " + std::string(who) + " need",
                        "use it with tumbling, hopping or calendar windows");
}

void AggregateSet::require_subtract(std::string_view who) const {
  for (size_t i = 0; i < slots_.size(); ++i)
    if (!slots_[i].aggregate->has_subtract())
      throw usage_error(
          items_[i].function + "() cannot take a value back, which " + std::string(who) + " need",
          names_of([](const Aggregate& aggregate) { return aggregate.has_subtract(); }) + " can");
}

void AggregateSet::init(char* state) const {
  for (const Slot& slot : slots_) slot.aggregate->init(state + slot.offset);
}
void AggregateSet::destroy(char* state) const {
  for (const Slot& slot : slots_) slot.aggregate->destroy(state + slot.offset);
}

std::optional<RecordError> AggregateSet::can_add(const char* state,
                                                 std::span<const Argument> arguments) const {
  if (!may_refuse_) return std::nullopt;
  for (size_t i = 0; i < slots_.size(); ++i) {
    const Slot& slot = slots_[i];
    if (!slot.may_refuse || !arguments[i].present) continue;
    const char* own = state + slot.offset;
    if (auto refused = slot.folds ? arguments[i].successor->work_out(own, slot.aggregate->accumulated(own))
                                  : slot.aggregate->can_add(own, arguments[i].scalar))
      return refused;
  }
  return std::nullopt;
}

void AggregateSet::add_checked(char* state, std::span<const Argument> arguments) const {
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (!arguments[i].present) continue;
    const Slot& slot = slots_[i];
    char* own = state + slot.offset;
    if (slot.folds) {
      slot.aggregate->replace(own, arguments[i].successor->result(own));
    } else {
      slot.aggregate->add(own, arguments[i].scalar);
    }
  }
}

std::optional<RecordError> AggregateSet::add(char* state, std::span<const Argument> arguments) const {
  if (auto refused = can_add(state, arguments)) return refused;
  add_checked(state, arguments);
  return std::nullopt;
}

std::optional<RecordError> AggregateSet::subtract(char* state, std::span<const Argument> arguments) const {
  for (size_t i = 0; i < slots_.size(); ++i)
    if (arguments[i].present)
      if (auto refused = slots_[i].aggregate->can_subtract(state + slots_[i].offset, arguments[i].scalar))
        return refused;
  for (size_t i = 0; i < slots_.size(); ++i)
    if (arguments[i].present) slots_[i].aggregate->subtract(state + slots_[i].offset, arguments[i].scalar);
  return std::nullopt;
}

std::optional<RecordError> AggregateSet::merge(char* into, const char* from) const {
  for (const Slot& slot : slots_)
    if (auto refused = slot.aggregate->merge(into + slot.offset, from + slot.offset)) return refused;
  return std::nullopt;
}

void AggregateSet::absorb(char* into, char* from) const {
  for (const Slot& slot : slots_) slot.aggregate->absorb(into + slot.offset, from + slot.offset);
}

bool AggregateSet::has(Part part) const {
  return std::any_of(slots_.begin(), slots_.end(), [&](const Slot& slot) { return slot.part == part; });
}

std::optional<RecordError> AggregateSet::merge(Part part, char* into, const char* from) const {
  for (const Slot& slot : slots_)
    if (slot.part == part)
      if (auto refused = slot.aggregate->merge(into + slot.offset, from + slot.offset)) return refused;
  return std::nullopt;
}

std::optional<RecordError> AggregateSet::merge_part(Part part, char* into, const char* from) const {
  for (const Slot& slot : slots_)
    if (slot.part == part)
      if (auto refused = slot.aggregate->merge_part(into + slot.offset, from + slot.offset)) return refused;
  return std::nullopt;
}

std::optional<RecordError> AggregateSet::merge(size_t item, char* into, const char* from) const {
  return slots_[item].aggregate->merge(into + slots_[item].offset, from + slots_[item].offset);
}

void AggregateSet::unmerge(char* into, const char* from) const {
  for (const Slot& slot : slots_)
    if (slot.part == Part::unmerging) slot.aggregate->unmerge(into + slot.offset, from + slot.offset);
}

void AggregateSet::subtract_last(char* state, std::span<const Argument> arguments) const {
  for (size_t i = 0; i < slots_.size(); ++i)
    if (slots_[i].part == Part::unmerging && arguments[i].present)
      slots_[i].aggregate->subtract(state + slots_[i].offset, arguments[i].scalar);
}

void AggregateSet::encode(Part part, const char* state, std::string& out) const {
  for (const Slot& slot : slots_)
    if (slot.part == part) slot.aggregate->encode(state + slot.offset, out);
}

void AggregateSet::decode(Part part, char* state, Reader& in) const {
  for (const Slot& slot : slots_)
    if (slot.part == part) slot.aggregate->decode(state + slot.offset, in);
}

void AggregateSet::reset(Part part, char* state) const {
  for (const Slot& slot : slots_) {
    if (slot.part != part) continue;
    slot.aggregate->destroy(state + slot.offset);
    slot.aggregate->init(state + slot.offset);
  }
}

std::optional<RecordError> AggregateSet::merge_front(char* into, const AggregateSet& front,
                                                     const char* from) const {
  for (size_t i = 0; i < slots_.size(); ++i)
    if (auto refused =
            slots_[i].aggregate->merge_front(into + slots_[i].offset, from + front.slots_[i].offset))
      return refused;
  return std::nullopt;
}

double AggregateSet::reach(std::span<const Argument> arguments) const {
  double sum = 0;
  if (!may_refuse_) return sum;
  for (size_t i = 0; i < slots_.size(); ++i)
    if (slots_[i].may_refuse && arguments[i].present) sum += slots_[i].aggregate->reach(arguments[i].scalar);
  return sum;
}

void AggregateSet::add_risks(const char* state, std::span<MergeRisk> risks) const {
  for (size_t i = 0; i < slots_.size(); ++i)
    slots_[i].aggregate->add_risk(state + slots_[i].offset, risks[i]);
}

void AggregateSet::result(const char* state, std::string& json) const {
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (i > 0) json += ',';
    result(i, state, json);
  }
}

void AggregateSet::result(size_t item, const char* state, std::string& json) const {
  json += slots_[item].label;
  slots_[item].aggregate->result(state + slots_[item].offset, json);
}

void AggregateSet::encode(const char* state, std::string& out) const {
  for (const Slot& slot : slots_) slot.aggregate->encode(state + slot.offset, out);
}

void AggregateSet::decode(char* state, Reader& in) const {
  for (const Slot& slot : slots_) slot.aggregate->decode(state + slot.offset, in);
}

}  // namespace kutils::flow

// MapStage's lists with `EXPR.*`: all fields are gathered before they are written, because a later one may take
// the place of an earlier.
#include "data/json_write.h"
#include "kmap/map_stage.h"

namespace kutils {

void MapStage::gather(Gathered field) {
  if (!field.item && dropped(field.name)) return;
  const auto [place, is_new] = places_.try_emplace(field.name, gathered_.size());
  if (is_new) {
    gathered_.push_back(field);
  } else if (Gathered& earlier = gathered_[place->second]; !earlier.item) {
    field.name = earlier.name;  // the map's key
    earlier = field;
  }
}

std::optional<RecordError> MapStage::gather_spread(Part& part) {
  std::optional<std::string_view> raw = expressions_.raw_json(part.index);
  if (!raw || raw->front() != '{') {
    const Result<expr::Value> value = expressions_.get(part.index);
    if (!value) return RecordError(value.error());
    if (value->is_null()) return std::nullopt;
    if (value->kind() != expr::Kind::map)
      return RecordError{Reason::wrong_type,
                         what_ + ": '" + expressions_.canonical(part.index) + ".*' spreads " +
                             std::string(expr::friendly_name(value->kind())) + ", and only a map has fields"};
    const expr::MapValue& map = value->as_map();
    if (map.raw.empty()) {
      for (const expr::MapEntry& entry : map) {
        Gathered field;
        if (entry.key.kind() == expr::Kind::string) {
          field.name = entry.key.as_string();
        } else {
          std::string& text = texts_.emplace_back();
          if (auto error = expr::append_text(entry.key, text)) return error;
          field.name = text;
        }
        field.value = entry.value;
        gather(field);
      }
      return std::nullopt;
    }
    raw = map.raw;
  }
  if (auto error = part.reader->read(*raw)) return error;
  for (const JsonMember& member : part.reader->members()) {
    Gathered field;
    field.name = member.name;
    field.name_raw = member.name_raw;
    field.raw = member.value_raw;
    gather(field);
  }
  return std::nullopt;
}

std::optional<RecordError> MapStage::make_spread() {
  gathered_.clear();
  places_.clear();
  texts_.clear();
  const auto make_by_item = [&](const Item& item) {
    const auto [place, is_new] = places_.try_emplace(item.name, gathered_.size());
    if (is_new) {
      gathered_.emplace_back().name = item.name;
    }
    gathered_[place->second].item = &item;
  };
  for (Part& part : parts_) {
    switch (part.kind) {
      case Part::Kind::all:
        for (const JsonMember& member : expressions_.members()) {
          Gathered field;
          field.name = member.name;
          field.name_raw = member.name_raw;
          field.raw = member.value_raw;
          gather(field);
        }
        break;
      case Part::Kind::spread:
        if (auto error = gather_spread(part)) return error;
        break;
      case Part::Kind::item:
        make_by_item(items_[part.index]);
        break;
    }
  }
  // Last, for they change what is there then.
  for (const Item& item : items_) {
    if (!item.nested) continue;
    const auto place = places_.find(item.name);
    if (place == places_.end() && !item.nested->sets()) continue;
    if (place != places_.end() && !gathered_[place->second].raw) {
      std::string& text = texts_.emplace_back();
      if (auto error = expr::append_json(gathered_[place->second].value, text)) return error;
      gathered_[place->second].raw = text;
    }
    make_by_item(item);
  }
  text_ += '{';
  for (const Gathered& field : gathered_) {
    if (field.item) {
      if (auto error = append_item(*field.item, field.raw.value_or(std::string_view()))) return error;
      continue;
    }
    if (text_.size() > start_ + 1) text_ += ',';
    if (field.name_raw.empty())
      append_json_string(field.name, text_);
    else
      text_ += field.name_raw;
    text_ += ':';
    if (field.raw) {
      text_ += *field.raw;
    } else if (auto error = expr::append_json(field.value, text_)) {
      return error;
    }
  }
  text_ += '}';
  return std::nullopt;
}

}  // namespace kutils

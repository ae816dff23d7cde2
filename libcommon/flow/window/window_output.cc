#include "flow/window/window_output.h"

#include <algorithm>

#include "base/time_format.h"
#include "data/json_write.h"
#include "flow/aggregate/json_elements.h"
#include "flow/topology/fail_result.h"
#include "state/state_error.h"
#include "state/state_format.h"

namespace kutils::flow {

std::vector<std::string> make_labels(const std::vector<std::string>& names) {
  std::vector<std::string> labels;
  for (const std::string& name : names) {
    std::string label;
    append_json_string(name, label);
    label += ':';
    labels.push_back(std::move(label));
  }
  return labels;
}

void append_key_fields(std::string_view key, bool is_text, const std::vector<std::string>& labels,
                       std::string& out) {
  if (labels.empty()) return;
  if (labels.size() == 1) {
    out += labels[0];
    if (is_text) {
      append_json_string(key, out);
    } else {
      out += key;
    }
    out += ',';
    return;
  }
  size_t at = 0;
  for_each_json_element(key, [&](std::string_view element) {
    if (at == labels.size()) return false;
    out.append(labels[at++]).append(element).push_back(',');
    return true;
  });
}

WindowOutput::WindowOutput(const AggregateSet& set, OutputFormat format)
    : set_(set), format_(std::move(format)), key_labels_(make_labels(format_.key_names)), shape_(set) {}

void WindowOutput::note_shown(state::Store& store, int64_t closes_after) {
  if (!shape_.has_condition()) return;
  store_ = &store;
  closes_after_ = closes_after;
  find_first_end();
}

void WindowOutput::find_first_end() {
  first_end_ = INT64_MAX;
  store_->scan(std::string(1, state::kViewRow), std::string(1, state::kViewRow + 1),
               [this](std::string_view key, std::string_view) {
                 if (key.size() < 17)
                   throw state::CorruptState("a shown window's key in the state is too short");
                 first_end_ = get_ordered(key.substr(1));
                 return false;
               });
}

void WindowOutput::forget_closed(int64_t now) {
  if (store_ == nullptr || now == state::kNoTime || first_end_ > now - closes_after_) return;
  std::string to(1, state::kViewRow);
  put_ordered(to, now - closes_after_ + 1);
  std::vector<std::string> keys;
  store_->scan(std::string(1, state::kViewRow), to, [&](std::string_view key, std::string_view) {
    keys.emplace_back(key);
    return true;
  });
  for (const std::string& key : keys) store_->erase(key);
  find_first_end();
}

bool WindowOutput::was_shown(const Window& window) {
  shown_.assign(1, state::kViewRow);
  put_ordered(shown_, window.end);
  put_ordered(shown_, window.start);
  shown_.append(window.key);
  return store_->get(shown_).has_value();
}

void WindowOutput::append_time(int64_t ms, std::string& to) const {
  if (format_.times_as_ms) {
    append_json_int(ms, to);
    return;
  }
  to += '"';
  append_iso_ms(ms, to);
  to += '"';
}

void WindowOutput::begin(const Window& window) {
  value_ = '{';
  append_key_fields(window.key, window.key_is_text, key_labels_, value_);
  value_ += "\"window_start\":";
  append_time(window.start, value_);
  value_ += ",\"window_end\":";
  append_time(window.end, value_);
}

void WindowOutput::emit(const Record* origin, const Window& window, int64_t time, const char* state,
                        Emitter& out) {
  begin(window);
  value_ += ',';
  const Result<bool> shows = shape_.finish(window.key, time, state, value_);
  if (!shows) return fail_result(origin, window.key, std::string_view(value_), time, shows.error(), out);
  if (!*shows) return retract(origin, window, out);
  send(origin, window, time, std::string_view(value_), out);
  if (store_ == nullptr || out.refused() || was_shown(window)) return;
  store_->put(shown_, {});
  first_end_ = std::min(first_end_, window.end);
}

void WindowOutput::retract(const Record* origin, const Window& window, Emitter& out) {
  if (!shape_.has_condition()) return take_back(origin, window, out);
  if (store_ == nullptr || !was_shown(window)) return;
  take_back(origin, window, out);
  if (!out.refused()) store_->erase(shown_);
}

void WindowOutput::take_back(const Record* origin, const Window& window, Emitter& out) {
  if (format_.windowed_key) {
    send(origin, window, window.end, MaybeBytes(), out);
    return;
  }
  begin(window);
  value_ += ",\"_deleted\":true}";
  send(origin, window, window.end, std::string_view(value_), out);
}

void WindowOutput::send(const Record* origin, const Window& window, int64_t time, MaybeBytes value,
                        Emitter& out) {
  Output output;
  output.value = value;
  output.timestamp = time;
  output.is_result = true;
  if (format_.windowed_key) {
    key_ = '[';
    if (!format_.key_names.empty()) {
      if (window.key_is_text) {
        append_json_string(window.key, key_);
      } else {
        key_ += window.key;
      }
      key_ += ',';
    }
    append_time(window.start, key_);
    if (format_.bounds_in_key) {
      key_ += ',';
      append_time(window.end, key_);
    }
    key_ += ']';
    output.key = std::string_view(key_);
  } else if (!format_.key_names.empty()) {
    output.key = window.key;
  }
  out.emit(origin, output);
}

}  // namespace kutils::flow

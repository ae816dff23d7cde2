#include "flow/window/window_output.h"

#include "base/time_format.h"
#include "data/json_write.h"
#include "flow/aggregate/json_elements.h"

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
    : set_(set), format_(std::move(format)), key_labels_(make_labels(format_.key_names)) {}

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
  set_.result(state, value_);
  value_ += '}';
  send(origin, window, time, std::string_view(value_), out);
}

void WindowOutput::retract(const Record* origin, const Window& window, Emitter& out) {
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

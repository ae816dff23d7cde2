#include "base/error.h"

namespace kutils {

const char* to_string(Reason reason) {
  switch (reason) {
    case Reason::not_json:
      return "not JSON";
    case Reason::not_an_object:
      return "not a JSON object";
    case Reason::missing_field:
      return "missing field";
    case Reason::wrong_type:
      return "wrong type";
    case Reason::expression:
      return "failed expression";
    case Reason::not_boolean:
      return "not a boolean";
    case Reason::no_key:
      return "no key";
    case Reason::bad_time:
      return "no usable time";
    case Reason::bad_codec:
      return "codec";
    case Reason::bad_line:
      return "unreadable line";
    case Reason::too_large:
      return "too large";
    case Reason::refused_by_topic:
      return "refused by the topic";
    case Reason::overflow:
      return "overflow";
    case Reason::not_expressible:
      return "unfit for the output format";
    case Reason::co_process:
      return "co-process";
  }
  return "unknown";
}

}  // namespace kutils

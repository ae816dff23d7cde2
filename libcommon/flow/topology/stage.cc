#include "flow/topology/stage.h"

namespace kutils::flow {

const char* to_string(DropReason reason) {
  switch (reason) {
    case DropReason::filtered:
      return "filtered";
    case DropReason::tombstone:
      return "tombstone";
    case DropReason::null_argument:
      return "null argument";
    case DropReason::late:
      return "late";
    case DropReason::duplicate:
      return "duplicate";
  }
  return "unknown";
}

}  // namespace kutils::flow

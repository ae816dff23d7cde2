// What a backend may offer besides: to look at a part of its rows for less than at all of them.
#pragma once

#include <memory>
#include <string_view>

#include "state/backend.h"

namespace kutils::state {

class RangeCursors {
 public:
  virtual ~RangeCursors() = default;
  // Over the rows in [from, to) as they are now; an empty `to`: to the end. It stands at the first one. From `to`
  // on it may go on, with rows as the database has them, without what is still to be written: the caller ends
  // there. To be called by the thread that owns the backend.
  virtual std::unique_ptr<Cursor> cursor_within(std::string_view from, std::string_view to) = 0;
};

}  // namespace kutils::state

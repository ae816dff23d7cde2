#include "flow/table/row_change.h"

#include <limits>

#include "flow/table/source_rows.h"

namespace kutils::flow {
namespace {

constexpr uint8_t kTakesBack = 1;
constexpr uint8_t kAdds = 2;
constexpr uint8_t kText = 4;

}  // namespace

void encode(const RowChange& change, std::string& out) {
  out.push_back(static_cast<char>((change.takes_back ? kTakesBack : 0) | (change.adds ? kAdds : 0) |
                                  (change.group_is_text ? kText : 0)));
  put_signed(out, change.source);
  put_bytes(out, change.row);
  if (change.takes_back) encode_arguments(change.taken, out);
  if (change.adds) encode_arguments(change.added, out);
}

bool decode(std::string_view bytes, ReadArguments& taken, ReadArguments& added, RowChange& change) {
  Reader in(bytes);
  const uint8_t flags = in.byte();
  change.takes_back = (flags & kTakesBack) != 0;
  change.adds = (flags & kAdds) != 0;
  change.group_is_text = (flags & kText) != 0;
  const int64_t source = in.signed_varint();
  change.source = static_cast<int32_t>(source);
  change.row = in.bytes();
  change.taken = taken.view();
  change.added = added.view();
  if (change.takes_back) taken.read(in);
  if (change.adds) added.read(in);
  return in.ok() && in.at_end() && (flags & ~(kTakesBack | kAdds | kText)) == 0 &&
         (change.takes_back || change.adds) && source >= 0 && source <= std::numeric_limits<int32_t>::max();
}

}  // namespace kutils::flow

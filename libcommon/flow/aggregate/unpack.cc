#include "flow/aggregate/unpack.h"

#include <charconv>
#include <vector>

#include "base/varint.h"
#include "flow/aggregate/apart_emitter.h"

namespace kutils::flow {

void unpack(const Record& pack, const GroupedRecord& grouped, Emitter& out,
            const std::function<void(const Record& one, Emitter& out)>& process) {
  // Source partition, source offset, what says that they are pieces.
  std::vector<Header> headers(pack.headers.begin(), pack.headers.end());
  int64_t first = 0;
  if (headers.size() >= 3) {
    const std::string_view text = headers[headers.size() - 2].value.view();
    std::from_chars(text.data(), text.data() + text.size(), first);
  }
  ApartEmitter apart(pack, grouped, out);
  char offset[24];
  Record one = pack;
  one.headers = headers;
  one.timestamp = 0;
  for (Reader in(pack.value.view()); !in.at_end();) {
    one.key = MaybeBytes(in.bytes());
    const int64_t from = first + in.signed_varint();
    one.timestamp += in.signed_varint();
    one.value = MaybeBytes(in.bytes());
    if (!in.ok() || headers.size() < 3) {
      out.fail(pack,
               {Reason::bad_codec,
                "not the combined records of groups: another program than this group's tool wrote to its "
                "internal topic"});
      return;
    }
    const auto end = std::to_chars(offset, offset + sizeof offset, from);
    headers[headers.size() - 2].value = std::string_view(offset, static_cast<size_t>(end.ptr - offset));
    process(one, apart);
  }
}

}  // namespace kutils::flow

#include "io/partitions_of_lines.h"

#include <sys/stat.h>

#include <algorithm>
#include <string>

#include "base/signal.h"
#include "io/line_format.h"
#include "io/line_source.h"

namespace kutils::io {
namespace {

constexpr int32_t kMost = 100'000;  // as --partitions

bool can_be_read_twice(const Endpoint& in) {
  struct stat info {};
  return in.kind == EndpointKind::file && ::stat(in.name.c_str(), &info) == 0 && S_ISREG(info.st_mode);
}

}  // namespace

int32_t partitions_of_lines(const Endpoint& in) {
  if (!can_be_read_twice(in)) return 0;
  const auto source = open_line_source(in, parse_line_format("envelope", "-I"));
  int32_t partitions = 0;
  Batch batch;
  for (Fill fill = Fill::nothing; fill != Fill::end;) {
    if (process_stop().signal() != 0) throw Interrupted{};
    batch.clear();
    fill = source->poll(batch, Millis(0));
    for (const Record& record : batch.records()) {
      if (record.partition >= kMost) return 0;
      partitions = std::max(partitions, record.partition + 1);
    }
  }
  return partitions;
}

}  // namespace kutils::io

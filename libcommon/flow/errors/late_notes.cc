#include "flow/errors/late_notes.h"

namespace kutils::flow {
namespace {

// Behind --by, late records may have been read by other members of the group: then there is no share.
std::string of_how_many(uint64_t late, uint64_t in) { return late > in ? "" : " of " + std::to_string(in); }

}  // namespace

void LateNotes::tell(uint64_t late, uint64_t in, int64_t now_us) {
  if (told_ == 0) {
    log_.note(
        "late records are further behind the newest record than the tool waits (--grace, --within or "
        "--expires); they are dropped and counted.\n"
        "  a larger D includes them; one record far ahead in time makes all others late");
  } else if (now_us - told_us_ < kEachUs) {
    return;
  } else {
    log_.note(std::to_string(late - told_) + " more records were late, " + std::to_string(late) +
              of_how_many(late, in) + " so far");
  }
  told_ = late;
  told_us_ = now_us;
}

std::string late_advice(const Report::Counts& counts) {
  const uint64_t late = counts.drops[static_cast<size_t>(DropReason::late)];
  if (late == 0 || late * 100 <= counts.in) return {};
  std::string share;
  if (late <= counts.in) {
    const uint64_t permille = late * 1000 / counts.in;
    share = " (" + std::to_string(permille / 10) + "." + std::to_string(permille % 10) + " %)";
  }
  return std::to_string(late) + of_how_many(late, counts.in) + " records were late" + share +
         " and are not in the results.\n"
         "  They came after records that were newer by more than the tool waits. A larger D includes them, --late TOPIC\n"
         "  (kwindow, kdedup, ksort) keeps them; start from the beginning under another name with -g NAME to count them";
}

}  // namespace kutils::flow

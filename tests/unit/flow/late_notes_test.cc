// Who drops records as late says so at once, then each minute, and at the end where it was more than one in a
// hundred.
#include "flow/errors/late_notes.h"

#include "support/catch.h"
#include "support/lines_fakes.h"

namespace kutils::flow {
namespace {

Report::Counts counts(uint64_t in, uint64_t late) {
  Report::Counts out;
  out.in = in;
  out.drops[static_cast<size_t>(DropReason::late)] = late;
  return out;
}

TEST_CASE("late records: a note at once, then one a minute with how many") {
  testing::RecordingLog log;
  LateNotes notes(log);
  notes.look(counts(10, 0), 0);
  CHECK(log.notes.empty());
  notes.look(counts(20, 1), 1'000'000);
  REQUIRE(log.notes.size() == 1);
  CHECK(log.notes[0].find("--grace") != std::string::npos);
  notes.look(counts(30, 11), 60'000'000);
  CHECK(log.notes.size() == 1);
  // An aborted transaction takes its counts back.
  notes.look(counts(25, 0), 60'500'000);
  notes.look(counts(40, 21), 61'000'000);
  REQUIRE(log.notes.size() == 2);
  CHECK(log.notes[1] == "20 more records were late, 21 of 40 so far");
  notes.look(counts(50, 21), 200'000'000);
  CHECK(log.notes.size() == 2);
}

TEST_CASE("more than one record in a hundred was late: the last words say so") {
  CHECK(late_advice(counts(0, 0)).empty());
  CHECK(late_advice(counts(1000, 10)).empty());
  CHECK(late_advice(counts(46000, 34000)).find("34000 of 46000 records were late (73.9 %)") == 0);
}

// Behind --by a member drops records that others have read.
TEST_CASE("more records were late than this member read: no share of them is said") {
  CHECK(late_advice(counts(0, 141)).find("141 records were late and are not in the results") == 0);
  CHECK(late_advice(counts(7, 141)).find("141 records were late and are not in the results") == 0);
  testing::RecordingLog log;
  LateNotes notes(log);
  notes.look(counts(0, 1), 0);
  notes.look(counts(0, 21), 61'000'000);
  REQUIRE(log.notes.size() == 2);
  CHECK(log.notes[1] == "20 more records were late, 21 so far");
}

}  // namespace
}  // namespace kutils::flow

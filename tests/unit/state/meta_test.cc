#include "state/meta.h"
#include "support/catch.h"

using namespace kutils::state;
using Action = Resume::Action;

TEST_CASE("resume: the table of rule 17") {
  CHECK(decide_resume(std::nullopt, std::nullopt, 3, 9).action == Action::start);
  CHECK(decide_resume(5, 5, 0, 9).action == Action::resume);
  CHECK(decide_resume(5, 5, 0, 9).offset == 5);
  // Offsets expired at the broker: the state knows better.
  CHECK(decide_resume(std::nullopt, 5, 0, 9).action == Action::resume);
  CHECK(decide_resume(std::nullopt, 5, 0, 4).action == Action::input_recreated);
  CHECK(decide_resume(2, 5, 0, 4).action == Action::input_recreated);
  CHECK(decide_resume(5, 5, 0, 4).action == Action::input_recreated);
  CHECK(decide_resume(4, 5, 0, 9).action == Action::offsets_were_reset);
  CHECK(decide_resume(6, 5, 0, 9).action == Action::offsets_were_reset);
  CHECK(decide_resume(5, std::nullopt, 0, 9).action == Action::state_missing);
  CHECK(decide_resume(5, 5, 7, 9).action == Action::gap);
  CHECK(decide_resume(5, 5, 5, 5).action == Action::resume);
}

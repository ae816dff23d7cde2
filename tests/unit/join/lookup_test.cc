// Joins with tables that are looked up.
#include <map>

#include "flow/join/join_stage.h"
#include "join_fakes.h"
#include "support/catch.h"

using namespace kutils;
using namespace kutils::flow;

namespace {

class FixedTable final : public LookupTable {
 public:
  void open(const Job&, const Environment&) override {}
  bool find(std::string_view key, std::string& row) override {
    const auto found = rows.find(std::string(key));
    if (found != rows.end()) row = found->second;
    return found != rows.end();
  }
  std::map<std::string, std::string> rows;
};

}  // namespace

TEST_CASE("a look-up join meets the rows as they are, and takes every record for a left one", "[lookup]") {
  const auto table = std::make_shared<FixedTable>();
  table->rows = {{"a", "1"}, {"7", "2"}};
  JoinOptions options;
  options.right_topic = "r";
  options.type = kLeftJoin;
  JoinCapture out;
  const auto by_key = make_lookup_join(options, table);
  by_key->process(join_record("l", "a", "{}", 5), out);
  by_key->process(join_record("r", "b", "{}", 6),
                  out);  // a header or topic of a right side is somebody else's
  by_key->process(join_record("l", "(null)", "{}", 7), out);
  table->rows["a"] = "3";
  by_key->process(join_record("l", "a", "{}", 4), out);
  CHECK(
      out.taken() ==
      "a={\"left\":{},\"right\":1}@5 b={\"left\":{},\"right\":null}@6 (null)={\"left\":{},\"right\":null}@7 "
      "a={\"left\":{},\"right\":3}@4");
  by_key->process(join_record("l", "a", "-", 8), out);
  by_key->process(join_record("l", "a", "{", 8), out);
  CHECK(out.results.empty());
  CHECK(out.drops.size() == 1);
  CHECK(out.errors.size() == 1);

  options.on = "user";
  options.type = kAntiJoin;
  const auto by_field = make_lookup_join(options, table);
  by_field->process(join_record("l", "a", "{\"user\":7}", 5), out);
  by_field->process(join_record("l", "a", "{\"user\":8}", 5), out);
  CHECK(out.taken() == "a={\"left\":{\"user\":8},\"right\":null}@5");
}

#include "state/layout.h"

#include <filesystem>

#include "base/fs.h"
#include "support/catch.h"

using namespace kutils;
using namespace kutils::state;

namespace {

struct Directory {
  std::string path = std::filesystem::temp_directory_path() / "kutils-layout-XXXXXX";
  Directory() { REQUIRE(::mkdtemp(path.data()) != nullptr); }
  ~Directory() { std::filesystem::remove_all(path); }
};

}  // namespace

TEST_CASE("state of one group name on two clusters lies apart") {
  const Directory dir;
  CHECK(claim_group_name(dir.path, "g", "one") == "g");
  CHECK(claim_group_name(dir.path, "g", "one") == "g");
  CHECK(claim_group_name(dir.path, "g", "two") == "g@two");
  make_directories(partition_directory(dir.path, "g@two", 0) + "/db");
  CHECK(claim_group_name(dir.path, "g", "one") == "g");
  // Also where the first one's state is deleted meanwhile.
  std::filesystem::remove_all(group_directory(dir.path, "g"));
  CHECK(claim_group_name(dir.path, "g", "two") == "g@two");
  CHECK(claim_group_name(dir.path, "g", "three") == "g");
}

TEST_CASE("state that an earlier version wrote belongs to the first cluster that comes") {
  const Directory dir;
  make_directories(partition_directory(dir.path, "g", 3) + "/db");
  CHECK(claim_group_name(dir.path, "g", "one") == "g");
  CHECK(claim_group_name(dir.path, "g", "two") == "g@two");
  CHECK(stored_partitions(dir.path, "g") == std::vector<int32_t>{3});
}

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

TEST_CASE("a directory where the lock should be is named") {
  const Directory dir;
  make_directories(partition_directory(dir.path, "g", 3) + "/lock");
  CHECK_THROWS_WITH(try_hold(dir.path, "g", 3),
                    Catch::Matchers::ContainsSubstring("/g/3/lock is a directory, but must be a file"));
}

TEST_CASE("a partition whose process hangs gets another directory; the old one goes when nobody holds it") {
  const Directory dir;
  auto hung = try_hold(dir.path, "g", 3);
  REQUIRE(hung);
  CHECK(hung->directory == partition_directory(dir.path, "g", 3));
  make_directories(database_directory(hung->directory));
  CHECK_FALSE(try_hold(dir.path, "g", 3));

  auto own = hold_another(dir.path, "g", 3);
  REQUIRE(own);
  CHECK(own->directory == partition_directory(dir.path, "g", 3, 1));
  CHECK(newest_directory(dir.path, "g", 3) == own->directory);
  CHECK(newest_directory(dir.path, "g", 4) == partition_directory(dir.path, "g", 4));
  // Whoever reads what is there must not take the old one for the state, also before the new one has a row.
  CHECK(stored_partitions(dir.path, "g") == std::vector<int32_t>{3});
  // Held: not deleted, and nobody else gets either.
  delete_replaced(dir.path, "g", 3);
  CHECK(file_exists(hung->directory));
  CHECK_FALSE(try_hold(dir.path, "g", 3));

  hung.reset();
  CHECK_FALSE(try_hold(dir.path, "g", 3));
  delete_replaced(dir.path, "g", 3);
  CHECK_FALSE(file_exists(partition_directory(dir.path, "g", 3)));
  CHECK(file_exists(own->directory));
  // It hangs as well.
  CHECK(hold_another(dir.path, "g", 3)->directory == partition_directory(dir.path, "g", 3, 2));
  own.reset();
  CHECK(try_hold(dir.path, "g", 3)->directory == partition_directory(dir.path, "g", 3, 2));
}
